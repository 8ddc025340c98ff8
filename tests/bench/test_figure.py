"""How a figure stands to its budget, and in which order figures are shown."""

from __future__ import annotations

import pytest

from bench.figure import (
    Figure,
    by_need,
    headroom,
    is_over,
    not_measured,
    shown_budget,
    shown_value,
)
from bench.measure import Spread


def figure(
    name: str = "f",
    value: float = 1.0,
    budget: float | None = 2.0,
    unit: str = "x",
    exact: bool = False,
) -> Figure:
    return Figure(name, "g", unit, Spread(value, value, value, 1), budget, "how", exact=exact)


def test_what_is_over_or_nearest_comes_first_and_what_is_missing_last() -> None:
    figures = [
        not_measured("missing", "g", "x", 1.0, "no engine"),
        figure("told", budget=None),
        figure("calls met", 1.0, 1.0, "calls", exact=True),
        figure("far", 0.2, 2.0),
        figure("near", 119.0, 120.0, "s"),
        figure("over", 1.6, 1.5),
        figure("calls missed", 2.0, 1.0, "calls", exact=True),
    ]
    assert [each.name for each in by_need(figures)] == [
        "calls missed",
        "over",
        "near",
        "far",
        "calls met",
        "told",
        "missing",
    ]


def test_order_is_by_share_of_the_budget_and_not_by_value() -> None:
    small, large = figure("small", 0.45, 0.5, "s"), figure("large", 60.0, 120.0, "s")
    assert [small, large] == by_need([large, small])


def test_equals_are_ordered_by_name() -> None:
    assert [each.name for each in by_need([figure("b"), figure("a")])] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "budget", "shown"),
    [
        (1.0, 2.0, "50 %"),
        (2.0, 2.0, "0 %"),
        (3.0, 2.0, "**-50 %, over**"),
        (0.0, 1.0, "100 %"),
        (1.0, None, "none"),
    ],
)
def test_headroom_is_the_part_of_the_budget_that_is_left(
    value: float, budget: float | None, shown: str
) -> None:
    assert shown == headroom(figure(value=value, budget=budget))


def test_an_exact_budget_is_met_or_missed_in_both_directions() -> None:
    assert headroom(figure(value=1.0, budget=1.0, exact=True)) == "met"
    assert headroom(figure(value=0.0, budget=1.0, exact=True)) == "missed"
    assert is_over(figure(value=2.0, budget=1.0, exact=True))


def test_an_exact_budget_is_missed_where_a_single_run_differs() -> None:
    assert is_over(Figure("f", "g", "calls", Spread(1, 1, 2, 3), 1.0, "how", exact=True))


def test_a_figure_without_measurement_needs_a_reason_and_is_never_over() -> None:
    with pytest.raises(ValueError, match="reason"):
        Figure("f", "g", "x", None, 1.0, "how")
    with pytest.raises(ValueError, match="reason"):
        Figure("f", "g", "x", Spread(1, 1, 1, 1), 1.0, "how", why_not="but measured")
    missing = not_measured("f", "g", "x", 1.0, "no engine")
    assert not is_over(missing)
    assert headroom(missing) == "none"
    assert shown_value(missing) == "not measured: no engine"


@pytest.mark.parametrize(
    ("spread", "unit", "shown"),
    [
        (Spread(1.2345, 1.0, 1.5, 20), "x", "1.23x (1 to 1.5, n=20)"),
        (Spread(62.41, 62.41, 62.41, 1), "MiB", "62.4 MiB"),
        (Spread(1.0, 1.0, 1.0, 1), "calls", "1 call"),
        (Spread(2.0, 2.0, 2.0, 1), "calls", "2 calls"),
        (Spread(2980.4, 2980.4, 2980.4, 1), "s", "2,980 s"),
        (Spread(0.000676, 0.0006, 0.0007, 2), "s", "0.000676 s (0.0006 to 0.0007, n=2)"),
    ],
)
def test_values_are_shown_with_three_figures_unit_and_spread(
    spread: Spread, unit: str, shown: str
) -> None:
    assert shown == shown_value(Figure("f", "g", unit, spread, None, "how"))


def test_budgets_are_shown_in_words() -> None:
    assert shown_budget(figure(budget=1.5)) == "≤ 1.5x"
    assert shown_budget(figure(budget=1.0, unit="calls", exact=True)) == "exactly 1 call"
    assert shown_budget(figure(budget=None)) == "none"
