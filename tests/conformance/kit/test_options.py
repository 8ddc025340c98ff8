"""What cannot be used is told before anything is begun or written: exit 2, in words."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cli import main


def call(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    return result.exit_code, result.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a program that is not executable."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a plain one").write_text("#!/bin/sh\n")
    return tmp_path


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("./nope", "--program ./nope: no such file"),
        ("nope", "--program nope: no such program on PATH\n"),
        (".", "--program .: is a directory"),
        ("./a plain one", "not executable: chmod +x './a plain one', and begin it with #!"),
        ("a plain one", "no such program on PATH; for the one in this folder say ./a plain one"),
    ],
)
@pytest.mark.parametrize("command", [("run",), ("model",), ("replay", "rm-known[host,flag]")])
def test_a_program_that_cannot_be_started_is_a_usage_error(
    folder: Path, command: tuple[str, ...], program: str, told: str
) -> None:
    before = sorted(folder.iterdir())
    code, text = call(*command, "--program", program)
    assert code == 2
    assert told in text
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("command", ["run", "faults", "model"])
def test_a_folder_of_results_that_cannot_be_made_is_a_usage_error(command: str) -> None:
    code, text = call(command, "--out", "/dev/null/x")
    assert code == 2
    assert "--out /dev/null/x: Not a directory" in text


@pytest.mark.parametrize("command", ["run", "cases", "faults", "model"])
def test_a_mistyped_runtime_names_the_nearest(folder: Path, command: str) -> None:
    code, text = call(command, "--runtime", "hots")
    assert code == 2
    assert "--runtime hots: not one of container, host (nearest: 'host')" in text


def test_a_mistyped_command_names_the_nearest() -> None:
    code, text = call("modl")
    assert code == 2
    assert "no command is called 'modl'; nearest: model" in text


def test_commands_that_stand_apart_are_listed_with_the_others() -> None:
    listed = CliRunner().invoke(main, ["--help"]).stdout
    for command in ("run", "certify", "compare", "faults", "model"):
        assert f"\n  {command} " in listed
        assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


@pytest.mark.parametrize("command", ["run", "cases", "compare"])
def test_an_empty_selection_is_a_usage_error(command: str) -> None:
    code, text = call(command, "--select", " ")
    assert code == 2
    assert "every cell is: --select all" in text


def test_all_selects_every_cell() -> None:
    cells = CliRunner().invoke(main, ["cases"]).stdout
    assert CliRunner().invoke(main, ["cases", "--select", "all"]).stdout == cells


def test_another_name_of_a_runtime_leads_to_its_own() -> None:
    code, text = call("cases", "--runtime", "native")
    assert code == 2
    assert "(nearest: 'host')" in text
