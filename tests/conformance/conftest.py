"""What the tests of the suite's running side share: evidence made by hand, runs made once."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance import resources
from conformance.catalogue.case import Suite
from conformance.catalogue.matrix import load_suite
from conformance.catalogue.step import Expect, Step
from conformance.drivers.process import Outcome, Stream
from conformance.evidence import Evidence
from conformance.record import file_fact
from conformance.world.engines import Call
from conformance.world.observe import EngineState, Snapshot


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """``once(name, make)``: the folder that ``make`` fills, once for all workers."""
    base = tmp_path_factory.getbasetemp()
    # Workers of xdist have a folder each, below the one that they share.
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base

    def get(name: str, make: Callable[[Path], None]) -> Path:
        folder = shared / f"once-{name}"
        with (shared / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                folder.mkdir()
                make(folder)
        return folder

    return get


@pytest.fixture(scope="session")
def suite() -> Suite:
    """The package's own data."""
    return load_suite(resources.matrices(), allow_gaps=True)


def _stream(data: bytes) -> Stream:
    return Stream(data, len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def snapshot() -> Callable[..., Snapshot]:
    """Make a snapshot of an empty world but for the parts given."""

    def make(**parts: Any) -> Snapshot:
        empty: dict[str, Any] = {"workspaces": {}, "root": {}, "home": {}, "decoys": {}}
        return Snapshot(**{**empty, "engine": EngineState(), **parts})

    return make


@pytest.fixture
def evidence(suite: Suite) -> Callable[..., Evidence]:
    """Make evidence of one step: ``evidence(expect, exit=…, stdout=b"…", …)``."""

    def make(
        expect: Expect,
        *,
        exit: int | None = 0,  # noqa: A002 - the name that outcomes use
        signal: int | None = None,
        stdout: bytes = b"",
        stderr: bytes = b"",
        duration: float = 0.1,
        timed_out: bool = False,
        argv: tuple[str, ...] = ("awl", "ls"),
        calls: tuple[Call, ...] = (),
        step: Mapping[str, Any] | None = None,
        unmet: str = "",
        **rest: Any,
    ) -> Evidence:
        return Evidence(
            step=Step(argv=argv, expect=expect, **(step or {})),
            runtime="host",
            prefix="p",
            argv=argv,
            env={},
            outcome=Outcome(
                argv=argv,
                exit=exit,
                signal=signal,
                out=_stream(stdout),
                err=_stream(stderr),
                duration=duration,
                timed_out=timed_out,
                unmet=unmet,
            ),
            calls=calls,
            contract=suite.contract,
            files={path: file_fact(Path(path), e) for path, e in expect.files.items()},
            **rest,
        )

    return make
