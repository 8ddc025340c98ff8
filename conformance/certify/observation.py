"""Play the cases on an engine and keep what was seen.

The fake runs inside the suite's lock; a real engine's client is called plainly, since nothing here
is hostile, and Podman could not write its storage from inside. Every case has names of its own,
which are removed after it; all share three containers to look at.
"""

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Self

from attrs import field, frozen

from conformance.certify.enginecases import EngineCall, EngineCase
from conformance.certify.normal import normal
from conformance.drivers import process
from conformance.drivers.process import Interrupt, Outcome
from conformance.lock.client import CaseLock, NoLock, Zygote
from conformance.world.engines import FakeEngine
from conformance.world.sandbox import force_remove

__all__ = [
    "EngineProblemError",
    "Observations",
    "Observer",
    "fake_observer",
    "observe_all",
    "real_observer",
]

#: case id -> for each call: exit code or signal, stdout, stderr; None for a part that is not seen.
Observations = dict[str, list[list[int | str | None]]]

_SECONDS = 60.0
_SETUP: tuple[tuple[str, ...], ...] = (
    (
        *(
            "run",
            "-d",
            "--init",
            "--name",
            "{box}",
            "--label",
            "role=box",
            "--label",
            "run={prefix}",
        ),
        *("-v", "{box}:/work", "{image}", "sleep", "infinity"),
    ),
    (
        *("run", "--name", "{stopped}", "--label", "role=stopped", "{image}"),
        *("sh", "-c", "echo one; sleep 0.3; echo two >&2; sleep 0.3; echo three; exit 3"),
    ),
    ("create", "--name", "{created}", "--label", "role=created", "{image}", "true"),
)


class EngineProblemError(RuntimeError):
    """The engine cannot be observed at all: absent, silent, or without the image."""


@frozen
class Observer:
    """An engine with the shared containers in it."""

    lock: CaseLock
    client: str
    env: Mapping[str, str]
    folder: Path
    image: str
    prefix: str
    names: dict[str, str] = field(factory=dict)

    def observe(self, case: EngineCase) -> list[list[int | str | None]]:
        """Play one case; what was seen of each call, in normal form."""
        own = f"{self.prefix}{secrets.token_hex(3)}"
        folder = self.folder / own
        folder.mkdir()
        world = {
            **self.names,
            **{letter: f"{own}-{letter}" for letter in "cdvw"},
            "prefix": f"{self.prefix}-",
            "image": self.image,
            "tmp": str(folder),
        }
        try:
            return [self._seen(call, world, folder) for call in case.calls]
        finally:
            self._clear(world)
            force_remove([folder])

    def call(self, *words: str) -> Outcome:
        """Call the client for the suite itself."""
        return self._run([self.client, *words], self.folder)

    def _seen(
        self, call: EngineCall, world: Mapping[str, str], folder: Path
    ) -> list[int | str | None]:
        if call.script:
            argv = ["/bin/sh", "-c", call.script]
        else:
            argv = [self.client, *(word.format(**world) for word in call.words)]
        # A short id is one of many: which container an engine names first is nobody's promise.
        tokens = {value: f"<{name}>" for name, value in world.items() if name != "box-id"}
        if call.times > 1:
            return self._at_once(call, argv, tokens, folder)
        interrupts: tuple[Interrupt, ...] = ()
        if call.signal:
            number = signal.Signals[f"SIG{call.signal}"]
            interrupts = (Interrupt(number, None, call.after.encode()),)
        stdin = None if call.stdin is None else call.stdin.encode()
        outcome = self._run(argv, folder, stdin=stdin, interrupts=interrupts)
        return _parts(call, outcome, tokens)

    def _at_once(
        self, call: EngineCall, argv: list[str], tokens: Mapping[str, str], folder: Path
    ) -> list[int | str | None]:
        # The lock's channel takes one call at a time, so a shell starts them all.
        script = (
            'n=$1; shift; for i in $(seq $n); do { "$@" >o$i 2>e$i; echo $? >x$i; } & done; wait'
        )
        several = ["/bin/sh", "-c", script, "sh", str(call.times), *argv]
        self._run(several, folder)
        each = []
        for number in range(1, call.times + 1):
            texts = [(folder / f"{letter}{number}").read_text() for letter in "xoe"]
            each.append([normal(text, tokens) for text in texts])
        columns = ["".join(sorted(column)) for column in zip(*each, strict=True)]
        kept = zip(("exit", "stdout", "stderr"), columns, strict=True)
        return [text if part in call.see else None for part, text in kept]

    def _run(
        self,
        argv: list[str],
        folder: Path,
        stdin: bytes | None = None,
        interrupts: tuple[Interrupt, ...] = (),
    ) -> Outcome:
        return process.run(
            self.lock,
            argv,
            env=self.env,
            cwd=folder,
            timeout=_SECONDS,
            stdin=stdin,
            interrupts=interrupts,
        )

    def _clear(self, world: Mapping[str, str]) -> None:
        listed = (
            self.call("ps", "-aq", "--filter", f"name={world['c'][:-2]}").stdout.decode().split()
        )
        if listed:
            self.call("rm", "-f", "-v", *listed)
        volumes = self.call("volume", "ls", "-q", "--filter", f"name={world['v'][:-2]}")
        if found := volumes.stdout.decode().split():
            self.call("volume", "rm", "-f", *found)

    def set_up(self) -> Self:
        """Make the shared containers; EngineProblemError with the engine's words."""
        self.names.update({name: f"{self.prefix}-{name}" for name in ("box", "stopped", "created")})
        world = {**self.names, "image": self.image, "prefix": self.prefix}
        for words in _SETUP:
            outcome = self.call(*(word.format(**world) for word in words))
            if outcome.exit not in (0, 3):
                said = outcome.stderr.decode("utf-8", "replace").strip()
                raise EngineProblemError(f"{self.client} {words[0]}: {said}")
        listed = self.call("ps", "-q", "--filter", f"name={self.names['box']}")
        self.names["box-id"] = listed.stdout.decode().strip()
        return self

    def tear_down(self) -> None:
        """Remove the shared containers and their volume."""
        self.call("rm", "-f", "-v", *(f"{self.prefix}-{n}" for n in ("box", "stopped", "created")))
        self.call("volume", "rm", "-f", f"{self.prefix}-box")


def _parts(call: EngineCall, outcome: Outcome, tokens: Mapping[str, str]) -> list[int | str | None]:
    if outcome.timed_out:
        return ["time limit", None, None]
    code = outcome.exit if outcome.exit is not None else f"signal {outcome.signal}"
    texts = (data.decode("utf-8", "backslashreplace") for data in (outcome.stdout, outcome.stderr))
    kept = zip(("exit", "stdout", "stderr"), (code, *texts), strict=True)
    return [
        None if part not in call.see else normal(value, tokens) if isinstance(value, str) else value
        for part, value in kept
    ]


def observe_all(
    make: Callable[[], AbstractContextManager[Observer]],
    cases: tuple[EngineCase, ...],
    workers: int,
) -> tuple[Observations, str]:
    """Play all cases, and return what was seen in their order, with the client's version.

    Each worker has an observer of its own: a lock takes one call at a time.
    """

    def work(share: tuple[EngineCase, ...]) -> tuple[Observations, str]:
        with make() as observer:
            asked = observer.call("version", "--format", "{{.Client.Version}}")
            version = asked.stdout.decode("utf-8", "replace").strip()
            return {case.id: observer.observe(case) for case in share}, version

    shares = [share for share in (cases[n::workers] for n in range(workers)) if share]
    with ThreadPoolExecutor(len(shares)) as pool:
        done = list(pool.map(work, shares))
    seen = {case: calls for found, _ in done for case, calls in found.items()}
    return {case.id: seen[case.id] for case in cases}, done[0][1]


@contextmanager
def fake_observer(source: Path, image: str) -> Iterator[Observer]:
    """The fake of ``source`` (a tree like ``stubs/``), with a state of its own, inside the lock."""
    folder = Path(tempfile.mkdtemp(prefix="awl-certify-")).resolve()
    try:
        FakeEngine.seed(source / "docker", folder / "images", image, {})
        place = folder / "case"
        place.mkdir()
        env = {
            **_environment(place),
            "AWL_FAKE_DOCKER_STATE": str(place / "state"),
            "AWL_FAKE_DOCKER_IMAGES": str(folder / "images" / "images"),
        }
        with Zygote() as zygote, zygote.open_case(place) as lock:
            client = str(folder / "images" / "bin" / "docker")
            yield from _observing(Observer(lock, client, env, place, image, _prefix()))
    finally:
        force_remove([folder])


@contextmanager
def real_observer(name: str, image: str) -> Iterator[Observer]:
    """The engine ``name`` (docker, podman) that the person's environment leads to."""
    client = shutil.which(name)
    if name == "docker" and Path("/usr/bin/docker").exists():
        client = "/usr/bin/docker"  # the one that came with the engine
    if client is None:
        raise EngineProblemError(f"there is no {name} on PATH")
    folder = Path(tempfile.mkdtemp(prefix="awl-certify-")).resolve()
    kept = {key: text for key, text in os.environ.items() if key.startswith(_LEADS)}
    try:
        with NoLock() as zygote, zygote.open_case(folder) as lock:
            env = {**_environment(folder), **kept}
            yield from _observing(Observer(lock, client, env, folder, image, _prefix()))
    finally:
        force_remove([folder])


_LEADS = ("DOCKER_", "CONTAINERS_", "DISABLE_HC_")


def _observing(observer: Observer) -> Iterator[Observer]:
    try:
        yield observer.set_up()
    finally:
        observer.tear_down()


def _environment(folder: Path) -> dict[str, str]:
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": str(folder), "GIVEN": "from the client", "LC_ALL": "C.UTF-8"}


def _prefix() -> str:
    return f"x{secrets.token_hex(4)}y"
