"""A real case for the drivers, and shell lines run in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.drivers.process import Outcome, run
from conformance.lock.client import NoLock, Zygote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conformance.lock.client import CaseLock

ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TERM": "dumb"}


@pytest.fixture(scope="module", params=[Zygote, NoLock])
def zygote(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    with request.param() as started:
        yield started


@pytest.fixture
def case(zygote: Zygote, tmp_path: Path) -> Iterator[CaseLock]:
    with zygote.open_case(tmp_path) as opened:
        yield opened


@pytest.fixture
def sh(case: CaseLock) -> Callable[..., Outcome]:
    def call(line: str, **given: object) -> Outcome:
        options: dict[str, object] = {
            "env": ENV,
            "cwd": case.sandbox,
            "timeout": 20.0,
            **given,
        }
        return run(case, ["sh", "-c", line], **options)  # type: ignore[arg-type]

    return call
