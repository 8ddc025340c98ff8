from __future__ import annotations

import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from awl.errors import RefInvalid
from awl.gitreset import Ref

if TYPE_CHECKING:
    from tests.awl.conftest import World


def _sh(world: World, script: str, name: str = "tool") -> str:
    shown = world.awl("exec", name, "sh", "-c", script)
    assert shown.code == 0, shown.err
    return shown.out


@pytest.fixture
def tool(world: World, runtime: str) -> World:
    """A workspace with acme/tool, whose default branch is trunk."""
    assert world.awl("create", str(world.remote())).code == 0
    if runtime == "container":
        # A path of this machine is not seen from inside; its copy there stands for it.
        _sh(world, "git clone -q --bare acme/tool ~/tool.git")
        _sh(world, "cd ~/tool.git && git fetch -q /work/acme/tool"
                   " 'refs/remotes/origin/*:refs/heads/*' -f"
                   " && git symbolic-ref HEAD refs/heads/trunk"
                   " && git -C /work/acme/tool remote set-url origin ~/tool.git")  # fmt: skip
    return world


@pytest.mark.parametrize("path", ["acme/tool", "work/acme/tool", "./acme/../acme/tool/"])
def test_a_repository_goes_back_whatever_its_spelling(tool: World, path: str) -> None:
    _sh(tool, "cd acme/tool && echo x >file && echo x >new && git checkout -q -b side")
    shown = tool.awl("reset", "repo", "tool", path, "--ref", "origin/trunk", "-y")
    assert (shown.code, shown.err.count("warning")) == (0, 0)
    assert shown.out.startswith("work/acme/tool origin/trunk ")
    state = _sh(tool, "cd acme/tool && git status --porcelain --branch && cat file")
    assert state == "## trunk...origin/trunk\none\n"


def test_an_absent_branch_falls_back_and_json_tells(tool: World, runtime: str) -> None:
    shown = tool.awl("reset", "work-repos", "tool", "--yes", "--json")
    (row,) = shown.document["reset"]
    assert (row["path"], row["ref"], row["fallback"]) == ("work/acme/tool", "origin/trunk", True)
    assert "no branch main" in shown.err
    assert (shown.document["workspace"], shown.document["runtime"]) == ("tool", runtime)
    assert shown.document["failed"] == []


def test_ignored_files_stay_and_nested_repositories_too(tool: World) -> None:
    _sh(tool, "cd acme/tool && echo .env >.git/info/exclude && echo s >.env && mkdir d"
              " && git init -q d/own && echo x >d/own/x && echo y >d/y")  # fmt: skip
    assert tool.awl("reset", "repo", "tool", "acme/tool", "-y").code == 0
    assert _sh(tool, "cd acme/tool && cat .env d/own/x && ls d") == "s\nx\nown\n"


def test_a_clone_of_one_branch_stays_one(tool: World) -> None:
    _sh(tool, "url=$(git -C acme/tool remote get-url origin) && rm -r acme/tool"
              " && git clone -q --single-branch --branch trunk file://$url acme/tool")  # fmt: skip
    branches = "cd acme/tool && cat file && git for-each-ref --format '%(refname)' refs/remotes/*/*"
    for branch, content in (("trunk", "one"), ("feature", "two")):
        words = ("repo", "tool", "acme/tool", "--ref", f"origin/{branch}", "-y")
        assert tool.awl("reset", *words).code == 0
        assert _sh(tool, "cat acme/tool/file") == f"{content}\n"
        assert ("feature" in _sh(tool, branches)) == (branch == "feature")


def test_what_was_going_on_ends(tool: World) -> None:
    who = "git -c user.name=A -c user.email=a@b"
    _sh(tool, f"cd acme/tool && echo mine >file && {who} commit -qam mine"
              f" && ! {who} rebase -q origin/feature && git bisect start -q"
              " && git bisect bad HEAD && git bisect good HEAD~0; true")  # fmt: skip
    assert tool.awl("reset", "repo", "tool", "acme/tool", "--ref", "origin/feature", "-y").code == 0
    said = _sh(tool, "cd acme/tool && git status && cat file")
    assert "rebas" not in said
    assert "bisect" not in said
    assert said.endswith("two\n")


def test_the_question_names_what_goes(tool: World) -> None:
    _sh(tool, "echo x >acme/tool/new")
    declined = tool.awl("reset", "work-repos", "tool", stdin="n\n")
    assert (declined.code, declined.error, declined.out) == (1, "declined", "")
    assert "work/acme/tool" in declined.err
    assert _sh(tool, "cat acme/tool/new") == "x\n"
    assert tool.awl("reset", "work-repos", "tool", stdin="y\n").code == 0
    assert _sh(tool, "ls acme/tool") == "file\n"


def test_one_that_fails_stops_no_other(tool: World) -> None:
    _sh(tool, "cp -r acme/tool acme/zzz && git -C acme/tool remote set-url origin /nowhere/x.git")
    shown = tool.awl("reset", "work-repos", "tool", "-y", "--json")
    assert (shown.code, shown.error) == (1, "partial-failure")
    assert [row["path"] for row in shown.document["reset"]] == ["work/acme/zzz"]
    assert [row["path"] for row in shown.document["failed"]] == ["work/acme/tool"]
    alone = tool.awl("reset", "repo", "tool", "acme/tool", "-y")
    assert (alone.code, alone.error) == (1, "operation-failed")


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["repo", "tool"], 2, "usage"),
        (["opt-repos", "tool", "x"], 2, "usage"),
        (["private-repo", "tool", "--depth", "2"], 2, "usage"),
        (["repo", "tool", "acme/tool", "--root", "x"], 2, "usage"),
        (["all", "tool"], 2, "value-invalid"),
        (["work-repos", "tool", "--depth", "0"], 2, "value-invalid"),
        (["work-repos", "tool", "--ref", "main"], 2, "ref-invalid"),
        (["work-repos", "tool", "--root", "none"], 3, "path-not-found"),
        (["work-repos", "tool", "--root", "../../.."], 2, "path-invalid"),
        (["work-repos", "tool", "--root", ""], 2, "path-invalid"),
        (["repo", "tool", "acme"], 3, "repo-not-found"),
        (["repo", "tool", "acme/tool/file"], 3, "repo-not-found"),
        (["repo", "tool", "acme/tool", "--ref", "up/x"], 1, "operation-failed"),
        (["repo", "none", "acme/tool"], 3, "workspace-not-found"),
    ],
)
def test_mistakes_change_nothing(host: World, words: list[str], code: int, error: str) -> None:
    host.awl("create", str(host.remote()))
    (host.root / "tool/work/acme/tool/new").write_text("x")
    shown = host.awl("reset", *words, "--yes")
    assert (shown.code, shown.error, shown.out) == (code, error, "")
    assert (host.root / "tool/work/acme/tool/new").exists()


@pytest.mark.parametrize("kind", ["work-repos", "opt-repos", "private-repo"])
def test_nothing_found_is_said_and_not_asked(host: World, kind: str) -> None:
    host.awl("create", "--name", "a")
    shown = host.awl("reset", kind, "a")
    assert (shown.code, shown.out) == (0, "")
    assert "no repository found" in shown.err


@pytest.mark.parametrize("plant", ["gitdir", "link", "worktree", "commondir", "submodule"])
def test_a_repository_that_leads_elsewhere_is_not_touched(host: World, plant: str) -> None:
    remote = host.remote()
    mine = host.folder / "mine"
    host.git(host.folder, "clone", "--quiet", str(remote), str(mine))
    (mine / "file").write_text("mine\n")
    host.awl("create", str(remote))
    repo = host.root / "tool/work/acme/tool"
    if plant == "worktree":
        host.git(repo, "config", "core.worktree", str(mine))
    elif plant == "commondir":
        (repo / ".git/commondir").write_text(f"{mine}/.git\n")
    elif plant == "submodule":
        lib = host.remote(repo="lib")
        host.git(
            repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(lib), "lib"
        )
        host.git(repo, "commit", "--quiet", "-m", "lib")
        host.git(repo, "push", "--quiet", "origin", "trunk")
        (repo / "lib/.git").write_text(f"gitdir: {mine}/.git\n")
    else:
        (repo / ".git").rename(host.folder / "gone")
        if plant == "link":
            (repo / ".git").symlink_to(mine / ".git")
        else:
            (repo / ".git").write_text(f"gitdir: {mine}/.git\n")
    shown = host.awl("reset", "repo", "tool", "acme/tool", "--ref", "origin/trunk", "-y")
    assert (shown.code, shown.error) == (2, "path-invalid")
    assert (mine / "file").read_text() == "mine\n"
    assert host.git(mine, "status", "--porcelain") == "M file"


def test_settings_of_the_persons_environment_stay(host: World) -> None:
    remote = host.remote()
    host.awl("create", str(remote))
    repo = host.root / "tool/work/acme/tool"
    host.git(repo, "remote", "set-url", "origin", "elsewhere:tool.git")
    env = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{remote}.insteadOf",
        "GIT_CONFIG_VALUE_0": "elsewhere:tool.git",
    }
    assert host.awl("reset", "repo", "tool", "acme/tool", "-y", env=env).code == 0


def test_an_interrupt_ends_it(host: World) -> None:
    host.awl("create", str(host.remote()))
    with socket.create_server(("127.0.0.1", 0)) as server:  # it takes calls, and never answers
        url = f"git://127.0.0.1:{server.getsockname()[1]}/tool.git"
        host.git(host.root / "tool/work/acme/tool", "remote", "set-url", "origin", url)
        child = subprocess.Popen(
            host.argv("reset", "work-repos", "tool", "-y"),
            env=host.env,
            stderr=subprocess.PIPE,
            text=True,
        )
        server.settimeout(30)
        with server.accept()[0]:
            os.kill(child.pid, signal.SIGTERM)
            assert "error[interrupted]" in child.communicate(timeout=20)[1]
    assert child.returncode == 130


@pytest.mark.parametrize(
    "text", ["main", "", "/x", "x/", "-x/y", "x/-y", "x/a..b", "x/y z", "x/y~1"]
)
def test_refs_are_of_one_form(text: str) -> None:
    with pytest.raises(RefInvalid):
        Ref.parse(text)


def test_a_branch_may_hold_slashes() -> None:
    assert Ref.parse("up/feature/x") == Ref("up", "feature/x")
