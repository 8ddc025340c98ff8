"""A report that was tampered with is refused, saying why; so is one that accuses falsely."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue.case import Suite
from conformance.reports import document
from conformance.reports.document import seal
from conformance.reports.verify import Verification, verify

from .conftest import Report, call

Write = Callable[..., Path]


def cell(report: Report, id_: str) -> dict[str, Any]:
    return next(row for row in report["rows"] if row["cell"] == id_)


def problems(report: Report, suite: Suite, **options: str) -> str:
    return "\n".join(verify(report, suite, **options).problems)


FAILED = "rm-unknown[host,flag,text]"
PASSED = "cli-version[host,flag,version]"


def test_what_runs_write_holds(good_report: Report, broken_report: Report, suite: Suite) -> None:
    for report in (good_report, broken_report):
        found = verify(report, suite)
        assert found.problems == ()
        assert found.rows == report["footer"]["planned"] == len(report["rows"])
        assert found.checks > found.rows
        assert found.trusted == 0


# ---------------------------------------------------------------------- five tamperings
# Each as a forger would: by hand, which the digests show; and with new digests, which they do not.
def turn_a_verdict(report: Report) -> None:
    cell(report, FAILED)["status"] = "pass"


def drop_a_row(report: Report) -> None:
    report["rows"] = [row for row in report["rows"] if row["cell"] != FAILED]


def swap_the_program(report: Report) -> None:
    report["header"]["program"]["digest"] = "0" * 64


@pytest.mark.parametrize("tamper", [turn_a_verdict, drop_a_row, swap_the_program])
def test_a_changed_report_is_refused(
    broken_report: Report, suite: Suite, tamper: Callable[[Report], None]
) -> None:
    tamper(broken_report)
    assert "digest" in problems(broken_report, suite)


def test_a_verdict_that_was_changed_and_sealed_anew_contradicts_its_evidence(
    broken_report: Report, suite: Suite
) -> None:
    turn_a_verdict(broken_report)
    said = problems(seal(broken_report), suite)
    assert f"{FAILED}: status pass, by its evidence fail" in said


def test_a_check_that_was_turned_too_contradicts_its_evidence(
    broken_report: Report, suite: Suite
) -> None:
    turn_a_verdict(broken_report)
    for check in cell(broken_report, FAILED)["checks"]:
        check["ok"] = True
    assert "by its evidence exit code (exit 3) does not hold" in problems(
        seal(broken_report), suite
    )


def test_a_check_that_was_left_out_is_missed(broken_report: Report, suite: Suite) -> None:
    row = cell(broken_report, FAILED)
    row["checks"] = [check for check in row["checks"] if check["ok"]]
    row["status"] = "pass"
    assert "does not hold" in problems(seal(broken_report), suite)


def test_an_expectation_that_was_loosened_is_not_the_contracts(
    broken_report: Report, suite: Suite
) -> None:
    row = cell(broken_report, FAILED)
    for check in row["checks"]:
        check["ok"] = True
        check["expected"] = check["expected"].replace("exit 3", "exit 0")
    row["status"] = "pass"
    assert "exit code" in problems(seal(broken_report), suite)


def test_another_command_than_the_cases_is_seen(good_report: Report, suite: Suite) -> None:
    cell(good_report, PASSED)["steps"][-1]["argv"][-1] = "help"
    assert "by the data" in problems(seal(good_report), suite)


def test_evidence_that_was_taken_away_is_missed(good_report: Report, suite: Suite) -> None:
    cell(good_report, PASSED)["steps"] = []
    assert "0 of 1 steps have evidence" in problems(seal(good_report), suite)


def test_a_row_that_was_dropped_is_missed(broken_report: Report, suite: Suite) -> None:
    drop_a_row(broken_report)
    assert f"{FAILED}: planned by its selection" in problems(seal(broken_report), suite)


def test_a_row_that_is_there_twice_is_refused(good_report: Report, suite: Suite) -> None:
    rows = good_report["rows"]
    rows.insert(1, dict(rows[0]))
    assert "2 rows" in problems(seal(good_report), suite)


def test_a_failure_that_is_called_skipped_was_not_skipped_by_the_selection(
    broken_report: Report, suite: Suite
) -> None:
    cell(broken_report, FAILED)["status"] = "skipped"
    assert "skipped" in problems(seal(broken_report), suite)


def test_a_failure_that_is_called_blocked_has_a_check_that_failed(
    broken_report: Report, suite: Suite
) -> None:
    cell(broken_report, FAILED)["status"] = "blocked"
    assert "blocked, but a check of it failed" in problems(seal(broken_report), suite)


def test_counts_and_verdict_follow_from_the_rows(good_report: Report, suite: Suite) -> None:
    good_report["footer"]["counts"]["pass"] += 1
    assert "counts" in problems(good_report, suite)
    good_report["footer"]["verdict"]["word"] = "nonconformant"
    assert "verdict" in problems(good_report, suite)


def test_a_requirement_with_other_words_is_seen(good_report: Report, suite: Suite) -> None:
    next(iter(good_report["requirements"].values()))["text"] = "anything goes"
    assert "worded otherwise" in problems(seal(good_report), suite)


def test_a_narrower_selection_does_not_hide_rows(broken_report: Report, suite: Suite) -> None:
    # Rows and selection agree; what it says it planned is then there for all to read.
    broken_report["header"]["selection"]["select"] = "cli-version"
    assert "not planned by its selection" in problems(seal(broken_report), suite)


def test_a_report_of_other_data_is_refused(good_report: Report, suite: Suite) -> None:
    good_report["header"]["data"]["digest"] = "1" * 64
    said = problems(seal(good_report), suite)
    assert "another data" in said
    assert "--matrices" in said


def test_the_program_can_be_asked_for(
    good: Path, good_report: Report, suite: Suite, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\n")
    assert "another program" in problems(good_report, suite, program=str(other))
    swap_the_program(good_report)
    assert problems(seal(good_report), suite) == ""  # a digest alone says nothing of the world,
    ran = call("verify", str(good), "--program", str(other))  # so one names the program
    assert ran.exit == 1
    assert "another program" in ran.stderr


def test_truncation_is_refused(good: Path, write: Write) -> None:
    text = (good / "report.json").read_text()
    ran = call("verify", str(write(text[: len(text) // 2])))
    assert ran.exit == 1
    assert "cut off" in ran.stderr


def test_the_form_is_held_to_the_schema(good_report: Report, suite: Suite) -> None:
    del good_report["rows"][0]["steps"]
    assert "'steps' is a required property" in problems(good_report, suite)
    good_report["rows"] = {}
    assert "not a list" in problems(good_report, suite)


def test_verify_says_what_holds(good: Path) -> None:
    ran = call("verify", str(good))
    assert ran.exit == 0
    assert "holds: " in ran.stdout
    assert "verdict: conformant" in ran.stdout
    told = json.loads(call("verify", str(good), "--json").stdout)
    assert told["holds"] is True
    assert told["taken_on_trust"] == 0


def test_verify_is_1_and_names_the_cell(broken_report: Report, write: Write) -> None:
    turn_a_verdict(broken_report)
    path = write(seal(broken_report))
    ran = call("verify", str(path))
    assert ran.exit == 1
    assert FAILED in ran.stderr
    assert json.loads(call("verify", str(path), "--json").stdout)["holds"] is False


def test_a_key_shows_whose_report_it_is(good: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text((good / "report.json").read_text())
    key, other, short = (tmp_path / name for name in ("key", "other", "short"))
    key.write_text("a secret of enough bytes\n")
    other.write_text("another secret of as many\n")
    short.write_text("short")
    assert "no signature" in call("verify", str(report), "--key", str(key)).stderr
    assert call("verify", str(report), "--key", str(key), "--sign").exit == 0
    assert call("verify", str(report), "--key", str(key)).exit == 0
    ran = call("verify", str(report), "--key", str(other))
    assert ran.exit == 1
    assert "not the signature" in ran.stderr
    assert "expected 16" in call("verify", str(report), "--key", str(short)).stderr
    assert call("verify", str(report), "--sign").exit == 2


def test_long_streams_are_taken_as_recorded_and_counted(good_report: Report, suite: Suite) -> None:
    row = cell(good_report, PASSED)
    step = row["steps"][-1]
    step["whole"] = {"stdout": {"length": 10**6, "sha256": "0" * 64}}
    found = verify(seal(good_report), suite)
    assert isinstance(found, Verification)
    assert found.problems == ()
    assert found.trusted > 0


@pytest.mark.parametrize("command", ["verify", "badge", "statement", "report"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"# Read me\n", "no report: it is no JSON document"),
        (b"\xff\xfe", "no report: it is no text"),
        (b"[1]", "no report: it has no footer, header, rows"),
        (b'{"name": 1}', "no report: it has no footer, header, rows"),
        (b'{"header": {}}\n{"plan": []}\n', "no report: it is no JSON document"),
    ],
)
def test_what_is_no_report_at_all_is_a_usage_error(
    tmp_path: Path, command: str, content: bytes, told: str
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    ran = call(command, str(path))
    assert ran.exit == 2
    assert told in ran.stderr


@pytest.mark.parametrize("command", ["badge", "report"])
def test_what_cannot_be_rendered_is_a_usage_error(tmp_path: Path, command: str) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"schema_version": 1, "header": {}, "rows": [], "footer": {}}')
    ran = call(command, str(path))
    assert ran.exit == 2
    assert "required property" in ran.stderr


def test_a_report_without_a_part_or_with_more_is_refused(good_report: Report, write: Write) -> None:
    more = write(json.dumps(good_report) + "\nmore\n")
    del good_report["rows"]
    for path in (more, write(good_report)):
        assert call("verify", str(path)).exit == 1


def test_a_folder_without_a_report_and_a_key_that_is_none_are_usage_errors(
    good: Path, tmp_path: Path
) -> None:
    ran = call("verify", str(tmp_path))
    assert ran.exit == 2
    assert "No such file" in ran.stderr
    assert call("verify", str(good), "--key", str(tmp_path / "nope")).exit == 2
    (tmp_path / "short").write_text("short")
    assert call("verify", str(good), "--key", str(tmp_path / "short")).exit == 2


def test_files_that_are_no_reports_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text, told in (
        ("[]", "no report"),
        ('{"header": {}, "rows": [], "footer": {}, "schema_version": 9}', "schema_version 9"),
        ("{", "cut off"),
    ):
        path.write_text(text)
        with pytest.raises(document.ReportError, match=told):
            document.load(path)
