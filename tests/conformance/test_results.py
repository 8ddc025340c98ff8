"""Counts sum to the plan, and only what was proved is green (KIT-5, KIT-11)."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.results import (
    Check,
    Result,
    ResultsWriter,
    Status,
    StepRecord,
    Tally,
    judge,
)


def result(cell: str, status: Status) -> Result:
    return Result(
        cell=cell,
        case="c",
        runtime="host",
        command="ls",
        requirements=("LS-1a",),
        polarity="positive",
        status=status,
        checks=(Check("exit code", False, "exit 0", "exit 1"),),
        steps=(StepRecord("step", ("awl", "ls"), {"A": "b"}, 1, None, "o", "e", 0.1, stdin="i"),),
    )


@given(st.lists(st.sampled_from(list(Status))), st.integers(0, 3))
def test_the_counts_sum_to_the_plan(statuses: list[Status], lost: int) -> None:
    results = {str(n): result(str(n), status) for n, status in enumerate(statuses)}
    planned = [*results, *(f"lost{n}" for n in range(lost))]
    tally = Tally.of(planned, results)
    assert sum(tally.counts.values()) == tally.planned == len(planned)
    verdict = judge(tally)
    bad = {*Status} - {Status.PASS, Status.UNSUPPORTED, Status.SKIPPED, Status.DIVERGED}
    if verdict.exit == 0:
        assert tally[Status.PASS] > 0
        assert not any(tally[status] for status in bad)


@pytest.mark.parametrize(
    ("counts", "word", "code"),
    [
        ({Status.PASS: 2}, "conformant", 0),
        ({Status.PASS: 2, Status.UNSUPPORTED: 1}, "conformant", 0),
        ({Status.PASS: 1, Status.DIVERGED: 1}, "conformant with declared divergences", 0),
        ({Status.PASS: 1, Status.FAIL: 1, Status.NOT_RUN: 1}, "nonconformant", 1),
        ({Status.PASS: 1, Status.STALE: 1}, "nonconformant", 1),
        ({Status.PASS: 1, Status.FLAKY: 1}, "nonconformant", 1),
        ({Status.PASS: 1, Status.BLOCKED: 1}, "incomplete", 4),
        ({Status.PASS: 1, Status.ERROR: 1}, "incomplete", 4),
        ({Status.PASS: 1, Status.NOT_RUN: 1}, "incomplete", 4),
        ({Status.UNSUPPORTED: 5}, "incomplete", 4),
        ({}, "incomplete", 4),
    ],
)
def test_verdicts(counts: dict[Status, int], word: str, code: int) -> None:
    verdict = judge(Tally(sum(counts.values()), counts))
    assert (verdict.word, verdict.exit) == (word, code)


def test_a_root_cause_and_gaps_are_never_green() -> None:
    tally = Tally(1, {Status.PASS: 1})
    assert judge(tally, "dead").exit == 1
    assert judge(tally, gaps=1).exit == 4


@given(st.sampled_from(list(Status)))
def test_a_result_survives_its_json(status: Status) -> None:
    first = result("a", status)
    assert Result.from_json(json.loads(json.dumps(first.to_json()))) == first


def test_the_file_has_header_results_and_footer(tmp_path: Path) -> None:
    writer = ResultsWriter(tmp_path / "deep" / "results.jsonl", {"suite": "1"})
    writer.add(result("a", Status.FAIL))
    tally = Tally(1, {Status.FAIL: 1})
    writer.close(tally, judge(tally))
    rows = [
        json.loads(line) for line in (tmp_path / "deep" / "results.jsonl").read_text().splitlines()
    ]
    assert [next(iter(row)) for row in rows] == ["header", "result", "footer"]
    assert rows[-1]["footer"]["counts"] == {"fail": 1}
