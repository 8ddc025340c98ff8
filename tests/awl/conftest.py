"""A world of its own for each test: home, root, PATH, git identity, and the fake engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from conformance.drivers import process
from conformance.lock.client import LockError, Zygote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
LIMIT = 60


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str | None:
        """The string code of the error, of either form."""
        if self.err.lstrip().startswith("{"):
            code: str = json.loads(self.err)["error"]["code"]
            return code
        _, found, rest = self.err.partition("error[")
        return rest.partition("]")[0] if found else None


class World:
    """One person's machine: everything lies below one temporary folder."""

    def __init__(self, folder: Path, system: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.root = folder / "root"
        self.bin = folder / "bin"
        self.state = folder / "engine"
        self.journal = folder / "journal"
        for path in (self.home, self.bin):
            path.mkdir()
        self.env = {
            "HOME": str(self.home),
            "PATH": f"{self.bin}:{system}",
            "AGENT_WORKSPACE_HOME": str(self.root),
            "AWL_FAKE_DOCKER_STATE": str(self.state),
            "AWL_FAKE_DOCKER_JOURNAL": str(self.journal),
            "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org",
        }
        for key, value in os.environ.items():
            if key.startswith("COVERAGE"):
                self.env[key] = value

    def engine(self) -> None:
        """Install the fake engine, with the image that the launcher is pinned to."""
        subprocess.run(
            [sys.executable, CHECKOUT / "stubs/seed.py", "--link", self.bin, self.state],
            check=True,
            capture_output=True,
        )

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "awl", *words]

    def awl(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> Result:
        done = subprocess.run(
            self.argv(*words),
            input=stdin,
            capture_output=True,
            text=True,
            env={**self.env, **(env or {})},
            cwd=self.folder,
            timeout=LIMIT,
        )
        assert "Traceback" not in done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def docker(self, *words: str) -> str:
        done = subprocess.run(
            [self.bin / "docker", *words],
            capture_output=True,
            text=True,
            env=self.env,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def git(self, folder: Path, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", folder, *words], capture_output=True, text=True, env=self.env, check=True
        )
        return done.stdout.strip()

    def remote(self, owner: str = "acme", repo: str = "tool", branch: str = "trunk") -> Path:
        """A bare repository with a commit on `branch`, one on `feature`, and the tag `v1`."""
        bare = self.folder / "remotes" / owner / f"{repo}.git"
        bare.mkdir(parents=True)
        self.git(bare, "init", "--quiet", "--bare", f"--initial-branch={branch}")
        work = self.folder / f"work-{owner}-{repo}"
        self.git(self.folder, "clone", "--quiet", str(bare), str(work))
        (work / "file").write_text("one\n")
        self.git(work, "checkout", "--quiet", "-B", branch)
        self.git(work, "add", "file")
        self.git(work, "commit", "--quiet", "-m", "one")
        self.git(work, "tag", "v1")
        self.git(work, "checkout", "--quiet", "-b", "feature")
        (work / "file").write_text("two\n")
        self.git(work, "commit", "--quiet", "-am", "two")
        self.git(work, "push", "--quiet", "origin", branch, "feature", "v1")
        return bare

    def calls(self) -> list[list[str]]:
        """The engine's calls so far, each as its arguments."""
        if not self.journal.exists():
            return []
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [line["argv"][1:] for line in lines if "argv" in line]

    def trace(self) -> list[str]:
        """What is left of anything below the root."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*"))

    def close(self) -> None:
        self.env.pop("AWL_FAKE_DOCKER_FAULTS", None)
        if (self.bin / "docker").exists():
            ids = self.docker("ps", "-aq").split()
            if ids:
                self.docker("rm", "-f", *ids)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The machine's programs, but for its engines: no test shall reach a real one."""
    folder = tmp_path_factory.mktemp("system")
    for program in Path("/usr/bin").iterdir():
        if not program.name.startswith(("docker", "podman", "nerdctl")):
            (folder / program.name).symlink_to(program)
    return folder


@pytest.fixture
def world(tmp_path: Path, system: Path) -> Any:
    made = World(tmp_path, system)
    yield made
    made.close()


@pytest.fixture(params=["host", "container"])
def runtime(request: pytest.FixtureRequest, world: World) -> str:
    """Each runtime, chosen for every call of the test."""
    name: str = request.param
    if name == "container":
        world.engine()
    world.env["AGENT_WORKSPACE_RUNTIME"] = name
    return name


@pytest.fixture
def container(world: World) -> World:
    """A world whose runtime is the default, with an engine."""
    world.engine()
    return world


@pytest.fixture
def host(world: World) -> World:
    """A world of host workspaces, without an engine."""
    world.env["AGENT_WORKSPACE_RUNTIME"] = "host"
    return world


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    try:
        with Zygote() as started:
            yield started
    except LockError as problem:
        pytest.skip(str(problem))


class Locked:
    """A world of which every command runs in the lock."""

    def __init__(self, world: World, run: Callable[..., process.Outcome]) -> None:
        self.world = world
        self._run = run
        self.ran = world.folder / "ran"
        self.decoy = world.folder / "decoy"

    def sh(self, script: str, cwd: Path | None = None) -> str:
        done = self._run(["sh", "-ec", script], cwd or self.world.folder)
        assert done.exit == 0, done.stderr.decode()
        return done.stdout.decode()

    def awl(self, *words: str) -> Result:
        done = self._run(self.world.argv(*words), self.world.folder)
        assert not done.timed_out
        said = done.stderr.decode()
        assert "Traceback" not in said
        assert "the launcher itself" not in said
        return Result(done.exit if done.exit is not None else -1, done.stdout.decode(), said)


@pytest.fixture
def locked(world: World, zygote: Zygote) -> Iterator[Locked]:
    """A world in the lock, with a decoy that must stay as it is; its runtime is host."""
    world.env["AGENT_WORKSPACE_RUNTIME"] = "host"
    with zygote.open_case(world.folder) as lock:

        def run(argv: list[str], cwd: Path) -> process.Outcome:
            # A coverage tracer in there could not write outside the lock, and would say so.
            env = {k: v for k, v in world.env.items() if not k.startswith("COVERAGE")}
            return process.run(lock, argv, env=env, cwd=cwd, timeout=LIMIT)

        made = Locked(world, run)
        made.decoy.mkdir()
        (made.decoy / "keep").write_text("precious\n")
        yield made
        assert (made.decoy / "keep").read_text() == "precious\n"
        if (world.bin / "docker").exists():
            made.sh("docker ps -aq | xargs -r docker rm -f >/dev/null")
