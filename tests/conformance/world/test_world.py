"""The sandbox, the eyes, and the git remotes."""

import fcntl
import json
import os
import subprocess
from pathlib import Path

import pytest

from conformance.world.engines import ALIASES, Call, FakeEngine, RealEngine, find_client, journal
from conformance.world.observe import EngineState, difference, tree
from conformance.world.remote import BIG_FILE_SIZE, RemoteServer, build_repositories
from conformance.world.sandbox import Sandbox, build_toolbox, force_remove, git_config


class TestSandbox:
    @pytest.fixture
    def sandbox(self, tmp_path: Path) -> Sandbox:
        made = Sandbox(tmp_path / "s", tmp_path / "toolbox", "pre")
        made.create()
        return made

    def test_the_environment_is_made_from_nothing(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWL_RUNTIME", "host")
        env = sandbox.environment()
        assert "AWL_RUNTIME" not in env
        assert env["HOME"] == str(sandbox.home)
        assert env["PATH"].split(":")[0] == str(sandbox.bin)

    def test_git_has_an_identity(self, sandbox: Sandbox) -> None:
        env = {**sandbox.environment(), "PATH": os.environ["PATH"]}
        argv = ["git", "config", "user.email"]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        assert done.stdout == "case@example.invalid\n"

    def test_a_sweep_leaves_what_create_makes(self, sandbox: Sandbox) -> None:
        (sandbox.home / "x").mkdir()
        (sandbox.decoys / "precious.txt").unlink()
        sandbox.sweep()
        assert not (sandbox.home / "x").exists()
        assert (sandbox.decoys / "precious.txt").exists()

    def test_what_is_gone_already_changes_nothing_outside(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        (tmp_path / "t" / "a").mkdir(parents=True)
        rmdir = os.rmdir

        def faster(path: object, **options: object) -> None:
            rmdir(path, **options)  # type: ignore[arg-type]
            raise FileNotFoundError(2, "somebody else was faster")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "rmdir", faster)
            force_remove([tmp_path / "t"])
        assert tmp_path.stat().st_mode & 0o777 == 0o755
        assert list(tmp_path.iterdir()) == []

    def test_read_only_trees_go_too_and_links_are_not_followed(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "keep").write_text("keep")
        inner = tmp_path / "t" / "inner"
        inner.mkdir(parents=True)
        (inner / "f").write_text("x")
        (inner / "link").symlink_to(outside)
        inner.chmod(0o500)
        (tmp_path / "t").chmod(0o500)
        force_remove([tmp_path / "t"])
        assert not (tmp_path / "t").exists()
        assert (outside / "keep").read_text() == "keep"

    def test_no_engine_is_in_the_toolbox(self, tmp_path: Path) -> None:
        box = build_toolbox(tmp_path / "box")
        names = {path.name for path in box.iterdir()}
        assert {"sh", "git", "python3"} <= names
        assert not names & {"docker", "podman", "gh", "code", "claude", "awl"}

    def test_rewrites_become_rules(self) -> None:
        text = git_config({"https://github.com/": "http://127.0.0.1:1/"})
        assert '[url "http://127.0.0.1:1/"]\n\tinsteadOf = https://github.com/\n' in text


class TestEyes:
    def test_a_tree_names_everything_and_follows_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "f").write_text("x")
        (tmp_path / "l").symlink_to("/")
        os.mkfifo(tmp_path / "p")
        seen = tree(tmp_path)
        assert set(seen) == {"a", "a/b", "a/f", "l", "p"}
        assert seen["l"] == "link to /"
        assert seen["p"].startswith("special")
        assert set(tree(tmp_path, lambda path: path.endswith("/a"))) == {"l", "p"}

    def test_a_rewritten_file_is_another_file(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_text("one")
        before = tree(tmp_path)
        (tmp_path / "f").unlink()
        (tmp_path / "g").write_text("")
        (tmp_path / "f").write_text("two")
        assert difference(before, tree(tmp_path))

    def test_a_difference_says_what_and_how(self) -> None:
        lines = difference({"a": 1, "b": 1}, {"b": 2, "c": 3})
        assert lines == ("changed: b (1 -> 2)", "gone: a", "new: c (3)")

    def test_a_missing_folder_is_told(self, tmp_path: Path) -> None:
        assert "unreadable" in tree(tmp_path / "none")["."]


class TestEngines:
    def test_the_journal_is_read_from_where_it_was_left(self, tmp_path: Path) -> None:
        sandbox = Sandbox(tmp_path / "s", tmp_path, "pre")
        sandbox.create()
        assert journal(sandbox) == ((), 0)
        path = sandbox.engine / "journal.jsonl"
        path.write_text('{"argv": ["docker", "ps"]}\n{"exit": 0}\n')
        calls, end = journal(sandbox)
        assert calls == (Call(("ps",)),)
        with path.open("a") as file:
            file.write('{"argv": ["docker", "rm", "x"]}\n')
        assert journal(sandbox, end)[0] == (Call(("rm", "x")),)

    def test_a_real_client_is_journalled_by_a_shim(self, tmp_path: Path) -> None:
        client = tmp_path / "client"
        client.write_text('#!/bin/sh\necho "$DOCKER_HOST $*"\nexit 3\n')
        client.chmod(0o755)
        sandbox = Sandbox(tmp_path / "s", tmp_path, "pre")
        sandbox.create()
        env = RealEngine(client, "docker", {"DOCKER_HOST": "unix:///x"}).install(sandbox)
        argv = [str(sandbox.bin / "docker"), "run", "a b"]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (3, "unix:///x run a b\n")
        assert journal(sandbox)[0] == (Call(("run", "a b")),)

    def test_podman_keeps_its_name_and_cases_may_call_it_docker(self, tmp_path: Path) -> None:
        client = tmp_path / "podman"
        client.write_text('#!/bin/sh\necho "$XDG_RUNTIME_DIR $@"\n')
        client.chmod(0o755)
        sandbox = Sandbox(tmp_path / "s", tmp_path, "pre")
        sandbox.create()
        env = RealEngine(client, "podman", {}).install(sandbox)
        assert [path.name for path in sandbox.bin.iterdir()] == ["podman"]
        for program in (sandbox.bin / "podman", sandbox.engine / ALIASES / "docker"):
            done = subprocess.run([program, "ps"], env=env, capture_output=True, check=True)
            assert done.stdout.decode() == f"{sandbox.engine} ps\n"
        assert journal(sandbox)[0] == (Call(("ps",)), Call(("ps",)))

    def test_a_state_of_podmans_is_not_an_age(self, tmp_path: Path) -> None:
        asked: list[list[str]] = []

        def ask(words: object) -> str:
            asked.append(list(words))  # type: ignore[call-overload]
            return ""

        RealEngine(tmp_path, "podman", {}).look(Sandbox(tmp_path, tmp_path, "pre"), ask)
        assert "{{.ListContainer.State}}" in asked[0][-1]

    def test_a_real_engine_is_shared_so_only_the_prefix_counts(self, tmp_path: Path) -> None:
        asked: list[list[str]] = []

        def ask(words: object) -> str:
            asked.append(list(words))  # type: ignore[call-overload]
            listing = "id1\tpre-a\trunning\nid2\tother-pre-b\texited\n"
            return listing if asked[-1][0] == "ps" else "pre-a-work\nother\n"

        sandbox = Sandbox(tmp_path, tmp_path, "pre")
        engine = RealEngine(tmp_path, "docker", {})
        state = engine.look(sandbox, ask)
        wanted = EngineState({"pre-a": ("id1", "running")}, frozenset({"pre-a-work"}))
        assert state == wanted
        engine.clear(sandbox, ask, lambda _: None)
        assert asked[-2:] == [["rm", "-f", "-v", "id1"], ["volume", "rm", "-f", "pre-a-work"]]

    def test_the_fake_is_looked_at_without_its_client(self, tmp_path: Path) -> None:
        sandbox = Sandbox(tmp_path, tmp_path, "pre")

        def ask(words: object) -> str:
            raise AssertionError(words)

        engine = FakeEngine(tmp_path / "docker", tmp_path)
        assert engine.look(sandbox, ask) == EngineState()
        engine.clear(sandbox, ask, lambda _: pytest.fail("there is nobody to kill"))

        containers = sandbox.engine / "state" / "containers"
        for name, running in (("lives", True), ("died", True), ("created", False)):
            folder = containers / f"id-{name}"
            folder.mkdir(parents=True)
            state = {"Status": "running" if running else "created", "Running": running}
            doc = {"Id": f"id-{name}", "Name": f"/{name}", "State": state}
            (folder / "container.json").write_text(json.dumps({**doc, "Fake": {"supervisor": 7}}))
            (folder / "alive").touch()
        volume = sandbox.engine / "state" / "volumes" / "v"
        volume.mkdir(parents=True)
        (volume / "volume.json").write_text("{}")
        killed: list[int] = []
        with (containers / "id-lives" / "alive").open("r+") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX)
            state_seen = engine.look(sandbox, ask)
            engine.clear(sandbox, ask, killed.extend)
        assert state_seen == EngineState(
            {
                "created": ("id-created", "created"),
                "died": ("id-died", "exited"),
                "lives": ("id-lives", "running"),
            },
            frozenset({"v"}),
        )
        assert killed == [7]

    def test_a_client_is_found_on_path_or_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert find_client("sh") is not None
        monkeypatch.setenv("PATH", "/nonexistent")
        assert find_client("docker") is None


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("remotes")
    build_repositories(path)
    return path


class TestRemotes:
    @staticmethod
    def git(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        base = {"PATH": os.environ["PATH"], "GIT_TERMINAL_PROMPT": "0", "HOME": "/nonexistent"}
        return subprocess.run(
            ["git", *argv],
            capture_output=True,
            text=True,
            env={**base, **env},
            timeout=60,
            check=False,
        )

    def test_every_run_has_the_same_commits(self, root: Path, tmp_path: Path) -> None:
        heads = build_repositories(tmp_path / "again")
        for name, commit in heads.items():
            found = self.git("-C", str(root / f"{name}.git"), "rev-parse", "HEAD").stdout.strip()
            assert found == commit

    def test_a_clone_by_http_has_what_launchers_get_wrong(self, root: Path, tmp_path: Path) -> None:
        with RemoteServer(root, ("127.0.0.1",), "pw") as server:
            url = server.url("127.0.0.1")
            assert self.git("clone", f"{url}/acme/tool.git", str(tmp_path / "t")).returncode == 0
            assert self.git("clone", f"{url}/acme/big", str(tmp_path / "b")).returncode == 0
            words = ("clone", "--recurse-submodules", f"{url}/acme/super", str(tmp_path / "s"))
            assert self.git(*words).returncode == 0
        branch = self.git("-C", str(tmp_path / "t"), "branch", "--show-current").stdout
        assert branch == "trunk\n"
        assert (tmp_path / "t/ünï/cödé ✓.txt").read_text() == "unicode\n"
        assert (tmp_path / "b/big.bin").stat().st_size == BIG_FILE_SIZE
        assert (tmp_path / "s/lib/lib.txt").exists()

    def test_the_private_one_wants_the_password(self, root: Path, tmp_path: Path) -> None:
        with RemoteServer(root, ("127.0.0.1",), "pw") as server:
            url = f"{server.url('127.0.0.1')}/private/secret"
            assert self.git("ls-remote", url).returncode != 0
            wrong = url.replace("http://", "http://u:no@")
            assert self.git("ls-remote", wrong).returncode != 0
            assert self.git("ls-remote", url.replace("http://", "http://u:pw@")).returncode == 0

    def test_an_address_that_is_not_ours_is_told(self, root: Path) -> None:
        with pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
            RemoteServer(root, ("192.0.2.1",), "pw")
