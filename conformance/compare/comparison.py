"""Two sides compared: pairs of cells, their differences, and which of these are declared (KIT-6).

    report(s) --Side--> pairs --observe--> differences --declared?--> Comparison

Nothing is played here: the rows of reports hold what was seen, freed of a run's own names.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.differences import DeclaredDifference, Kind
from conformance.catalogue.matrix import expand
from conformance.compare.difference import Difference, differences
from conformance.compare.observation import Observed, observe
from conformance.compare.placeholders import Placeholders
from conformance.reports.normal import variables
from conformance.results import Status

__all__ = ["Comparison", "Found", "Side", "compare", "key_of"]

# Statuses of cells of which nothing was seen to the end: not compared, and nothing is proved.
_UNPLAYED = (Status.BLOCKED, Status.ERROR, Status.NOT_RUN)
# How a cell ended: a case is not played on behind a step that failed.
_ENDS = ("status", "steps")

Row = Mapping[str, Any]
Key = tuple[str, ...]
Names = tuple[str, ...]
Words = tuple[str, ...]


@frozen
class Side:
    """One side: by what ``names`` declarations may call it (the first is shown), and its cells.

    ``rows``: those of a report, by what they have in common with the row of the other side.
    ``able``: what its engine can do. ``image``: what stands for the image in its report.
    ``target``: the options of a replay that lead to it.
    """

    names: Names
    rows: Mapping[Key, Row] = field(repr=False)
    able: frozenset[str]
    image: str
    target: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name that is shown."""
        return self.names[0]


@frozen
class Found:
    """One difference. ``step`` counts from 1; 0 is the cell as a whole. ``declared`` None: it is
    not. ``commands`` are the words of both sides that ran in this step, ``replays`` those that play
    their cells again.
    """

    case: str
    cells: tuple[str, str]
    step: int
    commands: tuple[Words, Words]
    replays: tuple[Words, Words]
    difference: Difference
    declared: DeclaredDifference | None = None


@frozen
class Comparison:
    """What a comparison gave.

    ``pairs``: how many were compared; ``agreed``: in how many nothing differs. ``unplayed``: pairs
    of which one side shows nothing, by its cell. ``beside``: cells that the other side has not.
    ``stale``: declared, all its pairs (if there are any at all) were compared, and never seen.
    ``unjudged``: declared, never seen, and not all its pairs were compared.
    """

    kind: Kind
    left: str
    right: str
    pairs: int
    agreed: int
    found: tuple[Found, ...] = field(repr=False)
    unplayed: tuple[str, ...] = ()
    beside: int = 0
    stale: tuple[DeclaredDifference, ...] = ()
    unjudged: tuple[DeclaredDifference, ...] = ()
    expired: tuple[DeclaredDifference, ...] = ()

    @property
    def undeclared(self) -> tuple[Found, ...]:
        """The differences that nothing declares."""
        return tuple(found for found in self.found if found.declared is None)

    @property
    def exit(self) -> int:
        """0 the same but for what is declared, 1 not so, 4 nothing or not all was compared."""
        if self.undeclared or self.stale or self.expired:
            return 1
        return 4 if self.unplayed or not self.pairs else 0


def compare(suite: Suite, kind: Kind, left: Side, right: Side, today: dt.date) -> Comparison:
    """Compare two sides whose reports are of the suite's data."""
    cells = {cell.id: cell for cell in expand(suite)}
    declared = [d for d in suite.parity.differences if d.is_between(kind, left.names, right.names)]
    found: list[Found] = []
    unplayed: list[str] = []
    compared: set[Key] = set()
    agreed = 0
    for key in sorted(left.rows.keys() & right.rows.keys()):
        rows = (left.rows[key], right.rows[key])
        if silent := [row for row in rows if row["status"] in _UNPLAYED]:
            unplayed.append(silent[0]["cell"])
            continue
        if any(row["status"] == Status.SKIPPED for row in rows):
            continue
        compared.add(key)
        differing = [*_of_pair(kind, left, right, rows, cells, declared)]
        agreed += not differing
        found += differing
    if kind != "runtimes":  # of two reports, what both could have and one has not
        unplayed += _missing(left, right, cells)
    seen = {one.declared for one in found if one.declared}
    silent_ones = [d for d in declared if d.kind != "plays" and d not in seen]
    whole = {d.id: _all_pairs(d, cells.values(), kind, left, right) for d in silent_ones}
    return Comparison(
        kind=kind,
        left=left.name,
        right=right.name,
        pairs=len(compared),
        agreed=agreed,
        found=tuple(found),
        unplayed=tuple(unplayed),
        beside=len(left.rows.keys() ^ right.rows.keys()),
        stale=tuple(d for d in silent_ones if whole[d.id] <= compared),
        unjudged=tuple(d for d in silent_ones if not whole[d.id] <= compared),
        expired=tuple(d for d in declared if d.expires is not None and d.expires < today),
    )


def key_of(cell: Cell, kind: Kind) -> Key:
    """What a cell has in common with that of the other side."""
    runtime = () if kind == "runtimes" else (cell.runtime,)
    values = (value.id for name, value in cell.axes.items() if name != "runtime")
    return (cell.case.id, *runtime, *values)


def _missing(left: Side, right: Side, cells: Mapping[str, Cell]) -> Iterator[str]:
    """Yield cells that one side has and the other has not, though its engine can run them."""
    for one, other in ((left, right), (right, left)):
        for key in sorted(one.rows.keys() - other.rows.keys()):
            cell = one.rows[key]["cell"]
            if cells[cell].case.needs <= other.able:
                yield cell


def _all_pairs(
    declared: DeclaredDifference, cells: Iterable[Cell], kind: Kind, left: Side, right: Side
) -> set[Key]:
    """The pairs that a whole run of both sides has of the cases of a declaration."""
    sides: tuple[set[Key], set[Key]] = (set(), set())
    for cell in cells:
        if declared.speaks_of(cell.case.id):
            for keys, side in zip(sides, (left, right), strict=True):
                here = kind != "runtimes" or cell.runtime == side.name
                if here and cell.case.needs <= side.able:
                    keys.add(key_of(cell, kind))
    return sides[0] & sides[1]


def _of_pair(
    kind: Kind,
    left: Side,
    right: Side,
    rows: tuple[Row, Row],
    cells: Mapping[str, Cell],
    declared: Iterable[DeclaredDifference],
) -> Iterator[Found]:
    """The differences of one pair; how it ended only where nothing else shows why that differs."""
    both = [cells[row["cell"]] for row in rows]
    one, other = (
        observe(row, cell, side.image, _placeholders(kind, cell, theirs, side.image))
        for row, cell, theirs, side in zip(rows, both, both[::-1], (left, right), strict=True)
    )
    new = False
    for number, place in _places(one, other):
        if place.path in _ENDS and new:
            continue
        names = (right.names, left.names) if place.crossed else (left.names, right.names)
        values = zip(names, (place.left, place.right), strict=True)
        why = _why(declared, both[0].case.id, place.path, *values)
        new = new or why is None
        yield Found(
            case=both[0].case.id,
            cells=(both[0].id, both[1].id),
            step=number,
            commands=(_command(one, number), _command(other, number)),
            replays=(_replay(both[0], left), _replay(both[1], right)),
            difference=place,
            declared=why,
        )


def _why(
    declared: Iterable[DeclaredDifference],
    case: str,
    path: str,
    left: tuple[Names, str],
    right: tuple[Names, str],
) -> DeclaredDifference | None:
    return next((one for one in declared if one.covers(case, path, left, right)), None)


def _placeholders(kind: Kind, cell: Cell, other: Cell, image: str) -> Placeholders:
    if kind != "runtimes":
        return Placeholders.of_side(image)
    names = variables(cell.runtime, image)
    return Placeholders.of_runtime(cell.runtime, other.runtime, names)


def _places(one: Observed, other: Observed) -> Iterator[tuple[int, Difference]]:
    for number, (mine, theirs) in enumerate(zip(one.steps, other.steps, strict=False), 1):
        for place in differences(mine, theirs):
            yield number, place
    if one.status != other.status:
        yield 0, Difference("status", one.status, other.status)
    elif len(one.steps) != len(other.steps):
        yield 0, Difference("steps", str(len(one.steps)), str(len(other.steps)))


def _command(observed: Observed, number: int) -> Words:
    return observed.commands[number - 1] if number else ()


def _replay(cell: Cell, side: Side) -> Words:
    return ("awl-conformance", "replay", *side.target, cell.id)
