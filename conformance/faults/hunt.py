"""Hunting one fault: the cells of its requirement are played until one fails by a check.

A cell that would fail anyway proves nothing, so each catch is played on the good program too. A
crash is no catch: a program that falls over fails every cell, whatever it looks at.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from conformance.catalogue.matrix import bind
from conformance.catalogue.template import VARIABLES
from conformance.execute import Worker
from conformance.faults.workshop import faulty
from conformance.oracles import check_kind
from conformance.results import Status
from conformance.world.engines import abilities_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from conformance.catalogue.case import Cell, Suite
    from conformance.catalogue.step import Step
    from conformance.faults.fault import Fault, Subject
    from conformance.results import Check, Result
    from conformance.settings import Settings

__all__ = ["Hunt", "Trail", "cells_for", "hunt", "in_order", "is_good"]

#: Seconds that a step may take in a hunt: much more than any does on the good program.
STEP_SECONDS = 20.0
_CRASH = "no crash"
# Seconds, roughly, of parts of a cell on one core; only their order counts.
_COST = {"workspace": 0.3, "repo": 0.3, "step": 0.1, "wait": 1.0, "terminal": 0.5, "slow": 30.0}
_ANYTHING = dict.fromkeys(VARIABLES, "/anything")


@frozen
class Trail:
    """A fault in one runtime, and the ids of the cells that may catch it, in order."""

    fault: Fault
    runtime: str
    cells: tuple[str, ...]

    @property
    def id(self) -> str:
        """``FAULT[RUNTIME]``."""
        return f"{self.fault.id}[{self.runtime}]"


@frozen
class Hunt:
    """What became of a trail. ``cell`` caught it by ``check``; None where it survived.

    ``played`` cells were played; ``seen`` tells how those that did not catch it ended; ``cut``:
    the time was over before all were played. ``void``: the cell fails on the good program too.
    """

    trail: Trail
    cell: str | None = None
    check: str | None = None
    observed: str = ""
    played: int = 0
    seen: dict[str, int] = field(factory=dict, hash=False)
    cut: bool = False
    void: bool = False
    seconds: float = 0.0

    @property
    def caught(self) -> bool:
        """Whether the suite has found the fault."""
        return self.cell is not None and not self.void


def cells_for(fault: Fault, runtime: str, cells: Iterable[Cell], engine: str) -> list[Cell]:
    """Return the cells that may catch a fault in a runtime, in the order in which to play them."""
    able = abilities_of(engine)
    found = [
        cell
        for cell in cells
        if fault.breaks in cell.case.covers
        and cell.runtime == runtime
        and cell.plan != "diverged"
        and cell.case.needs <= able
    ]
    return in_order(found, first=fault.case, value=fault.value)


def in_order(
    cells: Iterable[Cell], *, first: str | None = None, value: str | None = None
) -> list[Cell]:
    """Return cells cheapest first, but one of each case before a second of any.

    Cells of one case look at the same thing; another case is more likely to see what they do not.
    ``first`` is the case that comes before all others, and of it the cells that have ``value``.
    """
    by_case: dict[str, list[tuple[float, Cell]]] = {}
    for cell in cells:
        by_case.setdefault(cell.case.id, []).append((_cost(cell), cell))
    ranked = [
        (case != first, not _has(cell, value), rank, cost, cell.id, cell)
        for case, costs in by_case.items()
        for rank, (cost, cell) in enumerate(sorted(costs, key=lambda pair: (pair[0], pair[1].id)))
    ]
    return [cell for *_, cell in sorted(ranked, key=lambda row: row[:5])]


def _has(cell: Cell, value: str | None) -> bool:
    return value is None or any(one.id == value for one in cell.axes.values())


def _cost(cell: Cell) -> float:
    bound = bind(cell, _ANYTHING)
    words = [given for given in bound.given if hasattr(given, "repos")]
    cost = _COST["workspace"] * len(words) + sum(
        _COST["repo"] * len(getattr(given, "repos", ()) or ()) for given in words
    )
    cost += sum(map(_step_cost, bound.steps))
    if "slow" in cell.case.tags:
        cost += _COST["slow"]
    return cost * (2 if cell.case.control else 1)


def _step_cost(step: Step) -> float:
    waits = step.signal is not None or step.timeout is not None
    return (
        _COST["step"] + (_COST["wait"] if waits else 0.0) + (_COST["terminal"] if step.tty else 0.0)
    )


# ---------------------------------------------------------------------- the hunt
def hunt(
    trail: Trail,
    cells: Mapping[str, Cell],
    suite: Suite,
    subject: Subject,
    settings: Settings,
    *,
    workshop: Path,
    limit: float,
    name: str,
) -> Hunt:
    """Play the trail's cells on what is faulty, for at most ``limit`` seconds, until one fails.

    ``cells`` are the suite's by id. What is faulty is made in ``workshop``. ``name`` is that of the
    worker, and must be its own in the run.
    """
    started = time.monotonic()
    spoilt = faulty(trail.fault, subject, settings, workshop / name)
    spoilt = evolve(spoilt, timeout=STEP_SECONDS)
    seen: dict[str, int] = {}
    played = 0
    cut = False
    with Worker(suite, spoilt, name) as worker:
        for id_ in trail.cells:
            if time.monotonic() - started > limit:
                cut = True
                break
            result = worker.execute(cells[id_])
            played += 1
            check = catch_of(result, trail.fault)
            if check is not None:
                return Hunt(
                    trail,
                    cell=id_,
                    check=check.oracle,
                    observed=check.observed[:300],
                    played=played,
                    seen=seen,
                    seconds=round(time.monotonic() - started, 2),
                )
            how = _how(result)
            seen[how] = seen.get(how, 0) + 1
    seconds = round(time.monotonic() - started, 2)
    return Hunt(trail, played=played, seen=seen, cut=cut, seconds=seconds)


def catch_of(result: Result, fault: Fault) -> Check | None:
    """Return the check by which a result catches a fault; None where it does not."""
    if result.status is not Status.FAIL:
        return None
    kinds = [(check_kind(check.oracle), check) for check in result.failures]
    if fault.oracle != _CRASH and any(kind == _CRASH for kind, _ in kinds):
        return None
    wanted = (check for kind, check in kinds if fault.oracle in (None, kind))
    return next(wanted, None)


def _how(result: Result) -> str:
    if result.status is not Status.FAIL:
        return str(result.status)
    kinds = sorted({check_kind(check.oracle) for check in result.failures})
    return f"fail by {', '.join(kinds) or 'no check'}"


def is_good(cells: Sequence[Cell], suite: Suite, settings: Settings, name: str) -> dict[str, bool]:
    """Tell of each cell whether the good program passes it."""
    good = (Status.PASS, Status.UNSUPPORTED)
    with Worker(suite, settings, name) as worker:
        return {cell.id: worker.execute(cell).status in good for cell in cells}
