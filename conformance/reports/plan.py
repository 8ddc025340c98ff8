"""The plan of a run, worked out from its selection and the data: once when it runs, and again by
whoever verifies it.
"""

from collections.abc import Mapping

from attrs import frozen

from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.matrix import expand, select, unmatched
from conformance.reports.header import Selection
from conformance.reports.shard import durations_digest, load_durations, shard_of
from conformance.world.engines import abilities_of

__all__ = ["Plan", "PlanError", "planned_cells"]


class PlanError(ValueError):
    """The plan of a selection cannot be worked out: why."""


@frozen
class Plan:
    """The planned cells by id, in the order of the files; ``skipped``: planned, not to be played;
    ``left_out``: how many of the selection this engine cannot run; ``alone``: how many of the cells
    the other kind cannot: the fake where this is a real engine, Docker where it is the fake.
    """

    cells: Mapping[str, Cell]
    skipped: frozenset[str] = frozenset()
    left_out: int = 0
    alone: int = 0


def planned_cells(suite: Suite, selection: Selection) -> Plan:
    """Return the plan of a selection; PlanError where a word of it matches nothing or is wrong."""
    chosen = expand(suite, selection.runtimes or None)
    try:
        if selection.select:
            chosen = select(selection.select, chosen)
        every = tuple(chosen)
        # Over all cells: what is not chosen today may be named all the same, a typo may not.
        whole = tuple(expand(suite)) if selection.skip else ()
        unknown = unmatched(selection.skip, whole) if selection.skip else ()
        skipped = select(selection.skip, whole) if selection.skip else ()
        skipped_ids = frozenset(cell.id for cell in skipped)
    except ValueError as error:
        raise PlanError(str(error)) from error
    if unknown:
        raise PlanError(f"to skip {', '.join(map(repr, unknown))}: no cell is called that")
    able = abilities_of(selection.engine)
    cells = {cell.id: cell for cell in every if cell.case.needs <= able}
    left_out = len(every) - len(cells)
    if selection.shard is not None:
        durations = load_durations()
        if selection.durations != durations_digest(durations):
            raise PlanError(
                "its shards were balanced by other durations than matrices/durations.json has here"
            )
        index, count = selection.shard
        mine = shard_of(cells.values(), index, count, durations)
        cells = {id_: cell for id_, cell in cells.items() if id_ in mine}
    other = abilities_of("docker" if selection.engine == "fake" else "fake")
    alone = sum(not cell.case.needs <= other for cell in cells.values())
    return Plan(cells, skipped_ids & cells.keys(), left_out, alone)
