"""Pairs that end differently, though nothing that was seen of them differs."""

import copy
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue.case import Suite
from conformance.compare.comparison import Comparison, compare
from conformance.compare.sides import of_two_reports

TODAY = dt.datetime.now(tz=dt.UTC).date()
CELL = "rm-known-json[host,json]"


@pytest.fixture
def report(good: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((good / "report.json").read_text())
    return tree


def _compared(report: dict[str, Any], suite: Suite, **changes: Any) -> Comparison:
    """The report against itself with this changed in the row of ``CELL``."""
    other = copy.deepcopy(report)
    row = next(row for row in other["rows"] if row["cell"] == CELL)
    row.update(changes)
    return compare(suite, *of_two_reports(report, other, suite, ()), TODAY)


def test_statuses_are_compared_where_nothing_else_differs(
    report: dict[str, Any], suite: Suite
) -> None:
    one = _compared(report, suite, status="fail")
    assert [(f.step, f.difference.path, f.difference.right) for f in one.found] == [
        (0, "status", "fail")
    ]
    assert (one.agreed, one.pairs, one.exit) == (one.pairs - 1, one.pairs, 1)


def test_a_cell_that_was_not_played_on_is_told(report: dict[str, Any], suite: Suite) -> None:
    one = _compared(report, suite, steps=[])
    assert [(f.difference.path, f.difference.left, f.difference.right) for f in one.found] == [
        ("steps", "1", "0")
    ]


@pytest.mark.parametrize("status", ["blocked", "error", "not-run"])
def test_what_was_not_played_leaves_it_incomplete(
    report: dict[str, Any], suite: Suite, status: str
) -> None:
    one = _compared(report, suite, status=status)
    assert (one.unplayed, one.exit) == ((CELL,), 4)


def test_what_the_operator_skipped_is_not_compared(report: dict[str, Any], suite: Suite) -> None:
    whole, one = _compared(report, suite), _compared(report, suite, status="skipped")
    assert (one.pairs, one.exit) == (whole.pairs - 1, 0)
