"""Ctrl-C, which a terminal sends to all processes of a command: an end without tracebacks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT

SECONDS = 120


def interrupted(words: list[str], out: Path, ready: Callable[[int], bool]) -> tuple[int, str]:
    """Start ``awl-conformance WORDS…``, interrupt its group once it is ready: exit and output."""
    with subprocess.Popen(
        [sys.executable, "-m", "conformance.cli", *words, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        end = time.monotonic() + SECONDS
        while not ready(process.pid):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=SECONDS)
    return process.returncode, told


def children(pid: int) -> list[str]:
    """The command lines of the children of a process."""
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = []
    for number in numbers:
        try:
            lines.append(Path(f"/proc/{number}/cmdline").read_text(errors="replace"))
        except OSError:  # gone in the meantime
            continue
    return lines


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_that_is_interrupted_keeps_what_it_has(tmp_path: Path, workers: str) -> None:
    results = tmp_path / "results.jsonl"

    def begun(_: int) -> bool:
        return results.exists() and '"result"' in results.read_text()

    code, told = interrupted(["run", "--select", "rm", "-n", workers], tmp_path, begun)
    assert code == 4
    assert "Traceback" not in told
    assert (tmp_path / "report.json").exists()


@pytest.mark.parametrize(
    "words", [["model", "--sequences", "2000", "-n", "2"], ["faults", "-n", "2"]]
)
def test_a_search_that_is_interrupted_ends(tmp_path: Path, words: list[str]) -> None:
    def begun(pid: int) -> bool:
        return any("spawn_main" in line for line in children(pid))

    code, told = interrupted(words, tmp_path, begun)
    assert code == 130
    assert "Traceback" not in told
    assert "interrupted" in told
