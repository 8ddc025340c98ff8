"""The lines that play something again name what was played."""

import shlex
from pathlib import Path

import pytest
import yaml

from conformance import resources
from conformance.reports.again import replay_line, target_of, target_words
from conformance.world.program import default_program

from .conftest import Report, call, run


def test_what_is_the_default_has_no_words() -> None:
    matrices = str(resources.matrices())
    assert target_words(program=default_program(), matrices=matrices) == ()


def test_paths_are_absolute_and_names_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = target_words(program="./my own", engine="podman", image="a:b", matrices="data")
    line = replay_line("rm-known[host]", target)
    assert shlex.split(line) == [
        *("awl-conformance", "replay", "rm-known[host]"),
        *("--program", f"{tmp_path}/my own", "--engine", "podman"),
        *("--image", "a:b", "--matrices", f"{tmp_path}/data"),
    ]
    assert target_words(program="launcher") == ("--program", "launcher")


def test_the_page_of_a_run_names_its_program(broken: Path, tmp_path: Path) -> None:
    program = str(broken / "launcher")
    ran = run(tmp_path, "--program", program, "--runtime", "host")
    lines = [line for line in ran.stdout.splitlines() if "replay    " in line]
    assert lines
    assert all(line.endswith(f"--program {shlex.quote(program)}") for line in lines)


def test_a_report_names_its_program_and_no_path(
    broken: Path, broken_report: Report, good_report: Report
) -> None:
    assert target_of(broken_report["header"]) == ("--program", "launcher")
    assert all(row["replay"].endswith(" --program launcher") for row in broken_report["rows"])
    assert not any("--program" in row["replay"] for row in good_report["rows"])
    said = yaml.safe_load(call("statement", str(broken)).stdout)
    assert "awl-conformance run --program launcher --engine fake" in said["repeat"][1]


@pytest.mark.parametrize("words", [("report",), ("badge",), ("statement",)])
def test_an_out_that_cannot_be_written_is_a_usage_error(good: Path, words: tuple[str]) -> None:
    ran = call(*words, str(good), "--out", "/dev/null/x")
    assert ran.exit == 2
    assert "/dev/null" in ran.stderr
