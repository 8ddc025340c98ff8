"""From cases to cells: one at a time, in the order of the files, with ids that never change.

A runtime is no factor of a covering array: every runtime gets an array of its own. So the cells of
one runtime are the same whichever others are asked for, and runtimes can be compared row by row.
"""

from __future__ import annotations

import itertools
from types import MappingProxyType
from typing import TYPE_CHECKING

from conformance.catalogue.case import AxisValue, Case, Cell
from conformance.catalogue.coverage import covering_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from conformance.catalogue.case import Axis, Plan, Suite
    from conformance.catalogue.coverage import Rule
    from conformance.catalogue.parity import ParityEntry

__all__ = ["cells_of", "control_of", "expand"]

_STRENGTH = {"pairwise": 2, "3-wise": 3}
_FLAG = AxisValue("flag", "flag")
_TEXT = AxisValue("text", "text")


def expand(suite: Suite, runtimes: Sequence[str] | None = None) -> Iterator[Cell]:
    """Yield every cell in the order of the files, lazily; only of ``runtimes`` if given.

    A runtime that the contract does not name (a plug-in's) gets the cells of all cases that do not
    list runtimes. The ids of one runtime's cells do not depend on which others are asked for.
    """
    wanted = tuple(suite.contract.runtimes if runtimes is None else runtimes)
    for case in suite.cases.values():
        for runtime in wanted:
            yield from cells_of(suite, case, runtime)


def cells_of(suite: Suite, case: Case, runtime: str) -> Iterator[Cell]:
    """Yield the cells of one case in one runtime; none where the case does not run there."""
    if case.runtimes is not None and runtime not in case.runtimes:
        return
    entry = suite.parity.entry(case.feature, runtime) if case.feature else None
    plan = _plan(entry)
    if plan == "refusal" and entry and entry.probe and case.template is not entry.probe:
        return  # the probe has a case of its own
    runtime_value = AxisValue(runtime, runtime)
    names = tuple(axis.name for axis in case.axes)
    for number, values in enumerate(_rows(case, runtime, suite.contract.default_runtime)):
        axes = {"runtime": runtime_value, "via": _FLAG, "output": _TEXT}
        axes.update(zip(names, values, strict=True))
        yield Cell(
            id=f"{case.id}[{','.join([runtime, *[value.id for value in values]])}]",
            case=case,
            axes=MappingProxyType(axes),
            runtime=runtime,
            via=axes["via"].id,
            output=axes["output"].id,
            plan=plan,
            parity=entry,
            first=number == 0,
        )


def control_of(suite: Suite, cell: Cell) -> Cell | None:
    """Return the control cell of a negative cell: same runtime, and same value of shared axes.

    Where no cell of the control agrees on all of them, the first one that agrees on most.
    None for a cell without a control.
    """
    if cell.case.control is None:
        return None
    best, agreed = None, -1
    control = suite.cases[cell.case.control]
    shared = {axis.name for axis in cell.case.axes} & {axis.name for axis in control.axes}
    for candidate in cells_of(suite, control, cell.runtime):
        same = sum(candidate.axes[name].id == cell.axes[name].id for name in shared)
        if same > agreed and candidate.plan == "run":
            best, agreed = candidate, same
        if same == len(shared):
            break
    return best


def _plan(entry: ParityEntry | None) -> Plan:
    if entry is None or entry.expect in ("same", "different"):
        return "run"
    return "refusal" if entry.expect == "unsupported" else "diverged"


def _rows(case: Case, runtime: str, default_runtime: str) -> Iterator[tuple[AxisValue, ...]]:
    rules = tuple(_rules(case.axes, case.exceptions, runtime, default_runtime))
    if () in rules:  # a rule that names the runtime only
        return
    if case.combine == "product":
        yield from _product(case.axes, rules)
        return
    sizes = tuple(len(axis.values) for axis in case.axes)
    for row in covering_rows(sizes, _STRENGTH[case.combine], rules):
        yield tuple(axis.values[n] for axis, n in zip(case.axes, row, strict=True))


def _product(axes: tuple[Axis, ...], rules: tuple[Rule, ...]) -> Iterator[tuple[AxisValue, ...]]:
    if not rules:
        yield from itertools.product(*(axis.values for axis in axes))
        return
    # Ids are unique within an axis, so they can stand for the values.
    banned = [
        [(axis, {axes[axis].values[n].id for n in values}) for axis, values in rule]
        for rule in rules
    ]
    for row in itertools.product(*(axis.values for axis in axes)):
        if not any(all(row[axis].id in ids for axis, ids in rule) for rule in banned):
            yield row


def _rules(
    axes: tuple[Axis, ...],
    exceptions: Iterable[Mapping[str, frozenset[str]]],
    runtime: str,
    default_runtime: str,
) -> Iterator[Rule]:
    places = {axis.name: n for n, axis in enumerate(axes)}
    implied = [] if runtime == default_runtime else [{"via": frozenset({"default"})}]
    for exception in [*exceptions, *implied]:
        if runtime not in exception.get("runtime", (runtime,)):
            continue
        rest = {name: ids for name, ids in exception.items() if name != "runtime"}
        if not rest.keys() <= places.keys():
            continue
        yield tuple(
            (
                places[name],
                frozenset(n for n, v in enumerate(axes[places[name]].values) if v.id in ids),
            )
            for name, ids in rest.items()
        )
