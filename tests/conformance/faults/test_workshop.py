"""What is made faulty differs from the good one at one place, and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import resources
from conformance.faults.fault import Edit, Fault, Rewrite, Subject, Wrap
from conformance.faults.workshop import EditError, edited, faulty, package_folder
from conformance.settings import Settings

SUBJECT = Subject("awl", "awl.cli:main", {"AWL_DEBUG": "1"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a run of the good program."""
    return Settings(
        program=(str(Path(sys.executable).parent / "awl"),),
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
        warm="awl",
    )


def fault(**parts: object) -> Fault:
    """A fault with these parts."""
    return Fault(id="f", text="t", breaks="RT-1a", runtimes=("host",), **parts)  # type: ignore[arg-type]


def call(
    program: str, *words: str, stdin: str = "", home: Path
) -> "subprocess.CompletedProcess[str]":
    """Call a program with a home of its own."""
    return subprocess.run(
        [program, *words],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "AWL_RUNTIME": "host"},
    )


def test_an_edit_changes_the_one_place() -> None:
    assert edited("a = 1\nb = 2\n", Edit("x.py", "b = 2", "b = 3")) == "a = 1\nb = 3\n"


@pytest.mark.parametrize(
    ("text", "edit", "said"),
    [
        ("a = 1\n", Edit("x.py", "b", "c"), "0 times"),
        ("a = a\n", Edit("x.py", "a", "c"), "2 times"),
        ("a = 1\n", Edit("x.py", "1", "("), "no Python"),
        ("a = 1\n", Edit("x.py", "1", "1"), "by itself"),
        ("a = 1\n", Edit("x.py", "1", "b"), "names b, which it does not have"),
        ("def f(a):\n    return a\n", Edit("x.py", "return a", "return json"), "names json"),
    ],
)
def test_an_edit_that_does_not_do_what_it_says_is_refused(text: str, edit: Edit, said: str) -> None:
    with pytest.raises(EditError, match=said):
        edited(text, edit)


def test_a_program_is_edited_in_a_copy(settings: Settings, tmp_path: Path) -> None:
    edit = Edit("exits.py", '(0, "done")', '(0, "dnoe")')
    made = faulty(fault(program=(edit,)), SUBJECT, settings, tmp_path / "f")
    assert made.warm == "awl"
    assert "dnoe" in call(made.program[0], "help", "exit-codes", home=tmp_path).stdout
    good = call(settings.program[0], "help", "exit-codes", home=tmp_path).stdout
    assert "dnoe" not in good
    folder = package_folder("awl")
    assert folder is not None
    assert "dnoe" not in (folder / "exits.py").read_text()


def test_it_shows_the_name_of_the_program(settings: Settings, tmp_path: Path) -> None:
    made = faulty(fault(wrap=Wrap(drop=("--never",))), SUBJECT, settings, tmp_path / "f")
    assert "Usage: awl " in call(made.program[0], "--help", home=tmp_path).stdout


def test_a_fake_is_edited_in_a_copy(settings: Settings, tmp_path: Path) -> None:
    edit = Edit("engine/errors.py", "fake docker: {message}", "other docker: {message}")
    bin_ = settings.images / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "docker").write_text(f"_here = {str(resources.stubs() / 'docker')!r}\n")
    made = faulty(fault(fake=(edit,)), SUBJECT, settings, tmp_path / "f")
    assert made.program == settings.program
    assert made.client == str(tmp_path / "f" / "stubs" / "docker")
    launcher = (tmp_path / "f/stubs/bin/docker").read_text()
    assert launcher == f"_here = {str(tmp_path / 'f/stubs/docker')!r}\n"
    assert "other docker:" in (tmp_path / "f/stubs/engine/errors.py").read_text()
    assert "other docker:" not in (resources.stubs() / "engine/errors.py").read_text()


@pytest.mark.parametrize(
    ("wrap", "words", "expected"),
    [
        (Wrap(exits={0: 9}), ("version",), (9, "image")),
        (Wrap(only="ls", exits={0: 9}), ("version",), (0, "image")),
        (Wrap(stdout=Rewrite("image", "picture")), ("version",), (0, "picture")),
        (Wrap(drop=("--json",)), ("version", "--json"), (0, "awl ")),
        (Wrap(add=("--json",)), ("version",), (0, "schema_version")),
        (Wrap(env={"AWL_RUNTIME": "vm"}), ("ls",), (2, "")),
        (Wrap(env={"AWL_RUNTIME": None}, exits={7: 77}), ("ls",), (77, "")),
    ],
)
def test_a_wrap_changes_what_goes_in_and_out(
    settings: Settings,
    tmp_path: Path,
    wrap: Wrap,
    words: tuple[str, ...],
    expected: tuple[int, str],
) -> None:
    made = faulty(fault(wrap=wrap), SUBJECT, settings, tmp_path / "f")
    env_path = tmp_path / "bin"
    env_path.mkdir()
    done = call(made.program[0], *words, home=tmp_path)
    if expected[0] == 77 and done.returncode == 0:
        pytest.skip("there is an engine on this machine")
    assert done.returncode == expected[0], done.stderr
    assert expected[1] in done.stdout


def test_a_wrap_may_take_the_input_and_change_errors(settings: Settings, tmp_path: Path) -> None:
    wrap = Wrap(stdin=False, stderr=Rewrite("declined", "refused"))
    made = faulty(fault(wrap=wrap), SUBJECT, settings, tmp_path / "f")
    call(made.program[0], "create", "--name", "a", "--no-work-repos", home=tmp_path)
    done = call(made.program[0], "rm", "a", stdin="y\n", home=tmp_path)
    assert done.returncode == 1
    assert "error[refused]" in done.stderr


def test_a_package_that_is_not_there_has_no_folder() -> None:
    assert package_folder("no_such_package") is None
