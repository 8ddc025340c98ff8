"""The fake engine's client against the real one: what a hermetic cell pays for each call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.figures.plan import Plan, Wanted, cpu_ms, ms, told, walls
from bench.measure import ratios, rounds
from bench.place import fake_place, real_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.figure import Figure

__all__ = ["measure"]

_PS = Wanted(
    "a call of the fake engine",
    "fake",
    "x",
    1.5,
    "`docker ps` of the fake ÷ `docker ps` of the real client, one running container each",
)


def measure(plan: Plan) -> Iterator[Figure]:
    """One ratio; not measured where no real engine answers."""
    return told((_PS,), lambda: _measure(plan))


def _measure(plan: Plan) -> Iterator[Figure]:
    with real_place() as real, fake_place() as fake:
        real.workspace("one")
        fake.workspace("one")
        # Others may be at work on a shared engine: both list one container.
        only = ("ps", "--filter", f"name={real.stamp}")
        taken = rounds(
            {
                "fake": fake.command(fake.docker("ps", "--filter", "name=agent-ws")),
                "real": real.command(real.docker(*only)),
            },
            plan.rounds(60),
        )
    yield _PS.found(
        ratios(walls(taken["fake"]), walls(taken["real"])),
        f"Fake {ms(taken['fake'])} (CPU {cpu_ms(taken['fake'])}), real {ms(taken['real'])}"
        f" (CPU of the client alone {cpu_ms(taken['real'])})",
    )
