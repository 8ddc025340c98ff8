"""The gate is shut where a release would be worse than the last, and says why."""

import copy
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from conformance.catalogue.case import Suite
from conformance.catalogue.dataerror import DataErrors
from conformance.catalogue.matrix import expand
from conformance.reports.baseline import Standing, dumps, load_standing, standing_of
from conformance.reports.difference import changes, text_of
from conformance.reports.document import ReportError, seal
from conformance.reports.gaps import Gap, load_gaps
from conformance.reports.gate import gate

from .conftest import Report, call

Write = Callable[..., Path]
TODAY = dt.date(2026, 6, 1)
FAILED = "rm-unknown[host,flag,text]"
GAP = Gap(
    id="rm-unknown",
    requirement="RM-1c",
    cells=("rm-unknown[*]",),
    reason="broken on purpose",
    owner="the tests",
    expires=dt.date(2026, 12, 31),
)
GAPS = """\
known_gaps:
  version: 1
gaps:
  - id: rm-unknown
    requirement: RM-1c
    cells: ["rm-unknown[*]"]
    reason: broken on purpose
    owner: the tests
    expires: 2999-12-31
"""


def kinds(report: Report, baseline: Standing, *gaps: Gap) -> set[str]:
    return {refusal.kind for refusal in gate(report, baseline, gaps, TODAY)}


# ---------------------------------------------------------------------- as a command
def test_one_behaviour_broken_shuts_it_and_mending_opens_it(
    good: Path, broken: Path, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    assert call("gate", str(good), "--baseline", str(baseline), "--update").exit == 0
    ran = call("gate", str(broken), "--baseline", str(baseline))
    assert ran.exit == 1
    assert "new failure: pass -> fail; exit code: expected exit 3, observed exit 0" in ran.stdout
    assert "requirement  RM-1c" in ran.stdout
    assert "rm-unknown[container,env,json]" in ran.stdout
    assert "gate: shut" in ran.stdout
    ran = call("gate", str(good), "--baseline", str(baseline))
    assert ran.exit == 0
    assert "gate: open" in ran.stdout


def test_a_gap_that_is_known_does_not_shut_it(good: Path, broken: Path, tmp_path: Path) -> None:
    gaps = tmp_path / "known_gaps.yaml"
    gaps.write_text(GAPS)
    words = ("--baseline", str(good), "--known-gaps", str(gaps))
    ran = call("gate", str(broken), "--baseline", str(good / "report.json"), *words[2:], "--json")
    assert ran.exit == 0
    assert json.loads(ran.stdout) == {"schema_version": 1, "open": True, "refusals": []}
    ran = call("gate", str(good), "--baseline", str(good / "report.json"), *words[2:])
    assert ran.exit == 1
    assert "stale gap: known gap 'rm-unknown' is closed" in ran.stdout


def test_a_report_that_does_not_hold_releases_nothing(
    broken_report: Report, good: Path, write: Write
) -> None:
    broken_report["rows"][-1]["status"] = "pass"
    ran = call("gate", str(write(broken_report)), "--baseline", str(good / "report.json"))
    assert ran.exit == 1
    assert "does not hold" in ran.stderr


def test_without_a_baseline_it_is_2_and_says_how_to_make_one(good: Path, tmp_path: Path) -> None:
    ran = call("gate", str(good), "--baseline", str(tmp_path / "none.json"))
    assert ran.exit == 2
    assert "--update" in ran.stderr


def test_the_baseline_is_not_updated_by_what_is_worse(
    good: Path, broken: Path, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    call("gate", str(good), "--baseline", str(baseline), "--update")
    before = baseline.read_text()
    assert call("gate", str(broken), "--baseline", str(baseline), "--update").exit == 1
    assert baseline.read_text() == before


# ---------------------------------------------------------------------- its reasons
def test_it_is_open_for_the_same(good_report: Report) -> None:
    assert kinds(good_report, standing_of(good_report)) == set()


def test_what_failed_then_too_is_no_excuse(broken_report: Report) -> None:
    assert kinds(broken_report, standing_of(broken_report)) == {"old failure"}
    assert kinds(broken_report, standing_of(broken_report), GAP) == set()


def test_coverage_that_was_lost_shuts_it(good_report: Report) -> None:
    before = standing_of(good_report)
    good_report["rows"] = [r for r in good_report["rows"] if r["case"] != "rm-unknown"]
    del good_report["requirements"]["RM-1c"]
    found = gate(seal(good_report), before, (), TODAY)
    assert {refusal.kind for refusal in found} == {"lost coverage"}
    assert ("RM-1c",) in {refusal.requirements for refusal in found}
    assert sum(len(refusal.cells) for refusal in found) == 8


@pytest.mark.parametrize("status", ["skipped", "unsupported"])
def test_what_passed_and_is_not_tried_any_more_is_lost(good_report: Report, status: str) -> None:
    before = standing_of(good_report)
    good_report["rows"][0]["status"] = status
    assert kinds(seal(good_report), before) == {"lost coverage"}


def test_a_divergence_that_is_stale_or_expired_shuts_it(good_report: Report) -> None:
    row = good_report["rows"][0]
    row.update(status="diverged", plan="diverged")
    before = standing_of(seal(good_report))
    row.update(status="stale", reason="conforms now: take the entry out")
    assert kinds(seal(good_report), before) == {"stale divergence"}
    row.update(status="fail", reason="its divergence expired 2026-01-01")
    assert kinds(seal(good_report), before) == {"expired divergence"}


def test_a_gap_that_has_expired_shuts_it(broken_report: Report) -> None:
    old = evolve(GAP, expires=dt.date(2026, 5, 31))
    assert kinds(broken_report, standing_of(broken_report), old) == {"expired gap"}


def test_a_lower_fault_score_shuts_it(good_report: Report) -> None:
    before = evolve(standing_of(good_report), fault_score=0.98)
    assert kinds(good_report, before) == {"lower fault score"}
    good_report["header"]["faults"] = {"score": 0.97}
    assert kinds(good_report, before) == {"lower fault score"}
    good_report["header"]["faults"] = {"score": 0.98}
    assert kinds(good_report, before) == set()


def test_a_contract_that_changed_needs_a_new_version(good_report: Report) -> None:
    before = standing_of(copy.deepcopy(good_report))
    good_report["header"]["contract"]["digest"] = "0" * 64
    good_report["requirements"]["RM-1c"]["text"] = "anything goes"
    found = gate(seal(good_report), before, (), TODAY)
    assert [refusal.kind for refusal in found] == ["contract changed without a new version"]
    assert found[0].requirements == ("RM-1c",)
    good_report["header"]["contract"]["version"] += 1
    assert kinds(seal(good_report), before) == set()
    assert kinds(seal(good_report), evolve(before, contract_version=9)) == {"older contract"}


def test_a_part_of_a_run_releases_nothing(good_report: Report) -> None:
    before = standing_of(good_report)
    good_report["header"]["selection"]["shard"] = [1, 2]
    good_report["header"]["data"]["gaps"] = 3
    for row in good_report["rows"]:
        row["status"] = "skipped"
    found = gate(seal(good_report), before, (), TODAY)
    assert sum(refusal.kind == "incomplete" for refusal in found) == 3


# ---------------------------------------------------------------------- baselines and gaps
def test_a_baseline_is_read_back_as_it_was(good_report: Report, write: Write) -> None:
    standing = standing_of(good_report)
    text = dumps(standing)
    assert load_standing(write(text)) == standing
    assert len(text) < len(json.dumps(good_report)) / 3
    assert load_standing(write(good_report)) == standing


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema_version": 2}'])
def test_what_is_neither_report_nor_baseline_is_refused(text: str, write: Write) -> None:
    with pytest.raises(ReportError):
        load_standing(write(text))


def test_the_gaps_of_the_data_are_good(suite: Suite) -> None:
    from conformance import resources

    path = resources.matrices() / "known_gaps.yaml"
    gaps = load_gaps(path, suite.contract, (cell.id for cell in expand(suite)))
    assert all(gap.expires > dt.date(2026, 1, 1) for gap in gaps)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("owner:", "ownr:", "5:5: unknown key 'ownr' (nearest: 'owner')"),
        ("    owner: the tests\n", "", "missing key 'owner'"),
        ("RM-1c", "RM-1x", "nearest: 'RM-1"),
        ("rm-unknown[*]", "rm-unknwon[*]", "matches no cell"),
        ("2999-12-31", "2999-13-31", "is no day"),
        ("2999-12-31", "soon", "is not a day"),
        ("gaps:\n", "gaps: []\ngaps:\n", "twice"),
    ],
)
def test_the_loader_of_gaps_is_strict(
    suite: Suite, tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    path = tmp_path / "known_gaps.yaml"
    path.write_text(GAPS.replace(right, wrong))
    with pytest.raises(DataErrors) as caught:
        load_gaps(path, suite.contract, [FAILED])
    assert told.partition(": ")[2] in str(caught.value) or told in str(caught.value)


def test_two_gaps_of_one_name_are_refused(suite: Suite, tmp_path: Path) -> None:
    path = tmp_path / "known_gaps.yaml"
    path.write_text(GAPS + GAPS.partition("gaps:\n  -")[2].join(["  -", ""]))
    with pytest.raises(DataErrors, match="defined twice"):
        load_gaps(path, suite.contract, [FAILED])


# ---------------------------------------------------------------------- diff
def test_diff_names_what_broke(good: Path, broken: Path) -> None:
    ran = call("diff", str(good), str(broken))
    assert ran.exit == 1
    assert "broken: 8 cells" in ran.stdout
    assert f"{FAILED}  pass -> fail  [RM-1c]" in ran.stdout
    ran = call("diff", str(broken), str(good), "--json")
    assert ran.exit == 0
    assert {change["kind"] for change in json.loads(ran.stdout)["changes"]} == {"fixed"}
    assert call("diff", str(good), str(good)).stdout == "nothing changed\n"


def test_diff_sees_requirements_tightened_loosened_reworded(good_report: Report) -> None:
    old = standing_of(good_report)
    known = {id_: dict(entry) for id_, entry in old.requirements.items()}
    first, second, third = sorted(known.keys() - {"RM-1c"})[:3]
    known[first]["level"] = "may"
    known[second]["text"] = "other words"
    del known[third]
    known["NEW-1"] = {**old.requirements[third], "id": "NEW-1"}
    cells = {cell: entry for cell, entry in old.cells.items() if cell != FAILED}
    cells["new[host]"] = ("pass", ("NEW-1",))
    new = evolve(old, requirements=known, cells=cells)
    found = {(change.kind, change.name): change.told for change in changes(old, new)}
    assert found["loosened", first] == "must -> may"
    assert found["reworded", second].endswith("'other words'")
    assert ("removed", third) in found
    assert ("added", "NEW-1") in found
    assert ("added", "new[host]") in found
    assert found["removed", FAILED] == "was pass"
    assert found["loosened", "RM-1c"] == "1 fewer cells"
    back = {(change.kind, change.name) for change in changes(new, old)}
    assert ("tightened", first) in back
    assert ("tightened", "RM-1c") in back


def test_long_lists_are_cut_unless_all_is_asked_for(good_report: Report) -> None:
    old = standing_of(good_report)
    new = evolve(old, cells={})
    found = changes(old, new)
    assert "more (--all)" in text_of(found)
    assert "more (--all)" not in text_of(found, everything=True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "no report and no baseline: not a JSON object"),
        ("{}", "no report and no baseline: schema_version None, expected 1"),
        ('{"schema_version": 1}', "no report and no baseline: it has no cases"),
        ('{"schema_version": 1, "cases": 1}', "no report and no baseline: its parts have another"),
        ('{"schema_version": 1, "header": {}, "rows": [], "footer": {}}', "it has no contract"),
        ("# Read me", "cut off or no JSON"),
    ],
)
def test_a_baseline_that_is_none_is_a_usage_error_in_words(
    good: Path, tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    for words in (("diff", str(path), str(good)), ("gate", str(good), "--baseline", str(path))):
        ran = call(*words)
        assert ran.exit == 2
        assert told in ran.stderr
        assert "Error" not in ran.stderr
