"""What a person reads at the end of a run."""

import io

import pytest
from attrs import evolve

from conformance.reports.terminal import Progress, Style, summary
from conformance.results import Check, Result, Status, StepRecord, Tally, Verdict, judge

PLAIN = Style(colour=False, unicode=True)
TEXTS = {"RM-1a": "rm removes the named workspaces"}


def result(cell: str, status: Status, observed: str = "exit 1") -> Result:
    failed = status is Status.FAIL
    return Result(
        cell=cell,
        case="rm-known",
        runtime=cell.partition("[")[2].rstrip("]"),
        command="rm",
        requirements=("RM-1a",),
        polarity="positive",
        status=status,
        reason="" if failed or status is Status.PASS else "why it is so",
        checks=(Check("exit code", not failed, "exit 0", observed),),
        steps=(StepRecord("step", ("awl", "rm", "it's"), {}, 1, None, "", "said\n", 0.1),),
    )


def page(*results: Result, lost: tuple[str, ...] = (), style: Style = PLAIN) -> str:
    found = {one.cell: one for one in results}
    planned = {one.cell: (one.runtime, one.command) for one in results}
    planned |= dict.fromkeys(lost, ("host", "rm"))
    return summary(
        planned=planned,
        results=found,
        texts=TEXTS,
        verdict=judge(Tally.of(planned, found)),
        notes=["target  awl"],
        style=style,
        out="/out",
    )


def test_the_grid_has_a_box_for_each_command_and_runtime() -> None:
    text = page(result("a[host]", Status.PASS), result("b[container]", Status.PASS))
    assert "command  host   container" in text
    assert "rm       ✓ 1/1  ✓ 1/1" in text
    assert "planned 2 = 2 pass" in text
    assert "verdict: conformant" in text


def test_a_box_in_which_nothing_was_played_has_no_mark() -> None:
    text = page(result("a[host]", Status.SKIPPED), result("b[container]", Status.PASS))
    assert "rm       – (1 skipped)  ✓ 1/1" in text  # noqa: RUF001 - a dash is meant


def test_a_failure_shows_requirement_expected_observed_command_and_replay() -> None:
    text = page(result("rm-known[host]", Status.FAIL))
    for part in (
        "✗ rm-known[host]  [fail]",
        "RM-1a: rm removes the named workspaces",
        "expected  exit 0",
        "observed  exit 1",
        "ran       awl rm 'it'\\''s'",
        "| said",
        "replay    awl-conformance replay 'rm-known[host]'",
        "✗ 0/1 (1 fail)",
        "verdict: nonconformant (1 fail)",
    ):
        assert part in text, part


def test_the_runtime_of_the_environment_belongs_to_the_command() -> None:
    failed = result("rm-known[host]", Status.FAIL)
    step = StepRecord(
        "step", ("awl", "rm", "a"), {"AWL_RUNTIME": "host", "LANG": "C"}, 1, None, "", "", 0.1
    )
    assert "ran       AWL_RUNTIME=host awl rm a\n" in page(evolve(failed, steps=(step,)))


def test_what_was_blocked_says_why_also_where_all_is() -> None:
    text = page(result("a[host]", Status.BLOCKED), result("b[host]", Status.BLOCKED))
    assert "root cause" not in text
    assert "✗ a[host]  [blocked]" in text
    assert "why       why it is so" in text
    assert "the same  b[host]" in text


def test_a_control_that_failed_is_grouped_by_its_reason() -> None:
    cells = [
        evolve(result(f"c{n}[host]", Status.BLOCKED), reason=f"its control x{n} did not pass: no")
        for n in range(3)
    ]
    assert "the same  c1[host], c2[host]" in page(*cells)


def test_one_case_where_the_same_was_expected_is_told_once() -> None:
    cells = [result(f"rm-known[host,{n}]", Status.FAIL, f"exit {n}") for n in range(3, 6)]
    text = page(*cells, result("other[host]", Status.FAIL, "exit 9"))
    assert "the same  rm-known[host,4], rm-known[host,5]" in text
    assert text.index("✗ rm-known[host,3]") < text.index("✗ other[host]")


def test_checks_that_are_not_shown_are_counted() -> None:
    failed = result("a[host]", Status.FAIL)
    text = page(evolve(failed, checks=failed.checks * 5))
    assert "… and 2 more, see replay" in text


def test_failures_alike_are_told_once() -> None:
    cells = [result(f"c{n}[host]", Status.FAIL) for n in range(6)]
    text = page(*cells)
    assert text.count("observed  exit 1") == 1
    assert "the same  c1[host], c2[host], c3[host] and 2 more" in text


def test_many_ways_to_fail_are_counted() -> None:
    text = page(*(result(f"c{n}[host]", Status.FAIL, f"exit {n}") for n in range(12)))
    assert "… and 4 cells that fail in 4 other ways" in text


def test_a_dead_target_gives_one_root_cause() -> None:
    blocked = [result(f"c{n}[host]", Status.BLOCKED) for n in range(3)]
    found = {one.cell: one for one in blocked}
    text = summary(
        planned=dict.fromkeys(found, ("host", "rm")),
        results=found,
        texts=TEXTS,
        verdict=Verdict("nonconformant", 1, "it does not answer\nat all"),
        notes=[],
        style=PLAIN,
        out="/out",
    )
    assert text.count("it does not answer") == 2  # the cause, and the verdict's first line
    assert "c0[host]" not in text


def test_a_cell_without_a_result_is_not_run() -> None:
    text = page(result("a[host]", Status.PASS), lost=("b[host]",))
    assert "1 not-run" in text
    assert "incomplete" in text


def test_colours_and_marks_only_where_they_can_be_seen() -> None:
    text = page(result("a[host]", Status.PASS), style=Style(colour=True, unicode=False))
    assert "\033[32m" in text
    assert "ok 1/1" in text
    assert "✓" not in text
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert Style.of(stream) == Style(colour=False, unicode=False)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_progress_moves_on_a_terminal_and_names_failures_as_they_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    stream = Terminal()
    progress = Progress(stream, 2)
    progress.add(result("a[host]", Status.FAIL))
    progress.add(result("b[host]", Status.PASS))
    progress.finish()
    text = stream.getvalue()
    assert "a[host]" in text
    assert "2/2 cells" in text
    assert "█" in text


def test_progress_is_quiet_in_ci_even_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    stream = Terminal()
    progress = Progress(stream, 50)
    for n in range(50):
        progress.add(result(f"{n}[host]", Status.FAIL))
    progress.finish()
    assert "\r" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) <= 3


def test_progress_is_quiet_elsewhere() -> None:
    stream = io.StringIO()
    progress = Progress(stream, 50)
    for n in range(50):
        progress.add(result(f"{n}[host]", Status.PASS))
    progress.finish()
    assert len(stream.getvalue().splitlines()) <= 3
    assert "\r" not in stream.getvalue()
