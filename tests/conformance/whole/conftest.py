"""Running the whole suite as its users do: as a program, from the outside."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

ROOT = Path(__file__).resolve().parents[3]


@frozen
class Ran:
    """One call of ``awl-conformance``."""

    exit: int
    stdout: str
    stderr: str
    out: Path

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """The results by cell, from results.jsonl."""
        return {row["result"]["cell"]: row["result"] for row in self._rows() if "result" in row}

    @property
    def footer(self) -> dict[str, Any]:
        """The last line of results.jsonl."""
        footer: dict[str, Any] = self._rows()[-1]["footer"]
        return footer

    def _rows(self) -> list[dict[str, Any]]:
        text = (self.out / "results.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def statuses(self) -> dict[str, str]:
        """Status by cell."""
        return {cell: result["status"] for cell, result in self.results.items()}


@pytest.fixture
def conformance(tmp_path: Path) -> Callable[..., Ran]:
    """Call ``awl-conformance WORDS…``; ``run`` writes its results below a folder of the test."""
    count = 0

    def call(
        *words: str, timeout: float = 300, env: dict[str, str] | None = None, cwd: Path = ROOT
    ) -> Ran:
        nonlocal count
        count += 1
        out = tmp_path / f"out{count}"
        extra = ("--out", str(out)) if words[:1] == ("run",) else ()
        done = subprocess.run(
            [sys.executable, "-m", "conformance.cli", *words, *extra],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=cwd,
            env={**os.environ, "COLUMNS": "100", **(env or {})},
        )
        return Ran(done.returncode, done.stdout, done.stderr, out)

    return call


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Write an executable program with this text; its path."""
    count = 0

    def write(text: str) -> str:
        nonlocal count
        count += 1
        path = tmp_path / f"program{count}"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    return write


@pytest.fixture
def good() -> str:
    """The launcher that is known to be good."""
    return str(Path(sys.executable).parent / "awl")
