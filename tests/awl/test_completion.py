from __future__ import annotations

import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awl.completion import bash, startup
from awl.completion.words import quote, unquote

if TYPE_CHECKING:
    from tests.awl.conftest import World

_CHECKOUT = Path(__file__).resolve().parents[2]


def _offered(world: World, *words: str, env: dict[str, str] | None = None) -> list[str]:
    result = world.awl("__complete", "--", *words, env=env)
    assert (result.code, result.err) == (0, "")
    return [line.partition("\t")[0] for line in result.out.splitlines()]


def test_the_table_is_what_the_commands_say() -> None:
    script = [sys.executable, str(_CHECKOUT / "scripts/completion_table.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


# ---------------------------------------------------------------- candidates


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ver"], ["version"]),
        (["rm", "--f"], ["--force"]),
        (["rm", "--force", "--f"], []),
        (["exec", "-e", "K=v", "--e"], ["--env", "--engine"]),
        (["exec", "-e", "K"], []),
        (["create", "--no-c"], ["--no-clone"]),
        (["create", "--no-work-repos", "--no-c"], []),
        (["--output", ""], ["text", "json"]),
        (["--output=j"], ["--output=json"]),
        (["--nothing=j"], []),
        (["ls", "--runtime", "n"], ["native"]),
        (["auth", "g"], ["github", "gpg"]),
        (["reset", "work-repos", "a", ""], []),
        (["completion", "install", "z"], ["zsh"]),
        (["completion", "install", "zsh", ""], []),
        (["help", "ex"], ["exec", "exit-codes"]),
        (["version", ""], []),
        (["nonsense", ""], []),
        (["nonsense", "--js"], ["--json"]),
        (["rm", "--", "--f"], []),
        (["create", "acme"], []),
        (["create", "./"], [":files"]),
        (["sync", "push", "a", ""], [":files"]),
        (["sync", "pull", "a", ""], []),
        (["sync", "pull", "a", "x", ""], [":files"]),
        (["exec", "a", "--ro"], []),
        (["exec", "a", "--", "l"], []),
        (["create", "--ref", ""], []),
    ],
)
def test_what_may_stand_where_the_cursor_is(
    host: World, words: list[str], expected: list[str]
) -> None:
    assert _offered(host, *words) == expected


def test_no_words_at_all_is_the_beginning_of_the_line(host: World) -> None:
    assert "create" in _offered(host)
    assert _offered(host) == _offered(host, "")


def test_workspaces_are_those_of_the_runtime_that_the_line_chooses(container: World) -> None:
    container.awl("create", "--name", "a", "--no-work-repos")
    container.awl("--runtime", "host", "create", "--name", "b", "--no-work-repos")
    (container.root / "foreign").mkdir()
    assert _offered(container, "rm", "") == ["a"]
    assert _offered(container, "--runtime", "host", "rm", "") == ["b"]
    assert _offered(container, "rm", "--runtime=native", "") == ["b"]
    assert _offered(container, "rm", "", env={"AWL_RUNTIME": "host"}) == ["b"]
    assert container.awl("--runtime=host", "__complete", "--", "rm", "").out == "b\n"
    assert container.awl("--runtime", "host", "__complete", "--", "rm", "").out == "b\n"
    assert _offered(container, "--runtime", "nonsense", "rm", "") == []


def test_a_workspace_is_offered_once_where_several_may_stand(host: World) -> None:
    for name in ("a", "b"):
        host.awl("create", "--name", name, "--no-work-repos")
    assert _offered(host, "rm", "a", "") == ["b"]
    assert _offered(host, "exec", "a", "") == []


def test_workspaces_are_known_without_an_engine(container: World) -> None:
    container.awl("create", "--name", "a", "--no-work-repos")
    before = len(container.calls())
    assert _offered(container, "rm", "", env={"AWL_FAKE_DOCKER_FAULTS": "hang"}) == ["a"]
    assert len(container.calls()) == before


def test_repositories_of_a_workspace_are_offered(world: World, runtime: str) -> None:
    world.awl("create", "--name", "a", str(world.remote()), str(world.remote("acme", "lib")))
    assert _offered(world, "reset", "repo", "a", "") == ["work/acme/tool", "work/acme/lib"]
    assert _offered(world, "reset", "repo", "a", "work/acme/l") == ["work/acme/lib"]
    assert _offered(world, "reset", "repo", "none", "") == []


def test_profiles_are_files_of_the_secret_folder_without_unprintable_ones(host: World) -> None:
    secrets = host.folder / "secrets"
    secrets.mkdir()
    for name in ("me.json", "sp ace", "new\nline"):
        (secrets / name).touch()
    env = {"CODEX_SECRET_DIR": str(secrets)}
    assert _offered(host, "auth", "codex", "--profile", "", env=env) == ["me", "sp ace"]
    assert _offered(host, "auth", "codex", "--profile", "") == []


@pytest.mark.parametrize("fault", ["", "daemon-down", "hang", "permission-denied", "garbles"])
def test_images_are_static_where_the_engine_fails_and_never_take_long(
    container: World, fault: str
) -> None:
    container.docker("tag", "agent-workspace/agent-env:v0.1.0", "acme/tool:1")
    started = time.monotonic()
    found = _offered(container, "create", "--image", "", env={"AWL_FAKE_DOCKER_FAULTS": fault})
    assert time.monotonic() - started < 5  # the limit is 1 s; the rest is a busy machine's
    assert found[0] == "agent-workspace/agent-env:v0.1.0"
    assert ("acme/tool:1" in found) == (fault == "")


def test_without_an_engine_and_without_a_home_nothing_is_said(world: World) -> None:
    assert _offered(world, "create", "--image", "") == ["agent-workspace/agent-env:v0.1.0"]
    assert _offered(world, "rm", "", env={"AGENT_WORKSPACE_HOME": "", "HOME": "x"}) == []


@pytest.mark.parametrize(
    "words",
    [["tcsh", "--", "awl", ""], ["bash", "--"], ["bash"], ["--", "rm", "\t"], ["--", "\udc80"]],
)
def test_nonsense_is_met_with_silence(host: World, words: list[str]) -> None:
    result = host.awl("__complete", *words)
    assert (result.code, result.out, result.err) == (0, "", "")


# ---------------------------------------------------------------- bash's words


@given(st.text(), st.sampled_from(["", "'", '"']))
def test_what_is_quoted_reads_back(text: str, open_quote: str) -> None:
    assert unquote(open_quote + quote(text, open_quote) + open_quote) == (text, "")
    assert unquote(open_quote + quote(text, open_quote)) == (text, open_quote)


@given(st.text(alphabet=st.characters(blacklist_characters="\0\r\n", codec="utf-8"), min_size=1))
def test_what_is_quoted_is_one_word_of_the_shell(text: str) -> None:
    said = subprocess.run(
        ["bash", "--norc", "-c", f"printf '<%s>' {quote(text)}"], capture_output=True, check=True
    )
    assert said.stdout == f"<{text}>".encode()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("a\\ b", ("a b", "")), ("'a b", ("a b", "'")), ('"a\\$b\\c', ("a$b\\c", '"')),
     ("a'b'\"c\"", ("abc", "")), ("\\", ("", ""))],
)  # fmt: skip
def test_words_are_read_as_a_shell_would(raw: str, expected: tuple[str, str]) -> None:
    assert unquote(raw) == expected


def test_the_script_of_bash_has_nothing_that_shellcheck_dislikes(tmp_path: Path) -> None:
    checker = Path(sys.executable).parent / "shellcheck"
    if not checker.exists():
        pytest.skip("shellcheck is not installed")
    script = tmp_path / "awl.bash"
    script.write_text(f"# shellcheck shell=bash\n{bash.script('awl')}")
    done = subprocess.run([checker, script], capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_is_one_that_its_shell_takes(host: World, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = host.awl("completion", shell).out
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------- the start-up file


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("before", [None, b"", b"one\n", b"no end", b"\n\xff\n\n"])
def test_install_and_uninstall_leave_the_file_as_it_was(
    host: World, shell: str, before: bytes | None
) -> None:
    host.env["ZDOTDIR"] = str(host.home / "zsh")
    host.env["XDG_CONFIG_HOME"] = str(host.home / "config")
    path = Path(host.awl("completion", "uninstall", shell).out.strip())
    assert path == {
        "bash": host.home / ".bashrc",
        "zsh": host.home / "zsh/.zshrc",
        "fish": host.home / "config/fish/config.fish",
    }[shell]  # fmt: skip
    if before is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(before)
    host.awl("completion", "install", shell)
    once = path.read_bytes()
    assert host.awl("completion", "install", shell).code == 0
    assert path.read_bytes() == once
    assert once.startswith(before or b"")
    assert once.count(b"completion " + shell.encode()) == 1
    assert host.awl("completion", "uninstall", shell).out == f"{path}\n"
    assert (path.read_bytes() if path.exists() else None) == before


def test_what_was_added_meanwhile_stays(tmp_path: Path) -> None:
    for before in (None, b"one", b"one\n"):
        path = tmp_path / "rc"
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        assert startup.install(str(path), "bash", "awl")
        path.write_bytes(path.read_bytes() + b"two\n")
        assert not startup.install(str(path), "bash", "awl")
        assert startup.uninstall(str(path))
        assert path.read_bytes() == (before or b"") + b"two\n"
        assert not startup.uninstall(str(path))


def test_the_file_behind_a_link_is_changed_and_its_mode_stays(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles/bashrc"
    real.write_text("one\n")
    real.chmod(0o600)
    (tmp_path / ".bashrc").symlink_to(real)
    startup.install(str(tmp_path / ".bashrc"), "bash", "awl")
    assert (tmp_path / ".bashrc").is_symlink()
    assert b"awl completion" in real.read_bytes()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "dotfiles").iterdir()] == ["bashrc"]


def test_the_shell_is_the_persons_own_unless_named(host: World) -> None:
    assert host.awl("completion", "install", env={"SHELL": "/bin/zsh"}).out.endswith("/.zshrc\n")
    refused = host.awl("completion", "install", env={"SHELL": "/bin/tcsh"})
    assert (refused.code, refused.error) == (2, "usage")
    assert host.awl("completion", "bash", "zsh").error == "usage"
    assert host.awl("completion", "install", "bash", env={"HOME": "x"}).code == 1


def test_a_file_that_cannot_be_written_is_said_and_nothing_is_left(host: World) -> None:
    (host.home / ".bashrc").mkdir()
    result = host.awl("completion", "install", "bash")
    assert (result.code, result.error) == (1, "operation-failed")
    assert [path.name for path in host.home.iterdir()] == [".bashrc"]
