"""One run: the scratch world that it needs, made once and taken down again.

    with Run(options, suite) as run:
        run.settings   # travels to every worker

The world: a folder of programs for PATH, git repositories with their server, the engine's image,
the proof that the lock holds (KIT-15), and a first word with the program under test, so that a
dead one gives one root cause and not a thousand failures (KIT-12).
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import jsonschema
from attrs import evolve, frozen

from conformance import resources
from conformance.catalogue.case import Suite
from conformance.drivers import process
from conformance.execute import rewrites_of, zygote_of
from conformance.lock.client import LockError
from conformance.lock.preload import WarmError
from conformance.lock.probe import probe
from conformance.settings import Settings
from conformance.world.engines import FakeEngine, find_client
from conformance.world.program import compile_package, package_of
from conformance.world.remote import RemoteServer, build_repositories
from conformance.world.sandbox import Sandbox, build_toolbox, git_config
from conformance.world.scratch import scratch

__all__ = ["EnvironmentProblem", "Options", "Run"]

# Not the tag that a launcher pins: where nothing names an image, the pinned one must be absent.
_FAKE_IMAGE = "awl-conformance/agent-env:run"
_DEFAULT_IMAGE = "agent-workspace/agent-env:v0.1.0"
_LOOPBACK = "127.0.0.1"
# slirp4netns, the network of rootless containers, shows them this machine's loopback there.
_LOOPBACK_OF_ROOTLESS = "10.0.2.2"
# What leads a client to its engine, and how the address is asked for that containers see.
_ENGINE_VARIABLES = {
    "docker": ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"),
    "podman": ("CONTAINER_HOST", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"),
}
_GATEWAY = {
    "docker": ("bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"),
    "podman": ("podman", "--format", "{{(index .Subnets 0).Gateway}}"),
}
_ENGINE_SECONDS = 60
_FIRST_WORD_SECONDS = 20.0


class EnvironmentProblem(RuntimeError):  # noqa: N818 - a problem of the machine, told as such
    """The machine lacks what was asked for (an engine, an image): exit 3, with what to do."""


@frozen
class Options:
    """What the operator chose. ``runtimes`` empty: every built-in runtime of the contract.

    ``fork_server``: fork the program's calls where it can be had warm; else they are exec'd.
    """

    program: tuple[str, ...]
    engine: str = "fake"
    image: str = ""
    runtimes: tuple[str, ...] = ()
    lock: bool = True
    fork_server: bool = False
    keep: bool = False
    first_word: bool = True
    matrices: Path | None = None


class Run:
    """A run's world. Entering it makes everything, leaving it takes everything down."""

    def __init__(self, options: Options, suite: Suite) -> None:
        self._options = options
        self._suite = suite
        self._stack = ExitStack()
        self._version = ""
        self.settings: Settings

    def __enter__(self) -> Self:
        try:
            self.settings = self._make()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # ------------------------------------------------------------------ the world
    def _make(self) -> Settings:
        options = self._options
        # What a real engine mounts should be a plain path of a disk, on every machine.
        place = scratch(in_memory=options.engine == "fake", keep=options.keep)
        folder = self._stack.enter_context(place)
        if options.keep:
            sys.stderr.write(f"sandboxes are kept in {folder}\n")
        (folder / "cases").mkdir()
        build_toolbox(folder / "toolbox")
        build_repositories(folder / "repositories")
        canary = f"canary-{secrets.token_hex(12)}"
        client, engine_env, gateway = self._engine()
        served = _LOOPBACK if gateway == _LOOPBACK_OF_ROOTLESS else gateway
        addresses = tuple(dict.fromkeys((_LOOPBACK, served)))
        server = RemoteServer(folder / "repositories", addresses, canary)
        self._stack.callback(server.close)
        settings = Settings(
            program=_resolved(options.program),
            engine=options.engine,
            client=str(client),
            engine_env=engine_env,
            image=options.image or (_FAKE_IMAGE if options.engine == "fake" else _DEFAULT_IMAGE),
            remotes={
                "host": server.url(_LOOPBACK),
                "container": server.url(served).replace(served, gateway),
            },
            run=str(folder),
            matrices=str(options.matrices or resources.matrices()),
            canary=canary,
            stamp=f"c{secrets.token_hex(3)}",
            runtimes=options.runtimes or tuple(self._suite.contract.runtimes),
            keep=options.keep,
        )
        settings = self._with_image(settings)
        settings = self._with_lock(settings)
        settings = self._with_fork_server(settings)
        if not options.first_word:
            return settings
        root_cause = self._first_word(settings)
        return evolve(settings, root_cause=root_cause, facts={"version": self._version})

    def _engine(self) -> tuple[Path, dict[str, str], str]:
        """Client, its environment, and the address under which containers reach this machine."""
        name = self._options.engine
        if name == "fake":
            return resources.stubs() / "docker", {}, _LOOPBACK
        client = find_client(name)
        if client is None:
            raise EnvironmentProblem(
                f"--engine {name}: no program `{name}` on PATH\n"
                "hint: on Debian, `scripts/engines up` installs and starts it; "
                "or use --engine fake"
            )
        env = {key: os.environ[key] for key in _ENGINE_VARIABLES[name] if os.environ.get(key)}
        if name == "podman":
            # Nothing but its sandbox can be written inside the lock, so a case speaks to Podman's
            # service: the client alone would have to write the engine's storage.
            env.setdefault("CONTAINER_HOST", os.environ.get("AWL_PODMAN_SOCKET", ""))
            if not env["CONTAINER_HOST"]:
                raise EnvironmentProblem(
                    "--engine podman: neither CONTAINER_HOST nor AWL_PODMAN_SOCKET says where its"
                    ' service is\nhint: scripts/engines up podman; eval "$(scripts/engines env)"'
                )
            rootless = _ask(client, env, ["info", "--format", "{{.Host.Security.Rootless}}"])
            if rootless.strip() == "true":
                return client, env, _LOOPBACK_OF_ROOTLESS
        found = _ask(client, env, ["network", "inspect", *_GATEWAY[name]])
        return client, env, found.strip() or _LOOPBACK

    def _with_image(self, settings: Settings) -> Settings:
        """Put the run's git server into the image's git configuration.

        The fake gets an image of its own; for a real engine one is derived from the operator's.
        """
        rewrites = rewrites_of(settings.remotes["container"])
        client = Path(settings.client)
        if settings.engine == "fake":
            FakeEngine.seed(client, settings.images, settings.image, rewrites)
            return settings
        config = settings.folder / "gitconfig"
        config.write_text(git_config(rewrites))
        env = settings.engine_env
        name = f"awl-conformance-{settings.stamp}"
        tag = f"awl-conformance/run:{settings.stamp}"
        try:
            _ask(client, env, ["create", "--name", name, "--pull", "never", settings.image])
        except EnvironmentProblem as error:
            raise EnvironmentProblem(
                f"--image {settings.image}: {error}\n"
                "hint: build it with `scripts/engines up`, or name another with --image"
            ) from None
        try:
            _ask(client, env, ["cp", str(config), f"{name}:/etc/gitconfig"])
            _ask(client, env, ["commit", name, tag])
        finally:
            _ask(client, env, ["rm", "-f", name])
        self._stack.callback(_remove_image, client, env, tag)
        return evolve(settings, image=tag)

    def _with_lock(self, settings: Settings) -> Settings:
        if not self._options.lock:
            return evolve(settings, lock=False, lock_reason="switched off by the operator")
        report = probe(settings.folder)
        return evolve(settings, lock=report.holds, lock_reason=report.reason)

    def _with_fork_server(self, settings: Settings) -> Settings:
        """Whether the program's calls can be forked, and the lock holds then too; else, why not."""
        try:
            package = package_of(settings.program[0])
        except WarmError as problem:
            return evolve(settings, warm_note=str(problem))
        compile_package(package)
        if not self._options.fork_server:
            return evolve(settings, warm_note="switched off by the operator")
        warmed = evolve(settings, warm=package)
        try:
            with zygote_of(warmed) as zygote:
                warm, note = zygote.warm, zygote.note
        except LockError as problem:
            raise EnvironmentProblem(f"no case can be opened: {problem}") from problem
        if warm and settings.lock:
            report = probe(settings.folder, forked=True)
            warm, note = report.holds, report.reason or note
        return evolve(warmed if warm else settings, warm_note=note)

    # ------------------------------------------------------------------ the first word
    def _first_word(self, settings: Settings) -> str:
        """Why the program is no launcher at all, or nothing where it answers like one."""
        command = [*settings.program, "version", "--json"]
        sandbox = Sandbox(settings.folder / "cases" / "first", settings.toolbox, settings.stamp)
        sandbox.create()
        try:
            with zygote_of(settings) as zygote, zygote.open_case(sandbox.path) as lock:
                outcome = process.run(
                    lock,
                    command,
                    env=sandbox.environment(),
                    cwd=sandbox.home,
                    timeout=_FIRST_WORD_SECONDS,
                )
        except LockError as error:
            raise EnvironmentProblem(f"no case can be opened: {error}") from error
        except OSError as error:
            return f"the program cannot be started: {settings.program[0]}: {error.strerror}"
        finally:
            sandbox.remove()
        problem = self._is_no_launcher(outcome)
        if not problem:
            return ""
        shown = " ".join(command)
        return (
            f"the program does not answer as a launcher: `{shown}`\n"
            f"expected  one JSON document with schema_version and version (CLI-5a, CLI-8)\n"
            f"observed  {problem}\n"
            f"next      awl-conformance explain version"
        )

    def _is_no_launcher(self, outcome: process.Outcome) -> str:
        ended = f"exit {outcome.exit}" if outcome.exit is not None else f"signal {outcome.signal}"
        if outcome.timed_out:
            return f"no answer in {_FIRST_WORD_SECONDS:.0f} s"
        try:
            document = json.loads(outcome.stdout)
            jsonschema.validate(document, self._suite.contract.outputs["version"])
        except ValueError:
            return f"{ended}, stdout {outcome.stdout[:200]!r}, stderr {outcome.stderr[:200]!r}"
        except jsonschema.ValidationError as error:
            return f"{ended}, {error.json_path}: {error.message}"
        self._version = str(document["version"])
        return "" if outcome.exit == 0 else ended


def _resolved(program: tuple[str, ...]) -> tuple[str, ...]:
    """The program by its absolute path: cases have a PATH and working directories of their own."""
    found = shutil.which(program[0])
    return (str(Path(found).absolute()) if found else program[0], *program[1:])


def _remove_image(client: Path, env: dict[str, str], tag: str) -> None:
    """Take the run's image away; where a case has left a container of it, that is only told."""
    try:
        _ask(client, env, ["rmi", tag])
    except EnvironmentProblem as error:
        sys.stderr.write(f"awl-conformance: {error}\n")


def _ask(client: Path, env: dict[str, str], arguments: list[str]) -> str:
    try:
        done = subprocess.run(
            [str(client), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.defpath, "HOME": str(Path.home()), **env},
            timeout=_ENGINE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentProblem(
            f"the engine did not answer `{client.name} {arguments[0]}` in {_ENGINE_SECONDS} s"
        ) from None
    if done.returncode != 0:
        raise EnvironmentProblem(
            f"the engine refused `{client.name} {' '.join(arguments)}`: {done.stderr.strip()}"
        )
    return done.stdout
