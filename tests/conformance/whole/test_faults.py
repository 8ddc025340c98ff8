"""Seeded faults, hunted as a person does; and what becomes of the score without an assertion."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

import conformance.oracles
from conformance import resources
from conformance.catalogue.matrix import expand, load_suite
from conformance.faults.campaign import trails_of
from conformance.faults.hunt import hunt
from conformance.faults.loader import load_faults
from conformance.run import Options, Run

from .conftest import Ran

Call = Callable[..., Ran]


def test_a_fault_is_caught_in_each_of_its_runtimes(conformance: Call, tmp_path: Path) -> None:
    words = ("--select", "ls-unsorted", "--select", "cli-yes-in-lower-case-only")
    ran = conformance("faults", *words, "-n", "1", "--out", str(tmp_path))
    assert ran.exit == 0, ran.stdout
    assert "score: 2 of 2 faults caught" in ran.stdout
    document = json.loads((tmp_path / "faults.json").read_text())
    assert document["schema_version"] == 1
    assert {(row["fault"], row["runtime"]) for row in document["hunts"]} == {
        (fault, runtime)
        for fault in ("ls-unsorted", "cli-yes-in-lower-case-only")
        for runtime in ("container", "host")
    }
    assert all(row["caught"] and row["cell"] and row["check"] for row in document["hunts"])


@pytest.fixture
def harmless(tmp_path: Path) -> Path:
    """Data with a fault that changes nothing that anybody could see."""
    folder = tmp_path / "matrices"
    folder.mkdir()
    for path in resources.matrices().iterdir():
        if path.name != "faults.yaml":
            (folder / path.name).symlink_to(path)
    (folder / "faults.yaml").write_text(
        "subject: {package: awl, entry: 'awl.cli:main', env: {AWL_DEBUG: '1'}}\n"
        "faults:\n"
        "  - id: harmless\n"
        "    breaks: LS-1a\n"
        "    runtimes: [host]\n"
        "    text: changes nothing\n"
        "    wrap: {drop: [--never-said]}\n"
        "  - id: falls-over\n"
        "    breaks: LS-1a\n"
        "    runtimes: [host]\n"
        "    text: falls over wherever it goes\n"
        "    program: {file: commands/ls_command.py, find: 'rows.sort(', replace: 'rows.srot('}\n"
    )
    return folder


def test_what_nobody_sees_survives_and_so_does_a_crash(
    conformance: Call, tmp_path: Path, harmless: Path
) -> None:
    words = ("--matrices", str(harmless), "-n", "1", "--out", str(tmp_path / "out"))
    assert conformance("faults", *words).exit == 2  # nearly nothing has a fault
    ran = conformance("faults", *words, "--draft")
    assert ran.exit == 1
    assert "SURVIVES harmless[host]: changes nothing" in ran.stdout
    assert "SURVIVES falls-over[host]" in ran.stdout
    assert "score: 0 of 2 faults caught, 2 survive" in ran.stdout


def test_an_empty_selection_is_4_and_the_nearest_is_named(conformance: Call) -> None:
    ran = conformance("faults", "--select", "ls-unsortd")
    assert ran.exit == 4
    assert "nearest: 'ls-unsorted'" in ran.stderr


def test_faults_are_listed(conformance: Call) -> None:
    ran = conformance("faults", "--list", "--select", "RM-2a")
    assert ran.exit == 0
    assert "rm-keep-volumes-is-ignored[container]  RM-2a" in ran.stdout


def test_coverage_is_a_number_with_a_gate(conformance: Call, tmp_path: Path) -> None:
    ran = conformance("coverage")
    assert ran.exit == 0
    assert "no gap without a reason" in ran.stdout
    document = json.loads(conformance("coverage", "--json").stdout)
    assert document["options"]["rm --force"]["host"] > 0
    for path in resources.matrices().iterdir():
        if path.name != "coverage.yaml":
            (tmp_path / path.name).symlink_to(path)
    text = (resources.matrices() / "coverage.yaml").read_text()
    (tmp_path / "coverage.yaml").write_text(text.replace("EXEC-4, ", "RM-1c, EXEC-22, "))
    ran = conformance("coverage", "--matrices", str(tmp_path))
    assert ran.exit == 2
    assert "EXEC-4 has no negative case, and no reason is given" in ran.stderr
    assert "RM-1c does not lack negative: take the entry out" in ran.stderr
    assert "no requirement 'EXEC-22'" in ran.stderr


# ---------------------------------------------------------------------- without an assertion
@pytest.fixture(scope="module")
def world() -> Iterator[SimpleNamespace]:
    """A run's world, and the data, in this process."""
    folder = resources.matrices().absolute()
    suite = load_suite(folder)
    program = str(Path(sys.executable).parent / "awl")
    options = Options(program=(program,), fork_server=True, matrices=folder)
    with Run(options, suite) as run:
        yield SimpleNamespace(
            suite=suite,
            faults=load_faults(folder, suite),
            cells={cell.id: cell for cell in expand(suite)},
            settings=run.settings,
        )


@pytest.mark.parametrize(
    ("fault", "oracle"),
    [
        ("rt-unknown-is-exit-1", "exit_code"),
        ("rt-unknown-without-its-origin", "stderr_text"),
        ("rm-says-so-and-does-not", "workspaces"),
        ("cli-no-schema-version", "json_document"),
    ],
)
def test_without_an_oracle_the_score_falls(
    world: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    fault: str,
    oracle: str,
) -> None:
    chosen = [one for one in world.faults.faults if one.id == fault]
    trail = next(one for one in trails_of(chosen, world.suite) if one.runtime == "host")
    trail = evolve(trail, cells=trail.cells[:4])

    def caught(name: str) -> bool:
        rest: dict[str, Any] = {"workshop": tmp_path, "limit": 300.0, "name": name}
        found = hunt(trail, world.cells, world.suite, world.faults.subject, world.settings, **rest)
        return found.caught

    assert caught(f"{fault}-with")
    kept = tuple(one for one in conformance.oracles.ORACLES if one.__name__ != oracle)
    assert len(kept) == len(conformance.oracles.ORACLES) - 1
    monkeypatch.setattr(conformance.oracles, "ORACLES", kept)
    assert not caught(f"{fault}-without")
