"""What people feel: `ls`, `exec` and `version` on the host, against an interpreter's bare start."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bench.figures.plan import Plan, Wanted, by_cpu, cpu_ms, ms, pass_command, told, walls
from bench.measure import ratios, rounds
from bench.place import host_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.figure import Figure

__all__ = ["measure"]

_BUDGET = 4.0
_BASE = "`python -I -c pass` of the same environment"
_LS = Wanted("`awl ls`, host", "hot-path", "x", _BUDGET, f"`awl ls` with 3 workspaces ÷ {_BASE}")
_EXEC = Wanted(
    "`awl exec`, host, without the child",
    "hot-path",
    "x",
    _BUDGET,
    f"(`awl exec WS true` minus plain `true`) ÷ {_BASE}",
)
_VERSION = Wanted("`awl version`", "hot-path", "x", _BUDGET, f"`awl version` ÷ {_BASE}")


def measure(plan: Plan) -> Iterator[Figure]:
    """Wall-clock ratios; the four commands and the yardstick take turns."""
    return told((_LS, _EXEC, _VERSION), lambda: _measure(plan))


def _measure(plan: Plan) -> Iterator[Figure]:
    with host_place() as place:
        for name in ("a", "b", "c"):
            place.workspace(name)
        taken = rounds(
            {
                "pass": place.command(pass_command()),
                "ls": place.command(place.awl("ls")),
                "exec": place.command(place.awl("exec", "a", "true")),
                "true": place.command([shutil.which("true") or "/bin/true"]),
                "version": place.command(place.awl("version")),
            },
            plan.rounds(60),
        )
    base = walls(taken["pass"])
    own = [a - b for a, b in zip(walls(taken["exec"]), walls(taken["true"]), strict=True)]
    yard = f"bare interpreter {ms(taken['pass'])} (CPU {cpu_ms(taken['pass'])})"

    def detail(name: str) -> str:
        by = by_cpu(taken[name], taken["pass"])
        return f"{ms(taken[name])} (CPU {cpu_ms(taken[name])}); {yard}; {by}"

    yield _LS.found(ratios(walls(taken["ls"]), base), detail("ls"))
    yield _EXEC.found(ratios(own, base), f"{detail('exec')}; `true` {ms(taken['true'])}")
    yield _VERSION.found(ratios(walls(taken["version"]), base), detail("version"))
