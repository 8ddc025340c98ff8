"""What is said on the side: the migration notice, --quiet, --verbose, progress, rehearsals."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
import yaml

import awl
from awl import proc, variables
from awl.console import Console

if TYPE_CHECKING:
    from tests.awl.conftest import World

_CONTRACT = Path(__file__).resolve().parents[2] / "matrices/contract.yaml"
_READ = re.compile(r"""environ(?:ment)?(?:\.get\(|\[)\s*["']([A-Z_]+)["']""")
# What every program reads, and what git has of its own.
_EVERYBODYS = {"HOME", "PATH", "SHELL", "GIT_CONFIG_COUNT", "ZDOTDIR", "XDG_CONFIG_HOME"}


@pytest.fixture(scope="module")
def contract() -> Any:
    return yaml.safe_load(_CONTRACT.read_text())


# ---------------------------------------------------------------- tables of the help


def test_the_table_of_variables_is_the_contracts(contract: Any) -> None:
    stated = tuple((row["name"], row["text"]) for row in contract["environment"])
    assert stated == variables.CONTRACT


def test_every_variable_that_is_read_is_in_the_table() -> None:
    known = {name for name, _ in (*variables.CONTRACT, *variables.OWN)}
    folder = Path(awl.__file__).parent
    read = {
        name for path in folder.rglob("*.py") for name in _READ.findall(path.read_text())
    } - _EVERYBODYS
    assert read <= known


def test_the_help_prints_both_tables_from_their_one_source(host: World, contract: Any) -> None:
    said = host.awl("help", "exit-codes").out
    rows = [re.sub(r"\s+", " ", line).strip() for line in said.splitlines()]
    assert rows == [f"{row['exit']} {row['text']}" for row in contract["exit_codes"]]
    named = host.awl("help", "environment").out.split("\n")
    assert [line.split()[0] for line in named if line] == [
        *(row["name"] for row in contract["environment"]),
        *(name for name, _ in variables.OWN),
    ]
    document = host.awl("help", "environment", "--json").document
    assert document["environment"][0]["name"] == "AGENT_WORKSPACE_RUNTIME"


# ---------------------------------------------------------------- the migration notice


def test_the_notice_comes_once_and_only_after_the_default_has_worked(world: World) -> None:
    world.awl("--runtime", "host", "create", "--name", "a", "--no-work-repos")
    assert world.awl("ls").error == "engine-not-installed"
    world.engine()
    said = world.awl("ls")
    assert said.err.startswith("notice: ")
    assert said.err.count("\n") == 1
    assert "awl ls --runtime host" in said.err
    assert world.awl("ls").err == ""


def test_the_notice_is_said_again_where_it_cannot_be_remembered(world: World) -> None:
    world.engine()
    world.awl("--runtime", "host", "create", "--name", "a", "--no-work-repos")
    (world.root / ".awl").mkdir(exist_ok=True)
    (world.root / ".awl/notices").touch()
    assert world.awl("ls").err.startswith("notice: ")
    assert world.awl("ls").err.startswith("notice: ")


@pytest.mark.parametrize("words", [("--quiet",), ("--json",), ("--runtime", "container")])
def test_a_notice_that_would_not_be_seen_is_not_counted(
    world: World, words: tuple[str, ...]
) -> None:
    world.engine()
    world.awl("--runtime", "host", "create", "--name", "a", "--no-work-repos")
    assert world.awl("ls", *words).err == ""
    assert world.awl("ls", env={"AWL_NO_MIGRATION_NOTICE": "1"}).err == ""
    assert world.awl("create", "--name", "b", "--no-work-repos").err.startswith("notice: ")


# ---------------------------------------------------------------- verbose, progress


def test_verbose_shows_each_command_with_secrets_masked(world: World, runtime: str) -> None:
    words = ("create", "--name", "a", "-v", "https://me:hunter2@localhost:1/acme/none")
    said = world.awl(*words).err
    assert any(line.startswith("+ ") and "clone" in line for line in said.splitlines())
    assert "hunter2" not in said


def _on_terminal(world: World, *words: str) -> str:
    argv = world.argv(*words)
    seen, code = pexpect.run(
        " ".join(argv), env=world.env, cwd=str(world.folder), withexitstatus=True, timeout=60
    )
    assert code == 0, seen
    return str(seen.decode())


def test_progress_is_for_a_terminal(world: World, runtime: str) -> None:
    remote = str(world.remote())
    assert world.awl("create", "--name", "a", remote).err == ""
    assert f"cloning {remote} to work/acme/tool" in _on_terminal(
        world, "create", "--name", "b", remote
    )
    assert "cloning" not in _on_terminal(world, "-q", "create", "--name", "c", remote)


def test_a_clone_is_shown_as_it_goes_on_one_line(world: World, runtime: str) -> None:
    url = f"file://{world.remote()}"
    said = _on_terminal(world, "create", "--name", "a", url)
    (written,) = re.findall(r"to work/acme/tool\r\n(.*?)workspace: a\r\n", said)
    states = [state.strip() for state in written.split("\r") if state.strip()]
    assert states
    assert all(re.match(r"[A-Z][a-z ]+: +\d+% \(", state) for state in states)
    assert "%" not in _on_terminal(world, "create", "--name", "b", url, "--json")


def test_what_git_complains_of_is_told_without_how_far_it_was(world: World, runtime: str) -> None:
    url = f"file://{world.remote()}"
    pack = next(world.folder.glob("remotes/acme/tool.git/objects/[0-9a-f][0-9a-f]/*"))
    pack.chmod(0o600)
    pack.write_bytes(b"spoilt")
    argv = world.argv("create", "--name", "a", url)
    seen, code = pexpect.run(" ".join(argv), env=world.env, withexitstatus=True, timeout=60)
    said = seen.decode().split("\r")
    (error,) = (line for line in said if "error[clone-failed]" in line)
    assert code == 1
    assert "%" not in error
    assert "objects: " not in error
    assert error.lstrip("\n").startswith("awl: error[")


def test_how_far_it_is_fits_the_line_and_goes_before_anything_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("awl.console._OFTEN", 0.0)
    console = Console()
    for state in ("x" * 200, "at \x1b[31m50%"):
        console.update(state)
    console.result("done")
    console.result("really")
    seen = capsys.readouterr()
    shown = ["x" * 79, "at \\x1b[31m50%", "", ""]
    assert [state.rstrip(" ") for state in seen.err.split("\r")[1:]] == shown
    assert [len(state) for state in seen.err.split("\r")[1:]] == [79, 79, 14, 0]
    assert seen.out == "done\nreally\n"


def test_a_pull_is_shown_as_it_goes(container: World) -> None:
    import shutil

    image = container.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
    shutil.copytree(container.state / "images", container.state / "registry", dirs_exist_ok=True)
    container.docker("image", "rm", image)
    container.env["AGENT_ENV_IMAGE"] = image
    said = _on_terminal(container, "create", "--name", "a", "--no-work-repos")
    assert f"pulling {image}\r\n" in said
    assert re.search(r"\r[^\n]+\r +\rworkspace: a\r\n", said), "one line, written over"
    assert "container: agent-ws-a" in said


def test_lines_of_standard_error_are_told_and_kept() -> None:
    told: list[str] = []
    script = "echo one >&2; echo out; echo two >&2; exit 3"
    done = proc.run(("sh", "-c", script), env={"PATH": "/bin:/usr/bin"}, limit=20, told=told.append)
    assert done == proc.Completed(3, b"out\n", b"one\ntwo\n")
    assert told == ["one", "two"]


def test_what_is_written_over_is_told_and_not_kept() -> None:
    told: list[str] = []
    script = r"printf 'at 10%%\rat 20%%\rat 100%%, done\nfatal: no\n' >&2"
    done = proc.run(("sh", "-c", script), env={"PATH": "/bin:/usr/bin"}, limit=20, told=told.append)
    assert told == ["at 10%", "at 20%", "at 100%, done", "fatal: no"]
    assert done.err == b"at 100%, done\nfatal: no\n"


def test_a_program_that_is_told_of_has_its_time_limit_all_the_same() -> None:
    with pytest.raises(proc.TimeLimitReached):
        proc.run(("sleep", "20"), env={"PATH": "/bin:/usr/bin"}, limit=0.3, told=print)


# ---------------------------------------------------------------- rehearsals


def test_a_rehearsal_makes_nothing_and_asks_no_engine(world: World, runtime: str) -> None:
    remote = world.remote()
    result = world.awl("create", "--name", "a", "-n", str(remote), "--ref", "feature")
    assert result.code == 0
    assert "clone --quiet" in result.out
    assert "checkout --quiet -B feature" in result.out
    assert world.calls() == []
    assert not world.root.exists()


@pytest.mark.parametrize(
    ("ref", "expected"),
    [("v1", "-B v1 --track refs/remotes/origin/v1 --"), ("refs/tags/v1", "--detach v1 --"),
     ("refs/heads/b", "-B b --track refs/remotes/origin/b --"),
     ("0123456789", "--detach 0123456789 --")],
)  # fmt: skip
def test_a_rehearsal_takes_a_ref_for_what_it_looks_like(
    host: World, ref: str, expected: str
) -> None:
    said = host.awl("create", "-n", "--name", "a", "acme/tool", "--ref", ref).out
    assert said.splitlines()[-1].endswith(f"checkout --quiet {expected}")


def test_what_a_rehearsal_shows_makes_the_workspace_when_a_shell_runs_it(host: World) -> None:
    remote = host.remote()
    script = host.awl("create", "-n", "--name", "a", str(remote)).out
    subprocess.run(["sh", "-e"], input=script, text=True, env=host.env, check=True)
    assert (host.root / "a/work/acme/tool/file").read_text() == "one\n"


def test_a_rehearsal_refuses_what_the_call_would_refuse(world: World, runtime: str) -> None:
    world.awl("create", "--name", "a", "--no-work-repos")
    before = world.trace()
    refused = world.awl("create", "-n", "--name", "a", "--no-work-repos")
    assert (refused.code, refused.error, refused.out) == (5, "workspace-exists", "")
    assert world.trace() == before


def test_a_rehearsal_leaves_a_failed_workspace_that_was_kept(host: World) -> None:
    host.awl("create", "--name", "a", "--keep-failed", "/nowhere/acme/none")
    before = host.trace()
    assert host.awl("create", "-n", "--name", "a", "--no-work-repos").code == 0
    assert host.trace() == before


def test_secrets_are_masked_in_a_rehearsal(world: World, runtime: str) -> None:
    url = "https://me:hunter2@github.com/acme/tool"
    for form in ((), ("--json",)):
        result = world.awl("create", "-n", "--name", "a", url, *form)
        assert "hunter2" not in result.out + result.err
        assert "acme/tool" in result.out


def test_a_runtime_that_cannot_rehearse_says_so() -> None:
    from awl.commands.rehearsal import rehearse
    from awl.errors import OptionUnsupported

    class Other:
        name = "other"

    session: Any = None
    runtime: Any = Other()
    with pytest.raises(OptionUnsupported, match="cannot say what it would do"):
        rehearse(session, runtime, session, lambda _: ())
