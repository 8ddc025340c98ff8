"""The suite itself is isolated: verdicts depend neither on the order of cells nor on who else runs,
and a run that is killed leaves nothing that the next one does not clear, of its own alone.

Two orders by default; ``tox -e isolation`` plays twenty, of what ``AWL_ISOLATION_SELECT`` chooses.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from conformance.world.sandbox import force_remove
from conformance.world.scratch import PREFIX, base_folder

ROOT = Path(__file__).resolve().parents[3]
ORDERS = int(os.environ.get("AWL_ISOLATION_ORDERS", "2"))
# Tunnels leave processes on purpose, listings see what another case left, if it left anything.
SELECT = os.environ.get("AWL_ISOLATION_SELECT", "brisk and (tunnel or ls-*)")
WORKERS = "8"
SECONDS = 1800 if "AWL_ISOLATION_SELECT" in os.environ else 600


@define
class Suite:
    """One run of the suite as a process; its results go to ``out``."""

    process: subprocess.Popen[bytes]
    out: Path

    def finish(self) -> int:
        """Wait for its end; its exit code."""
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    @property
    def folder(self) -> Path | None:
        """Its scratch folder, as its results name it; None until it has begun."""
        header, whole, _ = self.results.partition("\n")
        return Path(json.loads(header)["header"]["world"]["run"]) if whole else None

    @property
    def results(self) -> str:
        """What it has written so far."""
        path = self.out / "results.jsonl"
        return path.read_text() if path.exists() else ""

    def wait_for_results(self, count: int) -> Path:
        """Wait until it has judged ``count`` cells; its scratch folder."""
        limit = time.monotonic() + SECONDS
        while time.monotonic() < limit and self.process.poll() is None:
            if self.results.count('\n{"result"') >= count and self.folder:
                return self.folder
            time.sleep(0.05)
        raise AssertionError(f"no {count} results of {self.out}")

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.out / "report.json").read_text())
        return report


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder for the folders of runs, so that nobody else's are met: in memory, where that is."""
    here = base_folder()
    with tempfile.TemporaryDirectory(prefix="awl-isolation-", dir=here) as folder:
        yield Path(folder)
        force_remove(Path(folder).glob(f"*{PREFIX}*"))


@pytest.fixture
def start(base: Path, tmp_path: Path) -> Iterator[Callable[..., Suite]]:
    """Start a run of the suite; what still runs at the end of a test is killed."""
    started: list[Suite] = []

    def begin(*words: str) -> Suite:
        out = tmp_path / f"out{len(started)}"
        command = [sys.executable, "-m", "conformance.cli", "run", "--out", str(out), *words]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(base)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(Suite(process, out))
        return started[-1]

    yield begin
    for suite in started:
        if suite.process.poll() is None:
            suite.process.kill()
        suite.process.wait(30)


def _below(pid: int) -> set[tuple[int, str]]:
    """All descendants of a process that live, each with the time of its start."""
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            facts = (entry / "stat").read_text().rpartition(")")[2].split()
            if facts[0] != "Z":
                children.setdefault(int(facts[1]), []).append((int(entry.name), facts[19]))
    found: set[tuple[int, str]] = set()
    following = [pid]
    while following:
        for child in children.get(following.pop(), ()):
            found.add(child)
            following.append(child[0])
    return found


def _alive() -> set[tuple[int, str]]:
    return _below(0)


def _of_run(folder: Path) -> set[int]:
    """The processes of this machine that speak of a run's folder, whosever children they are."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if str(folder).encode() in words:
                found.add(int(entry.name))
    return found - {os.getpid()}


def _gone(seconds: float, left: Callable[[], object]) -> bool:
    """Whether nothing is left before the time is up."""
    limit = time.monotonic() + seconds
    while left() and time.monotonic() < limit:
        time.sleep(0.1)
    return not left()


def test_orders_and_neighbours_change_no_verdict(start: Callable[..., Suite], base: Path) -> None:
    """Eight workers, two suites at a time, each in an order of its own: the ``stable`` digest is
    the same, which covers every cell's status, checks and commands."""
    seen = {}
    for seed in range(1, ORDERS + 1, 2):
        pair = [start("--select", SELECT, "-n", WORKERS, "--seed", str(seed + n)) for n in (0, 1)]
        folders = [suite.wait_for_results(1) for suite in pair]
        for number, (suite, folder) in enumerate(zip(pair, folders, strict=True)):
            code = suite.finish()
            bad = [
                r["cell"]
                for r in suite.report["rows"]
                if r["status"] not in ("pass", "unsupported")
            ]
            assert (code, bad) == (0, [])
            assert suite.report["header"]["runs"][0]["seed"] == seed + number
            seen[seed + number] = suite.report["footer"]["stable"]
            assert _gone(5, lambda run=folder: _of_run(run))
    assert len(seen) == ORDERS + ORDERS % 2
    assert len(set(seen.values())) == 1, seen
    assert list(base.iterdir()) == []


def test_a_killed_run_is_cleared_by_the_next_and_a_living_one_is_not(
    start: Callable[..., Suite], base: Path
) -> None:
    living = start("--select", SELECT, "-n", "2", "--seed", "1")
    alive = living.wait_for_results(1)
    # It shall not end before the next run has cleared up: its workers go on, it deals out no more.
    living.process.send_signal(signal.SIGSTOP)
    killed = start("--select", SELECT, "-n", WORKERS, "--seed", "2")
    dead = killed.wait_for_results(3)
    family = _below(killed.process.pid)
    assert len(family) >= 2 * int(WORKERS)  # each worker has a zygote
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait(10)
    # Workers see the end of their controller, and what they play ends with them.
    assert _gone(20, lambda: family & _alive())
    assert not _of_run(dead)
    assert dead.is_dir()

    after = start("--select", "cli-version and host", "-n", "1")
    assert after.finish() == 0
    assert not dead.exists()
    assert alive.is_dir()
    assert _of_run(alive)
    living.process.send_signal(signal.SIGCONT)
    assert living.finish() == 0
    assert _gone(5, lambda: _of_run(alive))
    assert list(base.iterdir()) == []
