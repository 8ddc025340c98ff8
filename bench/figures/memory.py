"""Peak memory of the launcher: the largest process of each command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.figures.plan import Plan, Wanted, pass_command, told
from bench.measure import peak_memory, spread
from bench.place import fake_place, host_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.figure import Figure

__all__ = ["measure"]

_AWL = Wanted(
    "peak memory of `awl`",
    "memory",
    "MiB",
    40.0,
    "the most resident memory of `version`, `ls`, `exec`, `create` and `rm` on the host, and of "
    "`ls`, `exec` and `create` in a container (fake engine), as `wait4` tells it",
)


def measure(plan: Plan) -> Iterator[Figure]:
    """One figure: the greatest of all commands."""
    return told((_AWL,), lambda: _measure(plan))


def _measure(plan: Plan) -> Iterator[Figure]:
    del plan  # memory hardly varies: one run of each
    peaks: dict[str, float] = {}
    with host_place() as place:
        base = peak_memory(place.command(pass_command()))
        for name, words in {
            "create": ("create", "--no-work-repos", "--name", "a"),
            "version": ("version",),
            "ls": ("ls",),
            "exec": ("exec", "a", "true"),
            "rm": ("rm", "--yes", "a"),
        }.items():
            peaks[name] = peak_memory(place.command(place.awl(*words)))
    with fake_place() as place:
        for name, words in {
            "create (container)": ("create", "--no-work-repos", "--name", "a"),
            "ls (container)": ("ls",),
            "exec (container)": ("exec", "a", "true"),
        }.items():
            peaks[name] = peak_memory(place.command(place.awl(*words)))
    worst = sorted(peaks, key=lambda name: -peaks[name])
    shown = ", ".join(f"{name} {peaks[name]:.1f}" for name in worst)
    yield _AWL.found(spread([max(peaks.values())]), f"In MiB: {shown}; bare interpreter {base:.1f}")
