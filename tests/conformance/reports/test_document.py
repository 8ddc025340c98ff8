"""The report document: canonical, complete, the same from run to run but for named fields."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance import resources
from conformance.catalogue.case import Suite
from conformance.catalogue.matrix import expand
from conformance.execute import Worker
from conformance.reports import document
from conformance.reports.document import (
    NAMED_FIELDS,
    ReportError,
    build,
    dumps,
    read_results,
    step_of,
    without_named,
)
from conformance.reports.normal import normal, variables
from conformance.reports.schema import violations

from .conftest import Report, run

NAMED = "may differ between two runs"


def _named(schema: Any, place: str, defs: Any) -> Iterator[str]:
    if schema.get("$comment") == NAMED:
        yield place
        return
    if "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]]
    for key, inner in schema.get("properties", {}).items():
        yield from _named(inner, f"{place}.{key}".lstrip("."), defs)
    if isinstance(schema.get("items"), dict):
        yield from _named(schema["items"], f"{place}[]", defs)


def test_the_schema_names_the_same_fields() -> None:
    schema = json.loads((resources.schemas() / "report.json").read_text())
    assert set(_named(schema, "", schema["$defs"])) == NAMED_FIELDS.keys()


def test_a_run_leaves_everything_in_one_place(good: Path) -> None:
    names = {"results.jsonl", "report.json", "junit.xml", "summary.md", "report.html"}
    assert names | {"badge.svg", "badge.json"} <= {path.name for path in good.iterdir()}


def test_reports_fit_their_schema(good_report: Report, broken_report: Report) -> None:
    assert [*violations(good_report)] == []
    assert [*violations(broken_report)] == []


def test_rows_are_sorted_and_the_text_is_canonical(good: Path, good_report: Report) -> None:
    ids = [row["cell"] for row in good_report["rows"]]
    assert ids == sorted(ids)
    assert dumps(good_report) == (good / "report.json").read_text()


def test_two_runs_differ_only_in_the_named_fields(good_report: Report, tmp_path: Path) -> None:
    assert run(tmp_path / "again", "--seed", "7").exit == 0
    again = json.loads((tmp_path / "again" / "report.json").read_text())
    assert without_named(again) == without_named(good_report)
    assert again["footer"]["stable"] == good_report["footer"]["stable"]
    assert again["footer"]["root"] != good_report["footer"]["root"]


def test_nothing_of_the_run_is_left_in_the_rows(good: Path, good_report: Report) -> None:
    world = read_results(good / "results.jsonl").header["world"]
    text = json.dumps(good_report)
    for name in ("run", "stamp", "canary", "program"):
        assert world[name] not in text, name


def test_a_row_has_all_that_its_cell_needs(broken_report: Report) -> None:
    row = next(r for r in broken_report["rows"] if r["status"] == "fail")
    step = row["steps"][-1]
    assert row["requirements"] == ["RM-1c"]
    assert row["control"].startswith("rm-known[")
    assert row["source"].startswith("matrices/cases/rm.yaml:")
    assert step["argv"][0] == "/awl-conformance/program"
    assert step["env"]["AGENT_ENV_IMAGE"]
    assert step["exit"] == 0
    assert step["seen"]["before"].keys() == {"workspaces", "engine", "home", "decoys"}


def test_results_that_were_cut_off_give_what_was_not_run(
    good: Path, suite: Suite, tmp_path: Path
) -> None:
    lines = (good / "results.jsonl").read_text().splitlines(keepends=True)
    cut = tmp_path / "results.jsonl"
    cut.write_text("".join(lines[:5]) + lines[5][:40])
    cells = {cell.id: cell for cell in expand(suite)}
    report = build(read_results(cut), suite, cells)
    assert report["footer"]["counts"] == {"pass": 3, "not-run": len(lines) - 6}
    assert report["footer"]["verdict"]["exit"] == 4
    assert report["header"]["runs"][0]["closed"] is False
    assert [*violations(report)] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no header"),
        ('{"header": {}}\n', "no header"),
        ("no json\n{}\n", "not JSON"),
        ('{"result": {"cell": "x"}}\n', "not a line of results"),
    ],
)
def test_files_that_are_no_results_are_refused(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(text)
    with pytest.raises(ReportError, match=told):
        read_results(path)


def test_results_of_other_data_are_refused(good: Path, suite: Suite, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    text = (good / "results.jsonl").read_text()
    path.write_text(text.replace(suite.digest, "0" * 64))
    with pytest.raises(ReportError, match="other data"):
        build(read_results(path), suite, {})


def test_the_fixed_names_stand_for_what_cases_are_bound_with() -> None:
    # The same keys as a run gives its cells, or a row could not be judged again.
    run_keys = Worker._variables.__code__.co_consts
    keys = variables("host", "image").keys()
    assert any(isinstance(c, tuple) and set(c) == set(keys) for c in run_keys)


def test_names_are_put_in_everywhere() -> None:
    world = {
        "program": "/p/awl",
        "run": "/tmp/run1",
        "stamp": "cabc123",
        "canary": "canary-ff",
        "remotes": {"host": "http://127.0.0.1:4711", "container": "http://172.17.0.1:4711"},
    }
    tree = {"/tmp/run1/cases/gw0-3/home": ["/p/awl", "cabc123-gw0-3-h-a", 'say "canary-ff"']}
    assert normal(tree, world, "gw0-3") == {
        "/awl-conformance/cases/case/home": [
            "/awl-conformance/program",
            "c000000-case-h-a",
            'say "canary-' + "0" * 24 + '"',
        ]
    }
    assert normal("http://172.17.0.1:4711/x", world, "") == "http://127.0.0.1:8418/x"


def test_a_step_is_read_back_as_it_was(broken_report: Report) -> None:
    step = broken_report["rows"][-1]["steps"][-1]
    record = step_of(step)
    assert record.argv == tuple(step["argv"])
    assert record.stdin is None
    assert broken_report["schema_version"] == document.SCHEMA_VERSION
