"""Covering arrays hold every allowed combination and no forbidden row, whatever the rules."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.catalogue.coverage import (
    Rule,
    allowed,
    check_rows,
    combinations_of,
    covering_rows,
)


@st.composite
def models(draw: st.DrawFn) -> tuple[tuple[int, ...], int, tuple[Rule, ...]]:
    """Sizes of axes, a strength, and rules that may well contradict each other."""
    sizes = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)))
    axes = st.integers(0, len(sizes) - 1)
    rules = []
    for _ in range(draw(st.integers(0, 4))):
        named = draw(st.lists(axes, min_size=1, max_size=3, unique=True))
        rules.append(
            tuple(
                (axis, frozenset(draw(st.sets(st.integers(0, sizes[axis] - 1), min_size=1))))
                for axis in named
            )
        )
    return sizes, draw(st.sampled_from([2, 3])), tuple(rules)


@settings(deadline=None)
@given(models())
def test_rows_are_allowed_and_cover_all_that_brute_force_finds(
    model: tuple[tuple[int, ...], int, tuple[Rule, ...]],
) -> None:
    sizes, strength, rules = model
    rows = covering_rows(sizes, strength, rules)
    every = [row for row in itertools.product(*map(range, sizes)) if allowed(row, rules)]
    assert set(rows) <= set(every)
    for combination in combinations_of(sizes, min(strength, len(sizes))):
        possible = any(all(row[axis] == value for axis, value in combination) for row in every)
        covered = any(all(row[axis] == value for axis, value in combination) for row in rows)
        assert possible == covered


def test_a_pairwise_array_is_far_smaller_than_the_product() -> None:
    assert len(covering_rows((6, 5, 4, 4, 3, 3, 2, 2), 2)) < 50 < 6 * 5 * 4 * 4 * 3 * 3 * 2 * 2


def test_one_axis_or_none_is_simply_all_of_it() -> None:
    assert covering_rows((3,), 2, (((0, frozenset({1})),),)) == ((0,), (2,))
    assert covering_rows((), 3) == ((),)


def test_rules_that_allow_nothing_give_no_row() -> None:
    assert covering_rows((2, 2), 2, (((0, frozenset({0, 1})),),)) == ()


def test_a_forbidden_row_is_noticed() -> None:
    rule: Rule = ((0, frozenset({0})), (1, frozenset({0})))
    with pytest.raises(AssertionError, match="rules leave out"):
        check_rows({(0, 0), (0, 1), (1, 0), (1, 1)}, (2, 2), 2, (rule,))


def test_a_row_of_another_shape_is_noticed() -> None:
    with pytest.raises(AssertionError, match="rules leave out"):
        check_rows({(0, 2)}, (2, 2), 2, ())


def test_a_lost_pair_is_noticed() -> None:
    with pytest.raises(AssertionError, match="no row has"):
        check_rows({(0, 0), (0, 1), (1, 0)}, (2, 2), 2, ())
