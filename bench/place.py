"""Where figures are taken: scratch homes with a launcher, and an engine with workspaces in it.

A place is one person's machine below one temporary folder: home, root, PATH. Its engine is the
fake of ``stubs/``, a real one (``DOCKER_HOST``), or none. All that is made on a real engine carries
the place's own name and label, and only that is removed again.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "CHECKOUT",
    "IMAGE",
    "Place",
    "Unavailable",
    "fake_place",
    "host_place",
    "program",
    "real_client",
    "real_place",
]

CHECKOUT = Path(__file__).resolve().parent.parent
IMAGE = "agent-workspace/agent-env:v0.1.0"
LABEL = "awl.bench"
_LIMIT = 300
_SYSTEM = "/usr/local/bin:/usr/bin:/bin"


class Unavailable(RuntimeError):  # noqa: N818 - what there is not
    """This machine lacks what a figure needs; the message says what."""


def program(name: str) -> str:
    """The path of a program of the environment that runs the benchmarks."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise Unavailable(f"`{name}` is not installed beside this interpreter")
    return str(path)


@dataclass(frozen=True)
class Place:
    """One person's machine. ``env`` is the whole environment of every command there."""

    folder: Path
    env: dict[str, str]
    client: str
    stamp: str

    @property
    def root(self) -> Path:
        """The launcher's root."""
        return self.folder / "root"

    def awl(self, *words: str) -> list[str]:
        """A command line of the launcher."""
        return [program("awl"), *words]

    def docker(self, *words: str) -> list[str]:
        """A command line of the engine's client, and not of anything in front of it."""
        return [self.client, *words]

    def command(
        self,
        argv: list[str] | Callable[[int], list[str]],
        after: Callable[[int], object] | None = None,
    ) -> Command:
        """Something to be timed here."""
        return Command(argv, self.env, after)

    def ask(self, argv: list[str]) -> str:
        """Run something that is not timed; its stdout. Unavailable with its words if it fails."""
        done = subprocess.run(
            argv, env=self.env, capture_output=True, text=True, timeout=_LIMIT, check=False
        )
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()
            name = Path(argv[0]).name
            raise Unavailable(
                f"`{name} {argv[1]}` failed: {words[0] if words else done.returncode}"
            )
        return done.stdout.strip()

    # ------------------------------------------------------------------ workspaces
    def workspace(self, name: str) -> str:
        """Make a workspace without repositories; its name."""
        self.ask(self.awl("create", "--no-work-repos", "--name", name))
        return name

    def record_of(self, name: str) -> Path:
        """The launcher's record of a workspace in a container."""
        return self.root / ".awl" / "container" / f"{name}.json"

    def multiply(self, name: str, count: int, make: Callable[[str, dict[str, str]], str]) -> None:
        """Have ``count`` workspaces like ``name``, by writing records beside its own.

        ``make`` makes a container of the given name and labels, and gives its whole id.
        """
        record = json.loads(self.record_of(name).read_text())
        shown = "{{json .Config.Labels}}"
        labels = json.loads(
            self.ask(self.docker("inspect", "--format", shown, record["container_id"]))
        )
        for number in range(1, count):
            other = f"{name}-{number:04d}"
            container = f"{record['container']}-{number:04d}"
            whole = make(container, {**labels, "awl.workspace": other})
            document = {**record, "name": other, "container": container, "container_id": whole}
            self.record_of(other).write_text(json.dumps(document, indent=1) + "\n")
        listed = json.loads(self.ask(self.awl("ls", "--json")))["workspaces"]
        if len(listed) != count:
            raise RuntimeError(f"{count} workspaces were made, and `awl ls` has {len(listed)}")

    def journal(self) -> list[list[str]]:
        """The calls of the fake engine so far, each as its words."""
        path = Path(self.env["AWL_FAKE_DOCKER_JOURNAL"])
        if not path.exists():
            return []
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return [row["argv"][1:] for row in rows if "argv" in row]


# ---------------------------------------------------------------------- kinds of places
@contextlib.contextmanager
def host_place() -> Iterator[Place]:
    """A place whose workspaces are folders."""
    with _folder() as folder:
        env = _environment(folder, _SYSTEM) | {"AGENT_WORKSPACE_RUNTIME": "host"}
        yield Place(folder, env, "", "")


@contextlib.contextmanager
def fake_place() -> Iterator[Place]:
    """A place with a fake engine of its own. Unavailable where the fake cannot run a container."""
    with _folder() as folder:
        bin_ = folder / "bin"
        bin_.mkdir()
        state = folder / "engine"
        subprocess.run(
            [sys.executable, CHECKOUT / "stubs/seed.py", "--link", bin_, state],
            check=True,
            capture_output=True,
            timeout=_LIMIT,
        )
        env = _environment(folder, f"{bin_}:/usr/bin:/bin") | {
            "AGENT_WORKSPACE_RUNTIME": "container",
            "AWL_FAKE_DOCKER_STATE": str(state),
            "AWL_FAKE_DOCKER_JOURNAL": str(folder / "journal"),
        }
        place = Place(folder, env, str(bin_ / "docker"), "")
        try:
            yield place
        finally:
            if running := place.ask(place.docker("ps", "--quiet", "--all")).split():
                place.ask(place.docker("rm", "--force", "--volumes", *running))


def real_client() -> tuple[str, dict[str, str]]:
    """The real client and what it needs to find its engine; Unavailable where none answers."""
    host = os.environ.get("DOCKER_HOST")
    if not host:
        raise Unavailable("no real engine: DOCKER_HOST is not set")
    client = shutil.which("docker")
    if client is None:
        raise Unavailable("no real engine: no `docker` on PATH")
    env = {key: value for key, value in os.environ.items() if key.startswith("DOCKER_")}
    try:
        done = subprocess.run(
            [client, "version", "--format", "{{.Server.Version}}"],
            env={**env, "PATH": _SYSTEM},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable("no real engine: DOCKER_HOST did not answer in 20 s") from None
    if done.returncode != 0:
        raise Unavailable("no real engine: DOCKER_HOST does not answer")
    return str(Path(client).resolve()), env


@contextlib.contextmanager
def real_place() -> Iterator[Place]:
    """A place on the engine of DOCKER_HOST. Unavailable where there is none, or not the image."""
    client, needs = real_client()
    stamp = f"awl-bench-{secrets.token_hex(4)}"
    with _folder() as folder:
        bin_ = folder / "bin"
        bin_.mkdir()
        (bin_ / "docker").symlink_to(client)
        env = _environment(folder, f"{bin_}:/usr/bin:/bin") | needs
        env |= {"AGENT_WORKSPACE_RUNTIME": "container", "AGENT_WORKSPACE_PREFIX": stamp}
        place = Place(folder, env, client, stamp)
        try:
            place.ask(place.docker("image", "inspect", IMAGE))
        except Unavailable:
            raise Unavailable(f"the real engine does not have the image {IMAGE}") from None
        try:
            yield place
        finally:
            _clear(place)


def _clear(place: Place) -> None:
    """Remove what bears this place's stamp in its name."""
    only = f"name=^/?{place.stamp}"
    found = place.ask(place.docker("ps", "--all", "--quiet", "--filter", only)).split()
    if found:
        place.ask(place.docker("rm", "--force", "--volumes", *found))
    only = f"name=^{place.stamp}"
    volumes = place.ask(place.docker("volume", "ls", "--quiet", "--filter", only)).split()
    if volumes:
        place.ask(place.docker("volume", "rm", *volumes))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="awl-bench-") as made:
        folder = Path(made).resolve()
        (folder / "home").mkdir()
        yield folder


def _environment(folder: Path, path: str) -> dict[str, str]:
    """Home, root and PATH; nothing of the person who runs the benchmarks."""
    return {
        "HOME": str(folder / "home"),
        "PATH": path,
        "LANG": "C.UTF-8",
        "AGENT_WORKSPACE_HOME": str(folder / "root"),
    }
