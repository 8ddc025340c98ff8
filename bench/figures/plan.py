"""How much is measured, and how a lacking machine is told: common to all groups."""

from __future__ import annotations

import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.figure import Figure, not_measured
from bench.measure import CommandFailed, Sample, Spread
from bench.place import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Plan", "Wanted", "by_cpu", "cpu_ms", "ms", "pass_command", "told", "walls"]


@dataclass(frozen=True)
class Plan:
    """How many rounds. ``quick``: few, for a look while developing; its page says so."""

    quick: bool = False
    note: Callable[[str], None] = field(default=lambda _: None)

    def rounds(self, usual: int) -> int:
        """The number of rounds of a comparison."""
        return max(3, usual // 6) if self.quick else usual

    def some(self, usual: int, quick: int) -> int:
        """A number of something to be made."""
        return quick if self.quick else usual


@dataclass(frozen=True)
class Wanted:
    """A figure before it is measured: its name and budget, so that it is listed in any case."""

    name: str
    group: str
    unit: str
    budget: float | None
    how: str
    exact: bool = False

    def found(self, measured: Spread, detail: str = "") -> Figure:
        """The figure with its measurement."""
        return Figure(
            self.name, self.group, self.unit, measured, self.budget, self.how, detail, self.exact
        )

    def missing(self, why: str) -> Figure:
        """The figure without one."""
        return not_measured(self.name, self.group, self.unit, self.budget, why, exact=self.exact)


def told(wanted: tuple[Wanted, ...], measure: Callable[[], Iterator[Figure]]) -> Iterator[Figure]:
    """Yield what ``measure`` finds; of what it does not get to, the reason. Defects still raise."""
    names = {each.name for each in wanted}
    why = "the benchmark did not get to it"
    try:
        for figure in measure():
            names.discard(figure.name)
            yield figure
    except (Unavailable, CommandFailed) as error:
        why = str(error)
    except subprocess.TimeoutExpired as error:
        why = f"it took longer than {error.timeout:g} s"
    for each in wanted:
        if each.name in names:
            yield each.missing(why)


def walls(samples: tuple[Sample, ...]) -> list[float]:
    """Wall times in seconds."""
    return [sample.wall for sample in samples]


def ms(samples: tuple[Sample, ...]) -> str:
    """The median of wall times in words."""
    return f"{1000 * statistics.median(walls(samples)):.1f} ms"


def cpu_ms(samples: tuple[Sample, ...]) -> str:
    """The median of CPU times in words."""
    return f"{1000 * statistics.median(each.cpu for each in samples):.1f} ms"


def by_cpu(tops: tuple[Sample, ...], bottoms: tuple[Sample, ...]) -> str:
    """The ratio of medians of CPU time: what is left of a ratio on a machine that is busy."""
    top, bottom = (statistics.median(each.cpu for each in found) for found in (tops, bottoms))
    return f"by CPU time {top / bottom:.2f}x"


def pass_command() -> list[str]:
    """The yardstick: this environment's interpreter, doing nothing."""
    return [sys.executable, "-I", "-c", "pass"]
