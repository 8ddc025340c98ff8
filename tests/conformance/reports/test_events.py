"""``run --json``: events for tools on stdout, one JSON document a line, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, Ran, run


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    out = tmp_path_factory.mktemp("events")
    skip = "rm-unknown or parity-rm-keep-volumes-host"
    return run(out, "--json", "--runtime", "host", "--skip", skip), out


def test_every_line_is_an_event(ran: tuple[Ran, Path]) -> None:
    told, out = ran
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.exit == 0
    assert [event["event"] for event in events] == ["start", *["cell"] * 9, "end"]
    start, *cells, end = events
    assert start["planned"] == 9
    assert start["runtimes"] == {"host": 9}
    assert start["selection"]["skip"].startswith("rm-unknown")
    assert [cell["done"] for cell in cells] == list(range(1, 10))
    assert {cell["status"] for cell in cells} == {"pass", "skipped"}
    assert end["counts"] == {"pass": 4, "skipped": 5}
    assert end["verdict"]["word"] == "conformant"
    assert end["results"] == str(out)


def test_what_is_skipped_is_in_the_report(ran: tuple[Ran, Path]) -> None:
    report = json.loads((ran[1] / "report.json").read_text())
    assert report["footer"]["counts"] == {"pass": 4, "skipped": 5}
    assert "conformant 4/9 (part)" in (ran[1] / "badge.json").read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_reader_that_goes_away_ends_the_run(tmp_path: Path, workers: str) -> None:
    words = ["run", "--select", "rm-known", "--json", "-n", workers, "--out", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "conformance.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert '"start"' in process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(timeout=120) == 4
    assert "Error" not in told
    assert "INTERNALERROR" not in told
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["footer"]["verdict"]["word"] == "incomplete"
