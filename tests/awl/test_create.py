from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.awl.conftest import World


def _inside(world: World, name: str, line: str) -> str:
    shown = world.awl("exec", name, "--", "sh", "-c", line)
    assert shown.code == 0, shown.err
    return shown.out.strip()


def _nothing_left(world: World) -> bool:
    if (world.bin / "docker").exists():
        assert world.docker("ps", "-aq") == ""
        assert world.docker("volume", "ls", "-q") == ""
    return not world.root.exists()


def test_a_workspace_has_its_repositories_and_tells_of_them(world: World, runtime: str) -> None:
    remote, private = world.remote(), world.remote("me", "notes", branch="main")
    document = world.awl("create", "--json", "--private-repo", str(private), str(remote)).document
    workspace = document["workspace"]
    assert (workspace["name"], workspace["runtime"]) == ("tool", runtime)
    work, notes = workspace["repos"]
    assert (work["path"], work["ref"], work["url"]) == ("work/acme/tool", "trunk", str(remote))
    assert work["commit"] == world.git(remote, "rev-parse", "trunk")
    assert (notes["kind"], notes["path"]) == ("private", "private/me/notes")
    assert _inside(world, "tool", "cat acme/tool/file") == "one"
    assert _inside(world, "tool", "git -C acme/tool remote get-url origin") == str(remote)
    branches = _inside(world, "tool", "git -C acme/tool branch -r --format='%(refname:short)'")
    assert {"origin/feature", "origin/trunk"} <= set(branches.split())
    shown = world.awl("ls", "--json").document["workspaces"]
    assert [row["repos"] for row in shown] == [workspace["repos"]]


def test_the_text_names_what_was_made(world: World, runtime: str) -> None:
    shown = world.awl("create", str(world.remote()))
    assert shown.out.startswith(f"workspace: tool\nruntime: {runtime}\n")
    assert "repo: work/acme/tool trunk " in shown.out


@pytest.mark.parametrize(
    ("ref", "content", "head"),
    [("feature", "two", "feature"), ("v1", "one", "HEAD"), ("COMMIT", "two", "HEAD")],
)
def test_a_ref_may_be_branch_tag_or_commit(
    world: World, runtime: str, ref: str, content: str, head: str
) -> None:
    remote = world.remote()
    wanted = world.git(remote, "rev-parse", "feature") if ref == "COMMIT" else ref
    assert world.awl("create", "--ref", wanted, str(remote)).code == 0
    assert _inside(world, "tool", "cat acme/tool/file") == content
    assert _inside(world, "tool", "git -C acme/tool rev-parse --abbrev-ref HEAD") == head


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["--ref", "nope", "REMOTE"], 3, "ref-not-found"),
        (["--ref", "0000000", "REMOTE"], 3, "ref-not-found"),
        (["--ref", "--upload-pack=x", "REMOTE"], 2, "ref-invalid"),
        (["--ref", "x"], 2, "usage"),
        (["REMOTE", "REMOTE"], 2, "usage"),
        (["--no-work-repos", "REMOTE"], 2, "usage"),
        (["--no-clone", "REMOTE"], 2, "usage"),
        (["ext::sh -c touch% x"], 2, "repo-invalid"),
        (["REMOTE", "/nowhere/acme/other"], 1, "clone-failed"),
        (["--private-repo", "/nowhere/acme/other", "REMOTE"], 1, "clone-failed"),
        (["--name", "..", "REMOTE"], 2, "name-invalid"),
        (["--name", "x" * 64, "REMOTE"], 2, "name-invalid"),
    ],
)
def test_a_failure_leaves_nothing(
    world: World, runtime: str, words: list[str], code: int, error: str
) -> None:
    remote = str(world.remote())
    shown = world.awl("create", *(remote if word == "REMOTE" else word for word in words))
    assert (shown.code, shown.error, shown.out) == (code, error, "")
    assert _nothing_left(world)


def test_an_extra_repository_is_cloned_or_fails_the_whole(world: World, runtime: str) -> None:
    extra = str(world.remote("acme", "lib"))
    assert world.awl("create", "--name", "a", env={"AWL_EXTRA_REPOS": extra}).code == 0
    row = world.awl("ls", "--json").document["workspaces"][0]
    assert [repo["path"] for repo in row["repos"]] == ["opt/acme/lib"]
    bad = {"AWL_EXTRA_REPOS": "/nowhere/acme/lib"}
    assert world.awl("create", "--name", "b", env=bad).error == "clone-failed"
    assert world.awl("create", "--name", "b", "--no-extras", env=bad).code == 0


def test_an_existing_name_is_a_conflict_and_stays(world: World, runtime: str) -> None:
    world.awl("create", "--name", "a", "--no-work-repos")
    _inside(world, "a", "echo mine >kept")
    for name in ("a", "WS-A", "agent-ws-a"):
        shown = world.awl("create", "--name", name)
        assert (shown.code, shown.error) == (5, "workspace-exists")
    assert _inside(world, "a", "cat kept") == "mine"


def test_names_without_a_repository_are_generated(world: World, runtime: str) -> None:
    names = [world.awl("create", "--json").document["workspace"]["name"] for _ in range(2)]
    assert world.awl("ls").out.split() == sorted(names)
    assert names[0] != names[1]


def test_keep_failed_keeps_and_the_name_can_be_made_again(world: World, runtime: str) -> None:
    words = ("create", "--name", "a", "--keep-failed", "/nowhere/acme/other")
    shown = world.awl(*words)
    assert shown.error == "clone-failed"
    assert "kept for a look" in shown.err
    assert not _is_clean(world)
    assert world.awl("ls").out == ""
    assert world.awl("exec", "a", "true").error == "workspace-not-found"
    assert world.awl("rm", "a", "--yes").code == 0
    assert _nothing_left(world)
    world.awl(*words)
    assert world.awl("create", "--name", "a").code == 0


def _is_clean(world: World) -> bool:
    try:
        return _nothing_left(world)
    except AssertionError:
        return False


def test_of_many_creates_of_one_name_one_wins(world: World, runtime: str) -> None:
    calls = [
        subprocess.Popen(
            world.argv("create", "--name", "a"),
            env=world.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(8)
    ]
    codes = []
    for call in calls:
        with call:
            call.communicate(timeout=60)
            codes.append(call.returncode)
    assert sorted(codes) == [0] + [5] * 7
    assert world.awl("ls").out == "a\n"
    assert world.awl("rm", "a", "-y").code == 0
    assert _nothing_left(world)


def test_a_submodule_comes_along_but_no_program_runs_for_it(host: World) -> None:
    lib, tool = host.remote("acme", "lib"), host.remote()
    work = host.folder / "work-acme-tool"
    add = ("-c", "protocol.file.allow=always", "submodule", "add", "--quiet")
    host.git(work, *add, f"file://{lib}", "lib")
    host.git(work, "commit", "--quiet", "-m", "sub")
    host.git(work, "push", "--quiet", "origin", "HEAD:trunk", "--force")
    env = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
    }
    assert host.awl("create", str(tool), env=env).code == 0
    assert (host.root / "tool/work/acme/tool/lib/file").exists()
    host.git(work, "config", "-f", ".gitmodules", "submodule.lib.url", "ext::touch hacked")
    host.git(work, "commit", "--quiet", "-am", "evil")
    host.git(work, "push", "--quiet", "origin", "HEAD:trunk")
    shown = host.awl("create", "--name", "b", str(tool), env=env)
    assert shown.error == "clone-failed"
    assert not list(host.folder.rglob("hacked"))


def test_a_clone_shares_no_file_with_its_source(host: World) -> None:
    remote = host.remote()
    host.awl("create", str(remote))
    objects = host.root / "tool/work/acme/tool/.git/objects"
    assert all(path.stat().st_nlink == 1 for path in objects.rglob("*") if path.is_file())


def test_host_folders_are_private_where_credentials_go(host: World) -> None:
    host.awl("create", "--name", "a")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (host.root / "a").iterdir()}
    secret = dict.fromkeys(("private", "auth", ".codex", ".awl"), 0o700)
    assert modes == {"work": 0o755, "opt": 0o755, **secret}
    assert (host.root / "a/.awl/workspace.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("option", [["--image", "x"], ["--no-pull"]])
def test_options_of_images_are_unsupported_on_the_host(host: World, option: list[str]) -> None:
    shown = host.awl("create", "--name", "a", *option)
    assert (shown.code, shown.error) == (6, "option-unsupported")
    assert option[0] in shown.err
    assert not host.root.exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_foreign_thing_of_the_name_is_in_the_way_and_stays(host: World, kind: str) -> None:
    host.root.mkdir()
    thing = host.root / "a"
    if kind == "file":
        thing.write_text("x")
    elif kind == "folder":
        thing.mkdir()
    else:
        thing.symlink_to(host.home)
    assert host.awl("create", "--name", "a").error == "workspace-exists"
    assert host.awl("ls").out == ""
    assert host.awl("rm", "a", "-y").error == "workspace-not-found"
    assert host.trace() == ["a"]


class _Private(BaseHTTPRequestHandler):
    """A git server (dumb protocol) that wants a password, and remembers what it was given."""

    folder: Path
    given: list[str]

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        self.given.append(base64.b64decode(given.partition(" ")[2]).decode())
        path = self.folder / self.path.partition("?")[0].lstrip("/")
        good = self.given[-1] == "me:s3cr@t"
        body = path.read_bytes() if good and path.is_file() else b""
        self.send_response((200 if path.is_file() else 404) if good else 401)
        if not good:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Nothing: the test looks at what was given."""


def test_user_info_of_a_url_reaches_the_server_and_nobody_else(host: World) -> None:
    remote = host.remote()
    host.git(remote, "update-server-info")
    handler = type("Handler", (_Private,), {"folder": host.folder / "remotes", "given": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        # A git in front of the real one writes down its arguments.
        seen = host.folder / "seen"
        (host.bin / "git").write_text(f'#!/bin/sh\necho "$@" >>{seen}\nexec /usr/bin/git "$@"\n')
        (host.bin / "git").chmod(0o755)
        address = f"127.0.0.1:{server.server_address[1]}/acme/tool.git"
        shown = host.awl("create", "-v", "--json", f"http://me:s3cr%40t@{address}")
        assert shown.code == 0, shown.err
        assert "me:s3cr@t" in handler.given
        assert shown.document["workspace"]["repos"][0]["url"] == f"http://{address}"
        bad = host.awl("create", "--name", "b", f"http://me:wr%40ng@{address}")
        assert bad.error == "clone-failed"
        everything = seen.read_text() + shown.out + shown.err + bad.err
        everything += (host.root / "tool/work/acme/tool/.git/config").read_text()
        everything += (host.root / "tool/.awl/workspace.json").read_text()
        for secret in ("s3cr", "wr%40ng", "wr@ng"):
            assert secret not in everything
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_environment_of_a_git_hook_does_not_lead_git_astray(host: World) -> None:
    remote = host.remote()
    other = host.folder / "work-acme-tool" / ".git"
    shown = host.awl("create", str(remote), env={"GIT_DIR": str(other), "GIT_WORK_TREE": "/"})
    assert shown.code == 0, shown.err
    assert (host.root / "tool/work/acme/tool/file").read_text() == "one\n"


def test_killed_in_create_nothing_is_listed_and_the_name_is_free(
    world: World, runtime: str
) -> None:
    remote = world.remote()
    started = world.folder / "started"
    (world.bin / "git").write_text(
        f'#!/bin/sh\ncase "$*" in *clone*|*bundle*) touch {started}; sleep 5;; esac\n'
        'exec /usr/bin/git "$@"\n'
    )
    (world.bin / "git").chmod(0o755)
    for number in (9, 15):
        call = subprocess.Popen(
            world.argv("create", "--name", "a", str(remote)), env=world.env, stderr=subprocess.PIPE
        )
        with call:
            while not started.exists():
                assert call.poll() is None
            os.kill(call.pid, number)
            _, said = call.communicate(timeout=60)
        started.unlink()
        assert call.returncode == (-9 if number == 9 else 130)
        if number == 15:
            assert b"error[interrupted]" in said
            assert _nothing_left(world)
        assert world.awl("ls").out == ""
    (world.bin / "git").unlink()
    assert world.awl("create", "--name", "a", str(remote)).code == 0
    assert world.awl("rm", "a", "-y").code == 0
    assert _nothing_left(world)
