"""A figure: what was measured, what it may be, and how near it is.

The order of the page is made here: what is over its budget or nearest to it comes first, then what
has a budget that is either met or not, then what is only told, then what could not be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.measure import Spread

__all__ = [
    "Figure",
    "by_need",
    "headroom",
    "is_over",
    "not_measured",
    "shown_budget",
    "shown_value",
]


@dataclass(frozen=True)
class Figure:
    """One line of the page.

    ``unit``: ``x`` for a ratio, else ``s``, ``ms``, ``MiB`` and the like. ``budget`` is the most
    that is allowed, or with ``exact`` the only value that is; None where there is none. ``how``
    says in one sentence what stood against what; ``detail`` holds absolute values. ``measured`` is
    None where it could not be measured, and ``why_not`` then says why.
    """

    name: str
    group: str
    unit: str
    measured: Spread | None
    budget: float | None
    how: str
    detail: str = ""
    exact: bool = False
    why_not: str = ""

    def __post_init__(self) -> None:
        if (self.measured is None) != bool(self.why_not):
            raise ValueError(f"{self.name}: either a measurement or the reason why there is none")


def not_measured(
    name: str, group: str, unit: str, budget: float | None, why: str, *, exact: bool = False
) -> Figure:
    """A figure that this machine does not give; it is listed all the same."""
    return Figure(name, group, unit, None, budget, "", exact=exact, why_not=why)


def is_over(figure: Figure) -> bool:
    """Whether the median misses the budget."""
    if figure.measured is None or figure.budget is None:
        return False
    value = figure.measured.median
    if figure.exact:
        return (figure.measured.least, value, figure.measured.greatest) != (figure.budget,) * 3
    return value > figure.budget


def headroom(figure: Figure) -> str:
    """How much of the budget is left: ``23 %``, ``-8 %, over``, ``met``; ``none`` without one."""
    if figure.measured is None or figure.budget is None:
        return "none"
    if figure.exact:
        return "missed" if is_over(figure) else "met"
    left = round(100 * (figure.budget - figure.measured.median) / figure.budget)
    return f"**{left} %, over**" if is_over(figure) else f"{left} %"


def by_need(figures: Iterable[Figure]) -> list[Figure]:
    """Worst first; equals by name."""
    return sorted(figures, key=_need)


def _need(figure: Figure) -> tuple[int, float, str]:
    if figure.measured is None:
        return 3, 0.0, figure.name
    if figure.budget is None:
        return 2, 0.0, figure.name
    if figure.exact:
        # Met, there is nothing to gain; missed, nothing is worse.
        return (0, float("-inf"), figure.name) if is_over(figure) else (1, 0.0, figure.name)
    return 0, -figure.measured.median / figure.budget, figure.name


def shown_value(figure: Figure) -> str:
    """The median, with least and greatest where there was more than one run."""
    found = figure.measured
    if found is None:
        return f"not measured: {figure.why_not}"
    if found.n == 1 or found.least == found.greatest:
        return _with_unit(found.median, figure.unit)
    between = f"{_number(found.least)} to {_number(found.greatest)}"
    return f"{_with_unit(found.median, figure.unit)} ({between}, n={found.n})"


def shown_budget(figure: Figure) -> str:
    """The budget in words."""
    if figure.budget is None:
        return "none"
    return ("exactly " if figure.exact else "≤ ") + _with_unit(figure.budget, figure.unit)


def _with_unit(value: float, unit: str) -> str:
    if unit == "x":
        return f"{_number(value)}x"
    if value == 1:
        unit = unit.removesuffix("s") if unit == "calls" else unit
    return f"{_number(value)} {unit}"


def _number(value: float) -> str:
    """Three figures are as many as such measurements bear."""
    if value == int(value) and abs(value) < 1_000_000:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
