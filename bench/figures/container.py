"""Workspaces in containers, against what the engine itself takes: on the fake, and on a real one.

The same figures twice. Names end in the engine, so that a page shows them side by side.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.figures.plan import Plan, Wanted, cpu_ms, ms, told, walls
from bench.measure import Sample, once, ratios, rounds, spread
from bench.place import CHECKOUT, IMAGE, LABEL, Place, fake_place, real_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.figure import Figure

__all__ = ["create_words", "measure_fake", "measure_real"]

_EXEC = Wanted(
    "`awl exec WS true`",
    "container",
    "x",
    1.5,
    "`awl exec WS true` ÷ plain `docker exec CONTAINER true`",
)
_CREATE = Wanted(
    "`awl create`",
    "container",
    "x",
    1.3,
    "`awl create --no-work-repos` ÷ plain `docker run -d --init` with three new volumes and the "
    "same labels; removal is not timed",
)
_LS = Wanted(
    "`awl ls`, {count} workspaces",
    "container",
    "x",
    1.5,
    "`awl ls` with {count} workspaces ÷ `awl ls` with none",
)
_CALLS = Wanted(
    "engine calls of `awl ls`",
    "container",
    "calls",
    1.0,
    "lines of the fake engine's journal for one `awl ls` with {count} workspaces",
    exact=True,
)
_EXEC_CALLS = Wanted(
    "engine calls of `awl exec`",
    "container",
    "calls",
    1.0,
    "lines of the fake engine's journal for one `awl exec WS true`",
    exact=True,
)
_WORKSPACES = 1000
_REAL_WORKSPACES = 50
_VOLUMES = (("work", "/work"), ("home", "/home/agent"), ("codex", "/home/agent/.codex"))


def _on(engine: str, count: int, *wanted: Wanted) -> tuple[Wanted, ...]:
    """The figures of one engine, with the number of workspaces where they speak of it."""
    return tuple(
        replace(
            each,
            name=f"{each.name.format(count=f'{count:,}')}, {engine}",
            how=each.how.format(count=f"{count:,}"),
        )
        for each in wanted
    )


def measure_fake(plan: Plan) -> Iterator[Figure]:
    """On the fake engine, where every call is journalled."""
    count = plan.some(_WORKSPACES, 100)
    timed = _on("fake engine", count, _EXEC, _CREATE)
    many = _on("fake engine", count, _LS, _CALLS, _EXEC_CALLS)

    def once_alone() -> Iterator[Figure]:
        with fake_place() as place:
            yield from _exec_and_create(plan, place, *timed)

    def with_many() -> Iterator[Figure]:
        with fake_place() as none, fake_place() as full:
            full.workspace("a")
            plan.note(f"making {count} workspaces on the fake engine")
            _seed_many(full, count)
            yield from _ls(plan, none, full, count, many[0])
            yield _calls(full, ["ls"], many[1])
            yield _calls(full, ["exec", "a", "true"], many[2])

    yield from told(timed, once_alone)
    yield from told(many, with_many)


def measure_real(plan: Plan) -> Iterator[Figure]:
    """On the engine of DOCKER_HOST; with fewer workspaces, since each is a real container."""
    count = plan.some(_REAL_WORKSPACES, 8)
    wanted = _on("real engine", count, _EXEC, _CREATE, _LS)

    def measure() -> Iterator[Figure]:
        with real_place() as place:
            yield from _exec_and_create(plan, place, *wanted[:2])
        with real_place() as none, real_place() as full:
            full.workspace("a")
            plan.note(f"making {count} workspaces on the real engine")
            full.multiply("a", count, lambda name, labels: _docker_create(full, name, labels))
            yield from _ls(plan, none, full, count, wanted[2])

    return told(wanted, measure)


# ---------------------------------------------------------------------- exec and create
def _exec_and_create(plan: Plan, place: Place, exec_: Wanted, create: Wanted) -> Iterator[Figure]:
    place.workspace("a")
    container = json.loads(place.record_of("a").read_text())["container_id"]
    taken = rounds(
        {
            "awl": place.command(place.awl("exec", "a", "true")),
            "docker": place.command(place.docker("exec", container, "true")),
        },
        plan.rounds(40),
    )
    ratio = ratios(walls(taken["awl"]), walls(taken["docker"]))
    yield exec_.found(ratio, _both(taken["awl"], taken["docker"], "docker exec"))
    prefix = place.stamp or "agent-ws"

    def remove(container: str) -> None:
        place.ask(place.docker("rm", "--force", "--volumes", container))
        place.ask(place.docker("volume", "rm", *(f"{container}-{part}" for part, _ in _VOLUMES)))

    taken = rounds(
        {
            "awl": place.command(
                lambda n: place.awl("create", "--no-work-repos", "--name", f"made{n}"),
                lambda n: place.ask(place.awl("rm", "--yes", f"made{n}")),
            ),
            "docker": place.command(
                lambda n: place.docker(*create_words(f"{prefix}-plain{n}")),
                lambda n: remove(f"{prefix}-plain{n}"),
            ),
        },
        plan.rounds(20),
        warm_up=1,
    )
    ratio = ratios(walls(taken["awl"]), walls(taken["docker"]))
    yield create.found(ratio, _both(taken["awl"], taken["docker"], "docker run"))


def create_words(container: str) -> list[str]:
    """``docker run`` for a container of the shape that the launcher makes."""
    mounts = [
        f"type=volume,src={container}-{part},dst={place},volume-label={LABEL}=1"
        for part, place in _VOLUMES
    ]
    return [
        *("run", "--detach", "--init", "--name", container, "--hostname", "plain"),
        *("--label", f"{LABEL}=1", "--label", f"{LABEL}.plain=1"),
        *(word for mount in mounts for word in ("--mount", mount)),
        *(IMAGE, "sleep", "infinity"),
    ]


# ---------------------------------------------------------------------- many workspaces
def _ls(plan: Plan, none: Place, full: Place, count: int, wanted: Wanted) -> Iterator[Figure]:
    # The same question that `awl ls` asks, to tell the engine's part from the launcher's.
    question = ("ps", "--all", "--no-trunc", "--filter", "label=awl.workspace", "--format")
    form = "{{.ID}}\t{{.State}}\t{{.Names}}"
    taken = rounds(
        {
            "full": full.command(full.awl("ls")),
            "none": none.command(none.awl("ls")),
            "ps full": full.command(full.docker(*question, form)),
            "ps none": none.command(none.docker(*question, form)),
        },
        plan.rounds(40),
    )
    yield wanted.found(
        ratios(walls(taken["full"]), walls(taken["none"])),
        f"{count:,} workspaces: {ms(taken['full'])} (CPU {cpu_ms(taken['full'])}), of it the "
        f"engine's own answer {ms(taken['ps full'])}; none: {ms(taken['none'])} (CPU "
        f"{cpu_ms(taken['none'])}), of it the engine's own answer {ms(taken['ps none'])}",
    )


def _calls(place: Place, words: list[str], wanted: Wanted) -> Figure:
    before = len(place.journal())
    once(place.command(place.awl(*words)))
    made = place.journal()[before:]
    asked = ", ".join(f"`docker {call[0]}`" for call in made)
    return wanted.found(spread([len(made)]), asked)


def _seed_many(place: Place, count: int) -> None:
    """Put containers straight into the fake's state: starting a thousand would take minutes."""
    seeder = Seeder(place)
    try:
        place.multiply("a", count, seeder.make)
    finally:
        seeder.close()


class Seeder:
    """Makes containers by the fake's own seeding functions, in a process of its own."""

    _PROGRAM = """\
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
import seed
state = pathlib.Path(sys.argv[2])
for line in sys.stdin:
    name, labels = json.loads(line)
    print(seed.container(state, name, reference=sys.argv[3], labels=labels)["Id"], flush=True)
"""

    def __init__(self, place: Place) -> None:
        state = place.env["AWL_FAKE_DOCKER_STATE"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._PROGRAM, str(CHECKOUT / "stubs"), state, IMAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def make(self, name: str, labels: dict[str, str]) -> str:
        """Make a container that was never started; its whole id."""
        asked, said = self._process.stdin, self._process.stdout
        if asked is None or said is None:
            raise RuntimeError("the seeding process has no pipes")
        asked.write(json.dumps([name, labels]) + "\n")
        asked.flush()
        if not (whole := said.readline().strip()):
            raise RuntimeError("the fake's seeding functions failed; see stderr")
        return whole

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)


def _docker_create(place: Place, name: str, labels: dict[str, str]) -> str:
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    made = ("create", "--name", name, *words, "--label", f"{LABEL}=1", IMAGE, "sleep", "infinity")
    return place.ask(place.docker(*made))


def _both(awl: tuple[Sample, ...], docker: tuple[Sample, ...], plain: str) -> str:
    return (
        f"`awl` {ms(awl)} (CPU {cpu_ms(awl)}), plain `{plain}` {ms(docker)} (CPU {cpu_ms(docker)})"
    )
