"""Real zygotes and cases; `hold` tells what a case's shell saw."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from conformance.drivers.process import Outcome, run
from conformance.lock.client import NoLock, Zygote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conformance.lock.client import CaseLock

    Shell = Callable[..., Outcome]


class PlainLock(Zygote):
    """The lock as a kernel without user namespaces gives it to root."""

    _modes = ("plain",)


DOORS = {"user": Zygote, "plain": PlainLock, "none": NoLock}


@pytest.fixture(scope="session")
def doors() -> dict[str, type[Zygote]]:
    """Each way in which a case is opened, by name."""
    return DOORS


@pytest.fixture(scope="module")
def zygotes() -> Iterator[Callable[[str], Zygote]]:
    started: dict[str, Zygote] = {}

    def get(mode: str) -> Zygote:
        if mode == "plain" and os.geteuid():
            pytest.skip("only root has capabilities without a user namespace")
        if mode not in started:
            started[mode] = DOORS[mode]().start()
        return started[mode]

    yield get
    for zygote in started.values():
        zygote.close()


@pytest.fixture(params=["user", "plain"])
def locked(request: pytest.FixtureRequest, zygotes: Callable[[str], Zygote]) -> Zygote:
    """Each way in which the lock is had."""
    return zygotes(request.param)


@pytest.fixture(params=["user", "plain", "none"])
def door(request: pytest.FixtureRequest, zygotes: Callable[[str], Zygote]) -> Zygote:
    """Each way in which a case is opened, the unlocked one too."""
    return zygotes(request.param)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    path = tmp_path / "sandbox"
    path.mkdir()
    return path


@pytest.fixture
def hold(locked: Zygote, box: Path) -> Iterator[CaseLock]:
    """An open case under the real lock."""
    with locked.open_case(box) as case:
        yield case


@pytest.fixture
def case(door: Zygote, box: Path) -> Iterator[CaseLock]:
    """An open case, locked or not."""
    with door.open_case(box) as opened:
        yield opened


@pytest.fixture
def sh() -> Shell:
    """Run a line of shell in a case."""

    def call(case: CaseLock, line: str, **given: object) -> Outcome:
        options: dict[str, object] = {
            "env": {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
            "cwd": case.sandbox,
            "timeout": 20.0,
            **given,
        }
        return run(case, ["sh", "-c", line], **options)  # type: ignore[arg-type]

    return call
