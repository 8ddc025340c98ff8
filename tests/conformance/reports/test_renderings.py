"""JUnit, Markdown, badge, annotations, statement: rendered from a report, read as others do."""

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest
import yaml

from conformance.reports.annotations import annotations
from conformance.reports.badge import badge_json, badge_svg
from conformance.reports.document import seal
from conformance.reports.junit import junit
from conformance.reports.markdown import LIMIT, markdown
from conformance.reports.statement import statement

from .conftest import Report, call

FAILED = "rm-unknown[host,flag,text]"


def spoil(report: Report, *statuses: str) -> Report:
    """The first rows get these statuses."""
    for row, status in zip(report["rows"], statuses, strict=False):
        row["status"] = status
        row["reason"] = "because"
        row["checks"] = []
    return seal(report)


# ---------------------------------------------------------------------- JUnit
def test_junit_counts_are_those_of_the_report(broken: Path, broken_report: Report) -> None:
    root = ET.parse(broken / "junit.xml").getroot()
    cases = root.findall("./testsuite/testcase")
    kinds = Counter(child.tag for case in cases for child in case if child.tag != "properties")
    counts = broken_report["footer"]["counts"]
    assert kinds == {"failure": counts["fail"], "skipped": counts["unsupported"]}
    assert int(root.attrib["tests"]) == len(cases) == broken_report["footer"]["planned"]
    assert int(root.attrib["failures"]) == counts["fail"]
    for suite in root:
        assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
        assert float(suite.attrib["time"]) > 0


def test_junit_has_requirements_as_properties_and_the_failure_at_length(broken: Path) -> None:
    root = ET.parse(broken / "junit.xml").getroot()
    case = next(c for c in root.iter("testcase") if c.attrib["name"] == FAILED)
    properties = {(p.attrib["name"], p.attrib["value"]) for p in case.iter("property")}
    assert ("requirement", "RM-1c") in properties
    assert case.attrib["classname"] == "host.rm"
    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "exit code: expected exit 3, observed exit 0"
    assert "expected  exit 3" in (failure.text or "")
    assert "$ awl --runtime host rm unknown --yes" in (failure.text or "")


@pytest.mark.parametrize("status", ["error", "blocked", "not-run"])
def test_junit_never_shows_what_was_not_proved_as_skipped(good_report: Report, status: str) -> None:
    root = ET.fromstring(junit(spoil(good_report, status)))
    assert root.attrib["errors"] == "1"


def test_junit_survives_what_xml_cannot_hold(good_report: Report) -> None:
    row = spoil(good_report, "fail")["rows"][0]
    row["reason"] = "\x00\x1b[31m \ud800 ]]> & <b>"
    text = junit(good_report)
    assert "\\x1b[31m" in text
    ET.fromstring(text.encode())


# ---------------------------------------------------------------------- Markdown
def test_markdown_says_verdict_grid_and_failures(broken: Path) -> None:
    text = (broken / "summary.md").read_text()
    assert "❌ nonconformant" in text
    assert "| rm | 0/5 (4 fail, 1 unsupported) | 0/4 (4 fail) |" in text
    assert text.count("<details>") == text.count("</details>") == 8
    assert "awl-conformance replay 'rm-unknown[host,flag,text]'" in text


def test_markdown_fits_a_comment_whatever_there_is_to_say(good_report: Report) -> None:
    row = good_report["rows"][0]
    row.update(status="fail", reason="``` a fence\n" + "x" * 5000)
    good_report["rows"] = [
        {**row, "cell": f"{row['cell']}{n}", "requirements": row["requirements"]}
        for n in range(2000)
    ]
    text = markdown(seal(good_report))
    assert len(text) <= LIMIT
    assert "more; `report.html` has them all" in text
    assert "````text" in text


# ---------------------------------------------------------------------- badge
def test_the_badge_says_what_was_passed(good: Path, good_report: Report) -> None:
    badge = json.loads(badge_json(good_report))
    assert badge["schemaVersion"] == 1
    assert badge["message"] == "conformant 16/17 (part)"
    assert badge["isError"] is False
    svg = ET.fromstring(badge_svg(good_report))
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert (good / "badge.svg").read_text() == badge_svg(good_report)
    assert json.loads(call("badge", str(good), "--format", "json").stdout) == badge


def test_a_badge_is_red_where_something_failed(broken_report: Report) -> None:
    assert json.loads(badge_json(broken_report))["color"] == "b3352c"
    assert "nonconformant" in badge_svg(broken_report)


# ---------------------------------------------------------------------- annotations
def test_annotations_stand_at_the_line_of_the_case(broken_report: Report) -> None:
    lines = annotations(broken_report).splitlines()
    assert len(lines) == 8
    found = re.fullmatch(r"::error file=(.+),line=(\d+),title=(.+?)::(.+)", lines[0])
    assert found is not None
    file, line, title, message = found.groups()
    text = (Path(__file__).resolve().parents[3] / file).read_text().splitlines()
    assert "id: rm-unknown" in text[int(line) - 1]
    assert title == "fail%3A rm-unknown on container"
    assert "%0Aawl-conformance replay" in message


def test_nothing_is_annotated_where_all_is_good(good_report: Report) -> None:
    assert annotations(good_report) == ""


# ---------------------------------------------------------------------- statement
def test_a_statement_says_what_was_and_was_not_proved(good: Path) -> None:
    ran = call("statement", str(good))
    assert ran.exit == 0
    said = yaml.safe_load(ran.stdout)
    assert said["verdict"]["word"] == "conformant"
    assert said["proved"]["cells"] == 16
    assert "RM-1c" in said["proved"]["requirements"]
    assert said["not_proved"]["cells"] == {"unsupported": 1}
    assert said["not_proved"]["requirements"]["unsupported"]
    assert said["not_proved"]["left_out_by_selection"]["select"].startswith("rm-unknown")
    assert said["profiles"]["core"]["proved"] == len(said["proved"]["requirements"])
    assert any("awl-conformance run" in line for line in said["repeat"])


def test_a_statement_names_what_failed_and_what_is_open(
    broken_report: Report, good_report: Report
) -> None:
    said = yaml.safe_load(statement(broken_report))
    assert said["not_proved"]["requirements"]["failed"] == ["RM-1c"]
    statuses = ["blocked", "diverged"] + ["pass"] * 20
    said = yaml.safe_load(statement(spoil(good_report, *statuses)))
    assert said["not_proved"]["requirements"]["diverged"]


def test_no_statement_is_made_of_a_report_that_does_not_hold(
    broken_report: Report, tmp_path: Path
) -> None:
    broken_report["rows"][-1]["status"] = "pass"
    path = tmp_path / "report.json"
    path.write_text(json.dumps(broken_report))
    ran = call("statement", str(path))
    assert ran.exit == 1
    assert ran.stdout == ""


# ---------------------------------------------------------------------- report
def test_report_renders_anew_what_the_run_left(good: Path, tmp_path: Path) -> None:
    ran = call("report", str(good / "results.jsonl"), "--out", str(tmp_path))
    assert ran.exit == 0
    for name in ("report.json", "junit.xml", "summary.md", "report.html", "badge.svg"):
        assert (tmp_path / name).read_bytes() == (good / name).read_bytes(), name


def test_report_gives_one_format(good: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "x.json"
    assert call("report", str(good), "--format", "durations", "-o", str(out)).exit == 0
    known = json.loads(out.read_text())["milliseconds"]
    assert known.keys() == {
        "cli-version container",
        "cli-version host",
        "parity-rm-keep-volumes-host host",
        "rm-unknown container",
        "rm-unknown host",
    }
    assert "❌" not in call("report", str(good), "--format", "markdown").stdout


def test_report_takes_the_score_of_the_faults_in(good: Path, tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('{"schema_version": 1, "digest": "d", "faults": 50, "caught": 49}')
    ran = call("report", str(good), "--faults", str(faults), "-o", str(tmp_path / "out"))
    assert ran.exit == 0
    assert call("verify", str(tmp_path / "out")).exit == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["header"]["faults"]["score"] == 0.98
    faults.write_text("{}")
    assert call("report", str(good), "--faults", str(faults), "-o", str(tmp_path)).exit == 2


def test_report_of_what_is_none_is_2(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    assert call("report", str(tmp_path)).exit == 2
    (tmp_path / "results.jsonl").write_text("{}\n")
    assert call("report", str(tmp_path / "results.jsonl")).exit == 2
