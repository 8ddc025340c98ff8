"""``verify``: is this report what a run of this contract gave, and does its verdict follow from it?

What can be shown without a key: every digest fits; the plan is the one that the header's selection
gives by the data; every row's checks and status follow from its evidence; the counts and the
verdict follow from the rows. So a report that was changed, cut, thinned out, swapped or signed anew
after a change contradicts itself. What cannot: that somebody did not invent the evidence as a
whole. That takes a secret (``seal.sign``) or a run of one's own (``awl-conformance replay``).
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from conformance.catalogue.case import Cell, Suite
from conformance.reports import document
from conformance.reports.header import Selection, program_digest
from conformance.reports.plan import PlanError, planned_cells
from conformance.reports.rejudge import rejudge
from conformance.reports.schema import violations

__all__ = ["Verification", "verify"]

_SHOWN = 5


@frozen
class Verification:
    """The outcome: ``problems`` (none: it holds), and what had to be taken on trust."""

    problems: tuple[str, ...]
    rows: int = 0
    checks: int = 0
    trusted: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the report."""
        return not self.problems


def verify(report: Mapping[str, Any], suite: Suite, *, program: str = "") -> Verification:
    """Verify a report against the data. ``program``: a launcher that it must be about.

    The first kind of defect ends it: a report whose form or digests are wrong says nothing more.
    """
    for look in (violations, _digests, lambda r: _same_data(r, suite)):
        if problems := tuple(look(report)):
            return Verification(_shown(problems))
    problems = tuple(_program(report, program))
    try:
        plan = planned_cells(suite, Selection.from_json(report["header"]["selection"]))
    except PlanError as error:
        return Verification((*problems, str(error)))
    missing = tuple(_plan(report, plan.cells))
    if missing:
        return Verification((*problems, *_shown(missing)))
    found, trusted = _rows(report, plan.cells, plan.skipped, suite)
    problems = (*problems, *_shown(found), *_sums(report))
    checks = sum(len(row["checks"]) for row in report["rows"])
    return Verification(problems, len(report["rows"]), checks, trusted, tuple(_notes(report)))


def _shown(problems: tuple[str, ...]) -> tuple[str, ...]:
    more = len(problems) - _SHOWN
    return (*problems[:_SHOWN], *((f"and {more} more of this kind",) if more > 0 else ()))


def _digests(report: Mapping[str, Any]) -> Iterator[str]:
    for row in report["rows"]:
        if row["digest"] != document.digest_of_row(row):
            yield f"{row['cell']}: changed; its digest is of other content"
    if report["footer"]["root"] != document.root_digest(report):
        yield "the root digest is of another report: a header, a row or their order was changed"
    elif report["footer"]["stable"] != document.stable_digest(report):
        yield "the stable digest is of another report"


def _same_data(report: Mapping[str, Any], suite: Suite) -> Iterator[str]:
    header = report["header"]
    told = (
        ("contract", header["contract"]["digest"], suite.contract.digest),
        ("data (contract, parity, values, cases)", header["data"]["digest"], suite.digest),
    )
    for name, known, here in told:
        if known != here:
            yield (
                f"it is of another {name}: digest {known[:12]}, here {here[:12]}; "
                "verify it with the data of its run (--matrices)"
            )


def _program(report: Mapping[str, Any], program: str) -> Iterator[str]:
    if not program:
        return
    here, known = program_digest(program), report["header"]["program"]["digest"]
    if here != known:
        yield (
            f"it is of another program: digest {known[:12] or 'unknown'}, "
            f"that of {program} is {here[:12] or 'unknown'}"
        )


def _plan(report: Mapping[str, Any], cells: Mapping[str, Cell]) -> Iterator[str]:
    ids = Counter(row["cell"] for row in report["rows"])
    for cell in cells:
        if cell not in ids:
            yield f"{cell}: planned by its selection, and no row of it is there"
    for cell, count in ids.items():
        if cell not in cells:
            yield f"{cell}: not planned by its selection"
        elif count > 1:
            yield f"{cell}: {count} rows"
    if not cells:
        yield "its selection plans no cell"
    if list(ids) != sorted(ids):
        yield "the rows are not in order"


def _rows(
    report: Mapping[str, Any], cells: Mapping[str, Cell], skipped: frozenset[str], suite: Suite
) -> tuple[tuple[str, ...], int]:
    header = report["header"]
    day = dt.date.fromisoformat(header["runs"][0]["started"][:10])
    problems: list[str] = []
    trusted = 0
    for row in report["rows"]:
        cell = row["cell"]
        if (row["status"] == "skipped") != (cell in skipped):
            problems.append(f"{cell}: skipped by its selection or by its status, but not by both")
        judged = rejudge(row, cells[cell], suite, header, day)
        trusted += judged.trusted
        problems += [f"{cell}: {problem}" for problem in judged.problems]
    named = {id_ for row in report["rows"] for id_ in row["requirements"]}
    known = document.requirements_of(suite, named)
    if report["requirements"] != known:
        problems.append("its requirements are worded otherwise than in the contract")
    return tuple(problems), trusted


def _sums(report: Mapping[str, Any]) -> Iterator[str]:
    again = document.seal({**report, "footer": {}})["footer"]
    for name in ("planned", "counts", "verdict"):
        if again[name] != report["footer"][name]:
            yield f"{name} {report['footer'][name]}, by its rows {again[name]}"


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    open_ = [run for run in report["header"]["runs"] if not run["closed"]]
    if open_:
        yield "a run of it did not come to its end"
