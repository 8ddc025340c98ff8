"""``diff``: what changed between two reports, in the program and in what it was held to."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import asdict, frozen

from conformance.reports.baseline import Standing
from conformance.reports.standing import BAD
from conformance.results import Status

__all__ = ["Change", "changes", "document_of", "text_of"]

_LEVELS = {"may": 0, "should": 1, "must": 2}
_GOOD = (Status.PASS,)
_KINDS = (
    "broken",
    "fixed",
    "added",
    "removed",
    "tightened",
    "loosened",
    "reworded",
    "changed",
)
_SHOWN = 12


@frozen
class Change:
    """One change. ``kind`` is one of ``broken fixed added removed changed`` of cells, or of
    ``added removed tightened loosened reworded`` of requirements; ``cells`` are those concerned.
    """

    kind: str
    what: str
    name: str
    told: str
    requirements: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()


def changes(old: Standing, new: Standing) -> tuple[Change, ...]:
    """All changes from one standing to another, the gravest kind first."""
    found = [*_of_requirements(old, new), *_of_cells(old, new)]
    return tuple(sorted(found, key=lambda c: (_KINDS.index(c.kind), c.what, c.name)))


def _of_cells(old: Standing, new: Standing) -> Iterator[Change]:
    for cell in sorted(old.cells.keys() | new.cells.keys()):
        before, after = old.cells.get(cell), new.cells.get(cell)
        if before is None and after is not None:
            yield Change("added", "cell", cell, after[0], after[1], (cell,))
        elif before is not None and after is None:
            yield Change("removed", "cell", cell, f"was {before[0]}", before[1], (cell,))
        elif before is not None and after is not None and before[0] != after[0]:
            kind = _kind(before[0], after[0])
            yield Change(kind, "cell", cell, f"{before[0]} -> {after[0]}", after[1], (cell,))


def _kind(before: str, after: str) -> str:
    if after in BAD and before not in BAD:
        return "broken"
    if after in _GOOD and before in BAD:
        return "fixed"
    return "changed"


def _of_requirements(old: Standing, new: Standing) -> Iterator[Change]:
    had, has = _cells_of(old), _cells_of(new)
    for id_ in sorted(old.requirements.keys() | new.requirements.keys()):
        before, after = old.requirements.get(id_), new.requirements.get(id_)
        if before is None and after is not None:
            yield Change("added", "requirement", id_, after["text"], (id_,))
        elif after is None and before is not None:
            yield Change("removed", "requirement", id_, before["text"], (id_,))
        elif before is not None and after is not None:
            yield from _of_one(id_, before, after, had[id_], has[id_])


def _of_one(
    id_: str, before: Mapping[str, Any], after: Mapping[str, Any], had: set[str], has: set[str]
) -> Iterator[Change]:
    """A requirement is tighter where more is asked: a higher level, or more cells that look."""
    steps = _LEVELS[after["level"]] - _LEVELS[before["level"]]
    if steps:
        kind = "tightened" if steps > 0 else "loosened"
        yield Change(kind, "requirement", id_, f"{before['level']} -> {after['level']}", (id_,))
    if more := sorted(has - had):
        yield Change("tightened", "requirement", id_, f"{len(more)} more cells", (id_,), (*more,))
    if fewer := sorted(had - has):
        told = f"{len(fewer)} fewer cells"
        yield Change("loosened", "requirement", id_, told, (id_,), (*fewer,))
    if before["text"] != after["text"]:
        told = f"{before['text']!r} -> {after['text']!r}"
        yield Change("reworded", "requirement", id_, told, (id_,))


def _cells_of(standing: Standing) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {id_: set() for id_ in standing.requirements}
    for cell, (_, requirements) in standing.cells.items():
        for id_ in requirements:
            found.setdefault(id_, set()).add(cell)
    return found


def text_of(found: tuple[Change, ...], *, everything: bool = False) -> str:
    """Changes in words, grouped by kind."""
    if not found:
        return "nothing changed\n"
    lines = []
    counts = Counter((change.kind, change.what) for change in found)
    for (kind, what), count in counts.items():
        lines.append(f"{kind}: {count} {what}{'s' if count > 1 else ''}")
        members = [change for change in found if (change.kind, change.what) == (kind, what)]
        shown = members if everything else members[:_SHOWN]
        for change in shown:
            names = f"  [{', '.join(change.requirements)}]" if what == "cell" else ""
            lines.append(f"  {change.name}  {change.told}{names}")
        if len(members) > len(shown):
            lines.append(f"  … and {len(members) - len(shown)} more (--all)")
    return "\n".join(lines) + "\n"


def document_of(old: Standing, new: Standing, found: tuple[Change, ...]) -> dict[str, Any]:
    """Changes as one JSON document."""
    return {
        "schema_version": 1,
        "old": {"program": old.program, "root": old.root, "contract": old.contract_version},
        "new": {"program": new.program, "root": new.root, "contract": new.contract_version},
        "changes": [asdict(change) for change in found],
    }
