"""Real runs of a few cells, made once: reports are tested on what runs really write."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from click.testing import CliRunner

from conformance.cli import main

ROOT = Path(__file__).resolve().parents[3]
SELECT = "rm-unknown or cli-version or parity-rm-keep-volumes-host"
# rm of an unknown workspace is no error: breaks RM-1c, in both runtimes and every form.
BROKEN = """\
#!/bin/sh
case " $* " in
  *" rm "*) {awl} "$@"; code=$?; [ $code = 3 ] && exit 0; exit $code ;;
  *) exec {awl} "$@" ;;
esac
"""

Report = dict[str, Any]


@frozen
class Ran:
    """One call of ``awl-conformance`` with its output."""

    exit: int
    stdout: str
    stderr: str


def call(*words: str) -> Ran:
    """Call ``awl-conformance`` in this process: for all commands that start nothing."""
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    return Ran(result.exit_code, result.stdout, result.stderr)


def run(out: Path, *words: str) -> Ran:
    """A run of the few cells, as a program; what it leaves is in ``out``."""
    fixed = ("run", "--select", SELECT, "-n", "1", "--out", str(out))
    done = subprocess.run(
        [sys.executable, "-m", "conformance.cli", *fixed, *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100", "CI": "true"},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def good(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The folder of a run in which everything holds."""

    def make(folder: Path) -> None:
        ran = run(folder)
        assert ran.exit == 0, ran.stdout + ran.stderr

    return once("good", make)


@pytest.fixture(scope="session")
def broken(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The folder of a run of a program with one behaviour broken on purpose."""

    def make(folder: Path) -> None:
        program = folder / "launcher"
        program.write_text(BROKEN.format(awl=Path(sys.executable).parent / "awl"))
        program.chmod(0o755)
        ran = run(folder, "--program", str(program))
        assert ran.exit == 1, ran.stdout + ran.stderr

    return once("broken", make)


def _read(folder: Path) -> Report:
    report: Report = json.loads((folder / "report.json").read_text())
    return report


@pytest.fixture
def good_report(good: Path) -> Report:
    """A report of its own for each test, to be spoilt as it likes."""
    return _read(good)


@pytest.fixture
def broken_report(broken: Path) -> Report:
    """The same of the broken program."""
    return _read(broken)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a report (a tree, or text) to a file of its own; the path."""
    count = 0

    def put(report: Report | str) -> Path:
        nonlocal count
        count += 1
        path = tmp_path / f"report{count}.json"
        path.write_text(report if isinstance(report, str) else json.dumps(report))
        return path

    return put
