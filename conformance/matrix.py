"""The one door to the data: load the suite, expand it to cells, select among them, bind one.

suite = load_suite(matrices())
for cell in select("RM-1c and host", expand(suite)): ...
bound = bind(cell, {"root": "/sandbox/root", ...})
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from conformance.case import Cell, Suite
    from conformance.step import Bound

__all__ = ["bind", "control_of", "expand", "load_suite", "select"]


def load_suite(matrices: Path, *, allow_gaps: bool = False) -> Suite:
    """Load and check all data of a folder; DataErrors with every defect.

    ``allow_gaps``: requirements without a case and features without a case or probe do not raise
    but are kept in ``Suite.gaps`` (for data that is still being written).
    """
    raise NotImplementedError


def expand(suite: Suite, runtimes: Sequence[str] | None = None) -> Iterator[Cell]:
    """Yield every cell in the order of the files, lazily; only of ``runtimes`` if given.

    A runtime that the contract does not name (a plug-in's) gets the cells of all cases that do not
    list runtimes. The ids of one runtime's cells do not depend on which others are asked for.
    """
    raise NotImplementedError


def select(expression: str, cells: Iterable[Cell]) -> Iterator[Cell]:
    """Yield the cells for which a boolean expression holds; ValueError for a bad expression.

    Words: cell id, case id, requirement id, runtime, via, output, polarity, tag, need, command or
    feature; ``*`` and ``?`` match as in a shell; ``not``, ``and``, ``or`` and parentheses combine.
    """
    raise NotImplementedError


def control_of(suite: Suite, cell: Cell) -> Cell | None:
    """Return the control cell of a negative cell: same runtime, and same value of shared axes."""
    raise NotImplementedError


def bind(cell: Cell, variables: Mapping[str, str]) -> Bound:
    """Fill in every placeholder and give typed steps; KeyError names a missing variable.

    ``variables``: root home sandbox tmp remote repos prefix image canary; ``work`` and ``ws`` may
    be given, else ``ws`` is the first workspace of `given` and ``work`` its work directory as seen
    inside. runtime, via, output, other and the axes come from the cell.
    """
    raise NotImplementedError
