"""Covering arrays: few rows in which every allowed combination of any t axes still stands.

The rows come from ``covertable``; it ignores keywords that it does not know and promises nothing
where constraints interact, so every array is judged here before anyone relies on it, and a
combination that was left out is added.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

import covertable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Row", "Rule", "allowed", "check_rows", "combinations_of", "covering_rows"]

# A row holds one value index for each axis.
Row = tuple[int, ...]
# A rule leaves rows out: those whose value is among the given ones on every axis that it names.
Rule = tuple[tuple[int, frozenset[int]], ...]


@functools.lru_cache(maxsize=512)
def covering_rows(
    sizes: tuple[int, ...], strength: int, rules: tuple[Rule, ...] = ()
) -> tuple[Row, ...]:
    """Return sorted rows that cover every allowed combination of any ``strength`` axes.

    ``sizes`` are the numbers of values of the axes. No row at all where the rules allow none.
    """
    strength = min(strength, len(sizes))
    if strength < 2:
        rows = {row for row in itertools.product(*map(range, sizes)) if allowed(row, rules)}
        return tuple(sorted(rows))
    made = covertable.make(
        [list(range(size)) for size in sizes],
        strength=strength,
        constraints=[_constraint(rule) for rule in rules],
    )
    rows = {tuple(row) for row in made}
    rows |= {row for _, row in _missing(rows, sizes, strength, rules)}
    check_rows(rows, sizes, strength, rules)
    return tuple(sorted(rows))


def check_rows(
    rows: set[Row], sizes: tuple[int, ...], strength: int, rules: tuple[Rule, ...]
) -> None:
    """Raise AssertionError unless every row is allowed and no allowed combination is missing."""
    for row in sorted(rows):
        fits = len(row) == len(sizes) and all(0 <= v < n for v, n in zip(row, sizes, strict=True))
        if not fits or not allowed(row, rules):
            raise AssertionError(f"a row that the rules leave out: {row}")
    for combination, _ in _missing(rows, sizes, strength, rules):
        raise AssertionError(f"no row has the allowed combination {combination}")


def allowed(row: Sequence[int | None], rules: Sequence[Rule]) -> bool:
    """Whether no rule leaves the row out; an axis that is still None matches no rule."""
    return not any(all(row[axis] in values for axis, values in rule) for rule in rules)


def combinations_of(sizes: tuple[int, ...], strength: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield every combination of ``strength`` axes as (axis, value) pairs, allowed or not."""
    for axes in itertools.combinations(range(len(sizes)), strength):
        for values in itertools.product(*(range(sizes[axis]) for axis in axes)):
            yield tuple(zip(axes, values, strict=True))


def _missing(
    rows: set[Row], sizes: tuple[int, ...], strength: int, rules: tuple[Rule, ...]
) -> Iterator[tuple[tuple[tuple[int, int], ...], Row]]:
    """Yield each allowed combination that no row has, with an allowed row that has it."""
    covered = {
        tuple((axis, row[axis]) for axis in axes)
        for row in rows
        for axes in itertools.combinations(range(len(sizes)), strength)
    }
    for combination in combinations_of(sizes, strength):
        if combination not in covered:
            row: list[int | None] = [None] * len(sizes)
            for axis, value in combination:
                row[axis] = value
            if (full := _complete(row, sizes, rules)) is not None:
                yield combination, full


def _complete(row: list[int | None], sizes: tuple[int, ...], rules: tuple[Rule, ...]) -> Row | None:
    """Return an allowed row with the given values, by trying; None where there is none."""
    if not allowed(row, rules):
        return None
    if None not in row:
        return tuple(value for value in row if value is not None)
    axis = row.index(None)
    for value in range(sizes[axis]):
        full = _complete([*row[:axis], value, *row[axis + 1 :]], sizes, rules)
        if full is not None:
            return full
    return None


def _constraint(rule: Rule) -> dict[str, object]:
    matches = [{"operator": "in", "left": axis, "values": sorted(values)} for axis, values in rule]
    return {"operator": "not", "condition": {"operator": "and", "conditions": matches}}
