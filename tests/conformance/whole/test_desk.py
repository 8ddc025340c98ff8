"""The other commands, and plain pytest."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT, Ran

Call = Callable[..., Ran]


def test_cases_lists_what_run_would_play(conformance: Call) -> None:
    text = conformance("cases", "--select", "rm and host")
    document = json.loads(conformance("cases", "--select", "rm and host", "--json").stdout)
    assert text.exit == 0
    assert text.stdout.split() == [cell["id"] for cell in document["cells"]]
    assert document["schema_version"] == 1


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("RM-1c", "rm-unknown"),
        ("rm-unknown", "control rm-known"),
        ("rm-unknown[host,flag,text]", "RM-1c (must)"),
        ("rm", "--keep-volumes"),
        ("workspace-not-found", "exit 3"),
        ("5", "workspace-exists"),
    ],
)
def test_explain(conformance: Call, name: str, part: str) -> None:
    ran = conformance("explain", name)
    assert ran.exit == 0
    assert part in ran.stdout


def test_explain_of_nothing_names_the_nearest(conformance: Call) -> None:
    ran = conformance("explain", "RM-1cc")
    assert ran.exit == 2
    assert "RM-1c" in ran.stderr


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_plain_pytest_runs_the_same_cells(tmp_path: Path, workers: tuple[str, ...]) -> None:
    words = ("--awl-select", "ls-names and host", "--awl-out", str(tmp_path / "out"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conformance.plugin", *words, *workers],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout
    assert "verdict: conformant" in done.stdout
    assert (tmp_path / "out" / "results.jsonl").exists()


def test_the_contract_page_is_rendered_from_the_data(conformance: Call) -> None:
    page = conformance("contract").stdout
    assert (ROOT / "docs/contract.md").read_text() == page, (
        "docs/contract.md is behind the data: awl-conformance contract >docs/contract.md"
    )
