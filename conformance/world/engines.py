"""The container engines that the suite can put under a launcher: the fake one, or a real one.

An engine is what stands as ``docker`` on a case's PATH. Every call of it is journalled: the fake
writes its own journal, a real client stands behind a few lines that do it. The suite looks at the
engine's objects by itself, with the same client and neither faults nor journal in the way.
"""

import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from conformance.world.observe import EngineState
from conformance.world.sandbox import Sandbox, git_config

__all__ = [
    "ALIASES",
    "Ask",
    "Call",
    "Engine",
    "FakeEngine",
    "Kill",
    "RealEngine",
    "abilities_of",
    "find_client",
    "journal",
]

JOURNAL = "journal.jsonl"
#: Beside the journal: names that cases, and not the launcher, may call the engine's client by.
ALIASES = "alias"
_SEED_SECONDS = 30
_PS = "{{.ID}}\t{{.Names}}\t{{.State}}"
# What Podman shows for a state changes every second ("Up 3 seconds ago").
_PS_OF_PODMAN = "{{.ID}}\t{{.Names}}\t{{.ListContainer.State}}"

# What cases may need. The fake enforces neither users nor limits; a real engine has no faults.
# Podman now and then loses what a command said that had left some of its input unread: "read
# unixpacket …: connection reset by peer" (https://github.com/containers/podman/issues/11446).
_FAKE_ABILITIES = frozenset({"fake", "terminal", "unread-input"})
_PODMAN_ABILITIES = frozenset({"terminal", "users", "limits"})
_DOCKER_ABILITIES = _PODMAN_ABILITIES | {"unread-input"}

# Runs an engine command inside the case and gives its stdout; fails loudly on a non-zero exit.
Ask = Callable[[Sequence[str]], str]
# Kills processes of the case by the pids that the case itself sees.
Kill = Callable[[Sequence[int]], None]


@frozen
class Call:
    """One journalled call of the engine's client: its arguments without the program."""

    argv: tuple[str, ...]

    @property
    def subcommand(self) -> str:
        """``run`` of ``docker run``, ``volume ls`` of ``docker volume ls``."""
        words = [word for word in self.argv if not word.startswith("-")]
        grouped = words[:1] in (["volume"], ["image"], ["container"], ["context"], ["system"])
        return " ".join(words[: 2 if grouped else 1])


class Engine(Protocol):
    """What the suite asks of an engine."""

    @property
    def name(self) -> str:
        """``fake``, or the name of the real client."""
        ...

    @property
    def command(self) -> str:
        """What it is called on a case's PATH."""
        ...

    @property
    def client(self) -> Path:
        """The client's program."""
        ...

    @property
    def address(self) -> str:
        """Where its service listens; nothing where there is none, or only its client finds it."""
        ...

    def install(self, sandbox: Sandbox) -> dict[str, str]:
        """Put the client on the case's PATH as ``command``; return its environment."""
        ...

    def look(self, sandbox: Sandbox, ask: Ask, *, volumes: bool = True) -> EngineState:
        """The containers of this case, foreign ones that it made included; ``volumes`` too."""
        ...

    def documents(self, sandbox: Sandbox) -> Iterator[Mapping[str, Any]]:
        """The case's containers as ``inspect`` has them, seen without the engine's client."""
        ...

    def clear(self, sandbox: Sandbox, ask: Ask, kill: Kill) -> None:
        """Remove the case's containers and volumes, or at least every process of them."""
        ...


def journal(sandbox: Sandbox, start: int = 0) -> tuple[tuple[Call, ...], int]:
    """The calls journalled from byte ``start`` on, and the byte where the journal now ends."""
    path = sandbox.engine / JOURNAL
    if not path.exists():
        return (), start
    with path.open("rb") as file:
        file.seek(start)
        data = file.read()
    rows = [json.loads(line) for line in data.splitlines() if line.strip()]
    # A call has a line when it starts and one when it ends; the first has the arguments.
    calls = tuple(Call(tuple(row["argv"][1:])) for row in rows if "argv" in row)
    return calls, start + len(data)


def abilities_of(name: str) -> frozenset[str]:
    """The ``needs`` of cases that the engine of this name can meet."""
    if name == "fake":
        return _FAKE_ABILITIES
    return _PODMAN_ABILITIES if name == "podman" else _DOCKER_ABILITIES


def find_client(name: str) -> Path | None:
    """The real client of this name on the PATH of the person who runs the suite."""
    found = shutil.which(name)
    return Path(found).resolve() if found else None


def _parse(containers: str, volumes: str, prefix: str) -> EngineState:
    rows = [line.split("\t") for line in containers.splitlines() if line.strip()]
    return EngineState(
        {name: (id_, state) for id_, name, state in rows if name.startswith(prefix)},
        frozenset(name for name in volumes.split() if name.startswith(prefix)),
    )


@frozen
class FakeEngine:
    """The stateful fake of ``stubs/``: every case has an engine of its own."""

    source: Path
    images: Path
    name: str = "fake"
    command: str = "docker"
    address: str = ""

    @property
    def client(self) -> Path:
        """The launcher that ``seed`` has made: it names its interpreter and is found once.

        A copy of the fake that was changed (``faults``) brings its own.
        """
        own = self.source.parent / "bin" / "docker"
        return own if own.exists() else self.images / "bin" / "docker"

    @classmethod
    def seed(
        cls, source: Path, images: Path, image: str, rewrites: Mapping[str, str]
    ) -> "FakeEngine":
        """Write the image that every case finds present, with the run's git server in its config.

        ``source`` is the fake's program. Also writes the launcher of it that cases get.

        The image is the contract's: git and a shell, a user ``agent`` at home in /home/agent.
        """
        overlay = images / "etc"
        overlay.mkdir(parents=True)
        (overlay / "gitconfig").write_text(git_config(rewrites))
        seeder, links = source.parent / "seed.py", images / "bin"
        links.mkdir()
        arguments = [
            str(images),
            "--image",
            image,
            "--etc",
            str(overlay),
            "--link",
            str(links),
            "--podman",
        ]
        # By the seeder's own command line: the suite knows stubs only as programs.
        python = os.path.realpath(sys.executable)  # of which the launcher is made too
        command = [python, "-IS", str(seeder), *arguments]
        subprocess.run(command, check=True, timeout=_SEED_SECONDS)
        return cls(source, images)

    def install(self, sandbox: Sandbox) -> dict[str, str]:
        """Link the fake as ``docker``; its state is below the sandbox."""
        (sandbox.bin / "docker").symlink_to(self.client)
        return {
            "AWL_FAKE_DOCKER_STATE": str(sandbox.engine / "state"),
            "AWL_FAKE_DOCKER_IMAGES": str(self.images / "images"),
            "AWL_FAKE_DOCKER_JOURNAL": str(sandbox.engine / JOURNAL),
        }

    def look(self, sandbox: Sandbox, ask: Ask, *, volumes: bool = True) -> EngineState:
        """All that this case's own engine holds."""
        del ask  # its state is plain files, which the suite's own eyes can read
        containers = {
            doc["Name"].removeprefix("/"): (doc["Id"], _state_of(doc, alive))
            for doc, alive in _containers(sandbox)
        }
        return EngineState(containers, frozenset(_held(sandbox, "volumes") if volumes else ()))

    def documents(self, sandbox: Sandbox) -> Iterator[Mapping[str, Any]]:
        """What the engine keeps of each container."""
        return (document for document, _ in _containers(sandbox))

    def clear(self, sandbox: Sandbox, ask: Ask, kill: Kill) -> None:
        """End the containers' processes; the state goes with the sandbox.

        A container of the fake dies with its supervisor.
        """
        del ask
        watchers = [doc["Fake"].get("supervisor") for doc, alive in _containers(sandbox) if alive]
        if pids := [pid for pid in watchers if isinstance(pid, int)]:
            kill(pids)


def _held(sandbox: Sandbox, kind: str) -> list[str]:
    """The folders of the fake's ``containers`` or ``volumes`` (stubs/README.md, State).

    What has no document in its folder is not there (yet) for the engine either. A look at folders
    saves the call of a client, of which a run would make many thousand.
    """
    document = "container.json" if kind == "containers" else "volume.json"
    found = (sandbox.engine / "state" / kind).glob(f"*/{document}")
    return sorted(path.parent.name for path in found if not path.parent.name.startswith("."))


def _containers(sandbox: Sandbox) -> Iterator[tuple[dict[str, Any], bool]]:
    """The document of each container of the fake, and whether its supervisor lives."""
    folder = sandbox.engine / "state" / "containers"
    for name in _held(sandbox, "containers"):
        try:
            document = json.loads((folder / name / "container.json").read_bytes())
        except FileNotFoundError:
            continue  # removed while we looked
        yield document, _is_locked(folder / name / "alive")


def _is_locked(path: Path) -> bool:
    """Whether somebody holds the lock of this file."""
    try:
        held = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(held)
    return False


def _state_of(document: dict[str, Any], alive: bool) -> str:
    """A container's state as its engine tells it: what nobody watches any more has ended."""
    state: str = document["State"]["Status"]
    return "exited" if document["State"]["Running"] and not alive else state


_SHIM = """\
#!{python} -IS
import json, os, sys
path = os.environ.get("AWL_CONFORMANCE_JOURNAL")
if path:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, json.dumps({{"argv": sys.argv}}).encode() + b"\\n")
    os.close(fd)
os.execv({client!r}, [{client!r}, *sys.argv[1:]])
"""


@frozen
class RealEngine:
    """A real client and the engine behind it, shared by all cases: they differ by their prefix."""

    client: Path
    name: str
    environment: Mapping[str, str]

    @property
    def command(self) -> str:
        """The client's own name."""
        return self.name

    def install(self, sandbox: Sandbox) -> dict[str, str]:
        """Put a journalling shim in front of the client."""
        shim = sandbox.bin / self.command
        python = os.path.realpath(sys.executable)
        shim.write_text(_SHIM.format(python=python, client=str(self.client)))
        shim.chmod(stat.S_IRWXU)
        if self.command != "docker":  # what cases themselves call it
            alias = sandbox.engine / ALIASES / "docker"
            alias.parent.mkdir()
            alias.symlink_to(shim)
        journal_path = str(sandbox.engine / JOURNAL)
        # Podman's client keeps a folder of its own, in TMPDIR where nothing else is named.
        own = {"XDG_RUNTIME_DIR": str(sandbox.engine)} if self.command == "podman" else {}
        return {**self.environment, **own, "AWL_CONFORMANCE_JOURNAL": journal_path}

    def look(self, sandbox: Sandbox, ask: Ask, *, volumes: bool = True) -> EngineState:
        """The objects whose names begin with the case's prefix."""
        only = f"name={sandbox.prefix}"
        form = _PS_OF_PODMAN if self.name == "podman" else _PS
        containers = ask(["ps", "-a", "--no-trunc", "--filter", only, "--format", form])
        named = ask(["volume", "ls", "-q", "--filter", only]) if volumes else ""
        return _parse(containers, named, sandbox.prefix)

    @property
    def address(self) -> str:
        """Where the engine's service listens; nothing where only its client finds it."""
        known = self.environment
        if known.get("DOCKER_CONTEXT") or known.get("DOCKER_TLS_VERIFY"):
            return ""
        if self.name == "podman":
            return known.get("CONTAINER_HOST", "")
        address = known.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        return address if address.startswith(("unix://", "tcp://", "http://")) else ""

    def documents(self, sandbox: Sandbox) -> Iterator[Mapping[str, Any]]:
        """What the docker SDK is told of each container, over the engine's own socket."""
        if not self.address:
            return
        from conformance.world.sdk import EngineEye  # slow, and of no use with the fake

        with EngineEye(self.address) as eye:
            yield from eye.documents(sandbox.prefix)

    def clear(self, sandbox: Sandbox, ask: Ask, kill: Kill) -> None:
        """Remove what carries the case's prefix, and nothing else."""
        del kill  # the processes of a real engine are no processes of the case
        state = self.look(sandbox, ask)
        if state.containers:
            ask(["rm", "-f", "-v", *(id_ for id_, _ in state.containers.values())])
        if state.volumes:
            ask(["volume", "rm", "-f", *sorted(state.volumes)])
