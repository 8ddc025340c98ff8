"""The script of a difference: short, it tells by its exit code, and keeps to a scratch folder."""

import subprocess
from pathlib import Path

import pytest

from conformance import resources
from conformance.catalogue.step import Expect, JsonExpect, TextExpect
from conformance.model.commands import Command
from conformance.model.reference import Outcome
from conformance.model.script import script
from conformance.model.state import State
from conformance.model.world import Difference
from conformance.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a run of a program that prints what the test puts beside it, with its code."""
    program = tmp_path / "a program"
    program.write_text('#!/bin/sh\n. "$0.answer"\n')
    program.chmod(0o755)
    return Settings(
        program=(str(program),),
        engine="fake",
        client=str(resources.stubs() / "docker"),
        engine_env={},
        image="i",
        remotes={},
        run=str(tmp_path),
        matrices=str(resources.matrices()),
        canary="c",
        stamp="s",
        runtimes=("host",),
    )


def difference(*expects: Expect, words: tuple[str, ...] = ("ls",), test: str = "") -> Difference:
    """A difference in the answer to one command, or in the world after it."""
    outcomes = tuple(Outcome(expect, State()) for expect in expects)
    return Difference("host", (Command(("awl", *words)),), "this", "that\nit", outcomes, test)


def played(text: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-s", *words], input=text, capture_output=True, text=True, timeout=60, check=False
    )


UNKNOWN = Expect(3, error="workspace-not-found")
NAMES = Expect(0, stdout=TextExpect(lines=("a", "a-b")))
STATUSES = {"workspaces[*].name": ["a", "b"], "workspaces[*].status": ["ready", "ready"]}
ROWS = '{"workspaces": [{"name": "a", "status": "ready"}, {"status": "ready", "name": "b"}]}'


@pytest.mark.parametrize(
    ("expects", "answer", "exit_code"),
    [
        ([NAMES], "echo a; echo a-b", 0),
        ([NAMES], "echo a; echo a-b; exit 1", 1),
        ([NAMES], "echo a-b; echo a", 1),
        ([NAMES], "", 1),
        ([UNKNOWN], "echo 'awl: error[workspace-not-found]: no' >&2; exit 3", 0),
        ([UNKNOWN], "echo 'awl: error[usage]: no' >&2; exit 3", 1),
        ([UNKNOWN], "echo a; echo 'awl: error[workspace-not-found]: no' >&2; exit 3", 1),
        ([NAMES, UNKNOWN], "echo 'awl: error[workspace-not-found]: no' >&2; exit 3", 0),
        ([NAMES, UNKNOWN], "exit 5", 1),
        ([Expect(0, stdout=TextExpect(equals="é $x\n"))], "echo 'é $x'", 0),
        ([Expect(0, stdout=TextExpect(equals="é $x\n"))], "echo 'é'", 1),
        ([Expect(0, stdout=TextExpect(empty=True))], "echo x", 1),
        ([Expect(0, stdout=TextExpect(contains=("a",)))], "echo here is a now", 0),
        ([Expect(0, stdout=TextExpect(contains=("a",)))], "echo none", 1),
    ],
)
def test_it_ends_with_1_where_the_difference_shows(
    settings: Settings, expects: list[Expect], answer: str, exit_code: int
) -> None:
    Path(f"{settings.program[0]}.answer").write_text(f"{answer}\n")
    text = script(difference(*expects), settings)
    assert played(text).returncode == exit_code
    assert text.endswith("# expected this; observed that it\n")


@pytest.mark.parametrize(
    ("rows", "exit_code"), [(ROWS, 0), (ROWS.replace('"ready"', '"stopped"', 1), 1), ("[]", 1)]
)
def test_documents_are_looked_into(settings: Settings, rows: str, exit_code: int) -> None:
    Path(f"{settings.program[0]}.answer").write_text(f"cat <<'END'\n{rows}\nEND\n")
    wanted = Expect(0, json=JsonExpect("ls", STATUSES))
    text = script(difference(wanted, words=("ls", "--json")), settings)
    assert played(text).returncode == exit_code


def test_an_empty_list_is_one(settings: Settings) -> None:
    wanted = Expect(0, json=JsonExpect("ls", {"workspaces[*].name": []}))
    text = script(difference(wanted, words=("ls", "--json")), settings)
    answer = Path(f"{settings.program[0]}.answer")
    answer.write_text("""echo '{"workspaces": []}'\n""")
    assert played(text).returncode == 0
    answer.write_text(f"echo '{ROWS}'\n")
    assert played(text).returncode == 1


def test_the_world_is_tested_after_the_last_command(settings: Settings) -> None:
    Path(f"{settings.program[0]}.answer").write_text("mkdir -p ws/a\n")
    assert played(script(difference(NAMES, test="[ -d ws/a ]"), settings)).returncode == 0
    assert played(script(difference(NAMES, test="[ ! -e ws/a ]"), settings)).returncode == 1


def test_it_works_in_an_empty_folder_and_in_no_other(settings: Settings, tmp_path: Path) -> None:
    Path(f"{settings.program[0]}.answer").write_text('echo "$HOME" >"$AGENT_WORKSPACE_HOME"\n')
    text = script(difference(Expect(0)), settings)
    scratch = tmp_path / "some where"
    assert played(text, str(scratch)).returncode == 0
    assert (scratch / "home/ws").read_text() == f"{scratch}/home\n"
    before = sorted(scratch.rglob("*"))
    again = played(text, str(scratch))
    assert again.returncode == 2
    assert "is not an empty folder" in again.stderr
    assert sorted(scratch.rglob("*")) == before


def test_a_create_is_killed_while_it_waits(settings: Settings) -> None:
    Path(f"{settings.program[0]}.answer").write_text('cat "$4/HEAD"\n')
    words = ("awl", "create", "--name", "a", "./hang.git")
    killed = Command(words, killed=True)
    outcome = Outcome(Expect(137), State())
    text = script(Difference("host", (killed,), "this", "that", (outcome,)), settings)
    assert played(text).returncode == 0
