"""What counts as a catch, and in which order cells are played."""

import pytest

from conformance.catalogue.case import Suite
from conformance.catalogue.matrix import expand
from conformance.faults.campaign import trails_of
from conformance.faults.fault import Catalogue, Fault
from conformance.faults.hunt import Hunt, Trail, catch_of, cells_for
from conformance.faults.score import Score
from conformance.oracles import CHECKS, check_kind
from conformance.results import Check, Result, Status


def result(status: Status, *checks: Check) -> Result:
    """A result with these checks."""
    return Result("c[host]", "c", "host", "ls", ("LS-1a",), "positive", status, checks=checks)


def a_fault(oracle: str | None = None) -> Fault:
    """A fault that breaks something."""
    return Fault("f", "t", "LS-1a", ("host",), oracle=oracle)


BAD = Check("stdout", False, "x", "y")
GOOD = Check("exit code", True, "exit 0", "exit 0")
CRASH = Check("no crash", False, "no traceback", "Traceback")


@pytest.mark.parametrize(
    ("seen", "oracle", "caught"),
    [
        (result(Status.FAIL, GOOD, BAD), None, True),
        (result(Status.FAIL, GOOD, BAD), "stdout", True),
        (result(Status.FAIL, GOOD, BAD), "exit code", False),
        (result(Status.FAIL, GOOD, BAD, CRASH), None, False),
        (result(Status.FAIL, CRASH), "no crash", True),
        (result(Status.BLOCKED, BAD), None, False),
        (result(Status.ERROR, BAD), None, False),
        (result(Status.FLAKY, BAD), None, False),
        (result(Status.PASS, GOOD), None, False),
    ],
)
def test_only_a_failed_check_that_is_no_crash_catches(
    seen: Result, oracle: str | None, caught: bool
) -> None:
    assert (catch_of(seen, a_fault(oracle)) is not None) is caught


def test_every_check_is_of_a_known_kind() -> None:
    assert check_kind("unchanged home") == "unchanged"
    assert check_kind("workspaces of host") == "workspaces of"
    assert check_kind("json value") == "json value"
    assert all(check_kind(kind) == kind for kind in CHECKS)
    with pytest.raises(KeyError):
        check_kind("nothing of the kind")


def test_cells_are_of_the_requirement_and_the_runtime_and_one_of_each_case_comes_first(
    suite: Suite,
) -> None:
    fault = Fault("f", "t", "RM-1c", ("host",))
    cells = cells_for(fault, "host", expand(suite, ["host"]), "fake")
    assert cells
    assert all("RM-1c" in cell.case.covers and cell.runtime == "host" for cell in cells)
    cases = {cell.case.id for cell in cells}
    assert {cell.case.id for cell in cells[: len(cases)]} == cases


def test_a_named_case_comes_first(suite: Suite) -> None:
    fault = Fault("f", "t", "RM-1c", ("host",), case="rm-hostile-name")
    cells = cells_for(fault, "host", expand(suite, ["host"]), "fake")
    assert cells[0].case.id == "rm-hostile-name"


def test_every_fault_has_cells_in_each_of_its_runtimes(catalogue: Catalogue, suite: Suite) -> None:
    trails = trails_of(catalogue.faults, suite)
    assert [trail.id for trail in trails if not trail.cells] == []


def score(*hunts: Hunt, gaps: int = 0) -> Score:
    """The score of these hunts."""
    return Score(hunts, {"LS-1a": "names in order"}, "d", 1.0, gaps=gaps)


CAUGHT = Hunt(Trail(a_fault(), "host", ("c[host]",)), cell="c[host]", check="stdout", played=1)
LEFT = Hunt(Trail(a_fault("stdout"), "host", ("c[host]",)), played=1, seen={"pass": 1})
VOID = Hunt(Trail(a_fault(), "host", ("c[host]",)), cell="c[host]", check="stdout", void=True)
NO_CELL = Hunt(Trail(a_fault(), "host", ()))
CUT = Hunt(Trail(a_fault(), "host", ("c[host]", "d[host]")), played=1, cut=True)


def test_only_a_whole_catch_is_0() -> None:
    assert score(CAUGHT).exit == 0
    assert score(CAUGHT, gaps=1).exit == 4
    assert score().exit == 4
    assert [score(CAUGHT, one).exit for one in (LEFT, VOID, NO_CELL, CUT)] == [1, 1, 1, 1]


def test_the_page_names_survivors_with_what_they_break() -> None:
    page = score(LEFT).page()
    assert "SURVIVES f[host]: t" in page
    assert "LS-1a: names in order" in page
    assert "1 pass" in page
    assert "by a check of 'stdout'" in page
    assert "score: 0 of 1 faults caught, 1 survive" in page
    assert "too, so it proves nothing" in score(VOID).page()
    assert "no cell" in score(NO_CELL).page()
    assert "the time was over" in score(CUT).page()
    assert "a draft" in score(CAUGHT, gaps=2).page()


def test_a_fault_is_caught_where_it_is_caught_in_all_its_runtimes() -> None:
    other = Hunt(Trail(a_fault(), "container", ()))
    assert score(CAUGHT, other).faults == (0, 1)
    document = score(CAUGHT, other).document()
    assert (document["faults"], document["caught"]) == (1, 0)
    assert [row["caught"] for row in document["hunts"]] == [True, False]
