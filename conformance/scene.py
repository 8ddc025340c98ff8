"""A scene: one cell played in a sandbox. Its givens are made, its steps run, evidence is kept.

Everything that a scene starts runs inside the case's lock; the suite's own looks at the engine do
too, since the fake's containers live in the case's namespaces.
"""

import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from attrs import define, evolve, field, frozen

from conformance import resources
from conformance.catalogue.case import Cell
from conformance.catalogue.contract import Contract
from conformance.catalogue.step import (
    Bound,
    Given,
    GivenContainer,
    GivenDirectory,
    GivenEngine,
    GivenEnv,
    GivenFault,
    GivenFile,
    GivenLink,
    GivenProgram,
    GivenRun,
    GivenVolume,
    GivenWorkspace,
    SignalPlan,
    Step,
    TtyAction,
    TtyControl,
    TtyEof,
    TtyExpect,
    TtyResize,
    TtySend,
)
from conformance.drivers import process, tty
from conformance.drivers.process import Interrupt, Outcome
from conformance.evidence import Evidence
from conformance.invoke import invocation
from conformance.lock.client import CaseLock
from conformance.record import file_fact, seen_of, step_record
from conformance.results import StepRecord
from conformance.settings import Settings
from conformance.world.engines import ALIASES, Engine, journal
from conformance.world.observe import EngineState, Snapshot, tree
from conformance.world.sandbox import Sandbox

__all__ = ["Played", "Scene", "SceneBlockedError"]

_ENGINE_SECONDS = 30.0
# A step that kills or ends its reader says after how long; see Step.signal and Step.close.
_PODMAN_DOCKER = '#!/bin/sh\nexec podman "$@"\n'
_FOREIGN_COMMAND = ("sleep", "infinity")


class SceneBlockedError(Exception):
    """A given could not be made, so nothing can be said of what should follow it."""


@frozen
class Played:
    """What playing a scene gave: evidence of each step, and every command as a record."""

    evidence: tuple[Evidence, ...]
    records: tuple[StepRecord, ...]


@define
class Scene:
    """One cell, its sandbox, its lock and its engine."""

    cell: Cell
    bound: Bound
    settings: Settings
    contract: Contract
    sandbox: Sandbox
    lock: CaseLock
    engine: Engine
    env: dict[str, str] = field(factory=dict)
    records: list[StepRecord] = field(factory=list)
    _journal_end: int = 0
    _made: list[str] = field(factory=list)

    def play(self) -> Iterator[Evidence]:
        """Make the givens, then run the steps one by one; SceneBlockedError where a given fails."""
        self.env = {**self.sandbox.environment(), **self.engine.install(self.sandbox)}
        self.env["AGENT_ENV_IMAGE"] = self.settings.image
        for given in self.bound.given:
            self._make(given)
        for number, step in enumerate(self.bound.steps):
            yield self._step(step, output=self.cell.output if number == 0 else "text")

    # ------------------------------------------------------------------ givens
    def _make(self, given: Given) -> None:
        match given:
            case GivenWorkspace():
                repos = given.repos or ("--no-work-repos",)
                argv = ("awl", "create", "--name", given.name, *given.args, *repos)
                runtime = given.runtime or self.cell.runtime
                self._prepare(argv, runtime=runtime, via="flag")
                self._made.append(runtime)
                self._see(runtime)
            case GivenRun():
                # The program's runtime is chosen plainly: the way of choosing is the step's matter.
                self._prepare(given.argv, runtime=self.cell.runtime, via="flag")
            case GivenEnv():
                self._set(given.variables)
            case GivenFile():
                path = self._inside(given.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(given.content)
                path.chmod(given.mode)
            case GivenDirectory():
                path = self._inside(given.path)
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(given.mode)
            case GivenLink():
                path = self._inside(given.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(given.to)
            case GivenContainer():
                labels = [f"--label={key}={value}" for key, value in given.labels.items()]
                image = self.settings.image
                self.ask(
                    ["run", "-d", "--init", "--name", given.name, *labels, image, *_FOREIGN_COMMAND]
                )
            case GivenVolume():
                labels = [f"--label={key}={value}" for key, value in given.labels.items()]
                self.ask(["volume", "create", *labels, given.name])
            case GivenFault():
                known = self.env.get("AWL_FAKE_DOCKER_FAULTS")
                self.env["AWL_FAKE_DOCKER_FAULTS"] = (
                    f"{known}; {given.fault}" if known else given.fault
                )
            case GivenEngine(state="absent"):
                (self.sandbox.bin / self.engine.command).unlink()
            case GivenProgram():
                self._install(given.name)
            case GivenEngine(state="down"):
                host = "CONTAINER_HOST" if self.engine.command == "podman" else "DOCKER_HOST"
                self.env[host] = f"unix://{self.sandbox.engine}/dead.sock"
            case GivenEngine(state=state):
                self._put_podman(state)
            case _:
                assert_never(given)

    def _put_podman(self, state: str) -> None:
        """Put the engine's client beside docker, or in its place, under the name of podman."""
        docker, podman = self.sandbox.bin / "docker", self.sandbox.bin / "podman"
        podman.symlink_to(self.engine.client.with_name("podman"))
        if state != "both":
            docker.unlink()
        if state == "docker-is-podman":
            docker.write_text(_PODMAN_DOCKER)
            docker.chmod(0o755)

    def _see(self, runtime: str) -> None:
        """Look for a workspace that the program says it has made.

        What a case says of it afterwards ("it is gone") would else be true of one that never was.
        """
        if runtime == "container":
            seen = len(self.engine.look(self.sandbox, self.ask, volumes=False).containers)
        elif runtime == "host" and self.root().is_absolute():
            seen = len(_host_workspaces(self.root()))
        else:
            return  # a plug-in's storage is its own
        if seen < self._made.count(runtime):
            raise SceneBlockedError(
                f"the program exited 0, but there is no such workspace in runtime {runtime}"
            )

    def _inside(self, name: str) -> Path:
        path = Path(name)
        if not path.is_absolute() or not path.is_relative_to(self.sandbox.path):
            raise ValueError(f"a given may only lie in the case's sandbox: {name}")
        return path

    def _install(self, name: str) -> None:
        program = resources.stubs() / name
        (self.sandbox.bin / name).symlink_to(program)
        for container in sorted(self.engine.look(self.sandbox, self.ask, volumes=False).containers):
            self.ask(["cp", str(program), f"{container}:/usr/local/bin/{name}"])

    def _prepare(self, argv: tuple[str, ...], *, runtime: str, via: str) -> None:
        call = invocation(self.settings.program, argv, runtime=runtime, via=via)
        env = {**self._environment(argv), **dict(call.env)}
        outcome = self._run(call.argv, env=env, timeout=self.settings.timeout)
        self._record("given", call.argv, env, outcome)
        if outcome.exit != 0:
            said = outcome.stderr.decode("utf-8", "backslashreplace").strip()[-600:]
            how = f"exit {outcome.exit}" if outcome.exit is not None else f"signal {outcome.signal}"
            raise SceneBlockedError(f"given `{shlex.join(call.argv)}`: {how}\n{said}")

    def _environment(self, argv: Sequence[str]) -> dict[str, str]:
        """The variables of a command; those that are not the program's find `docker` in any case.

        That is how cases call the engine by themselves, whatever its client's name is.
        """
        if argv[:1] == ("awl",) or self.engine.command == "docker":
            return dict(self.env)
        return {**self.env, "PATH": f"{self.sandbox.engine / ALIASES}:{self.env['PATH']}"}

    def _set(self, variables: Mapping[str, str | None]) -> None:
        for name, value in variables.items():
            if value is None:
                self.env.pop(name, None)
            else:
                self.env[name] = value

    # ------------------------------------------------------------------ steps
    def _step(self, step: Step, *, output: str) -> Evidence:
        call = invocation(
            self.settings.program,
            step.argv,
            runtime=self.cell.runtime,
            via=self.cell.via,
            output=output,
        )
        env = {**self._environment(step.argv), **dict(call.env)}
        for name, value in step.env.items():
            env.pop(name, None)
            if value is not None:
                env[name] = value
        before = self.look(step) if step.expect.unchanged else None
        _, self._journal_end = journal(self.sandbox, self._journal_end)
        timeout = step.timeout or self.settings.timeout
        cwd = Path(step.cwd) if step.cwd else self.sandbox.home
        if step.tty is not None:
            script = tuple(map(_typed, step.tty))
            outcome = tty.converse(
                self.lock, call.argv, env=env, cwd=cwd, script=script, timeout=timeout
            )
        else:
            outcome = self._run(
                call.argv,
                env=env,
                cwd=cwd,
                timeout=timeout,
                stdin=step.stdin,
                interrupts=_interrupts(step.signal),
                close_stdout_after=0 if step.close == "stdout" else None,
            )
        calls, self._journal_end = journal(self.sandbox, self._journal_end)
        self._record("step", call.argv, env, outcome, stdin=step.stdin)
        evidence = Evidence(
            step=step,
            runtime=self.cell.runtime,
            prefix=self.sandbox.prefix,
            argv=call.argv,
            env=self._added(env),
            outcome=outcome,
            calls=calls,
            contract=self.contract,
            before=before,
            after=self.look(step),
            files={path: file_fact(Path(path), e) for path, e in step.expect.files.items()},
            secrets=(self.settings.canary,),
        )
        self.records[-1] = evolve(self.records[-1], seen=seen_of(evidence))
        return evidence

    def _run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        timeout: float,
        cwd: Path | None = None,
        stdin: bytes | None = None,
        interrupts: tuple[Interrupt, ...] = (),
        close_stdout_after: int | None = None,
    ) -> Outcome:
        try:
            return process.run(
                self.lock,
                argv,
                env=env,
                cwd=cwd or self.sandbox.home,
                timeout=timeout,
                stdin=stdin,
                interrupts=interrupts,
                close_stdout_after=close_stdout_after,
            )
        except OSError as error:
            raise SceneBlockedError(f"`{shlex.join(argv)}` cannot be started: {error}") from error

    # ------------------------------------------------------------------ looking
    def ask(self, arguments: Sequence[str]) -> str:
        """Call the engine's client for the suite itself: no journal, no faults, the real socket."""
        env = {**self.sandbox.environment(), **self._quiet_engine()}
        argv = [str(self.engine.client), *arguments]
        outcome = self._run(argv, env=env, timeout=_ENGINE_SECONDS)
        if outcome.exit != 0:
            said = outcome.stderr.decode("utf-8", "backslashreplace").strip()
            raise RuntimeError(
                f"`{self.engine.command} {shlex.join(arguments)}` failed for the suite: {said}"
            )
        return outcome.stdout.decode()

    def _quiet_engine(self) -> dict[str, str]:
        kept = ("AWL_FAKE_DOCKER_STATE", "AWL_FAKE_DOCKER_IMAGES", "XDG_RUNTIME_DIR")
        own = {name: self.env[name] for name in kept if name in self.env}
        return {**own, **self.settings.engine_env}

    def look(self, step: Step) -> Snapshot | None:
        """A snapshot of the parts of the world of which ``step`` expects something."""
        expect = step.expect
        wanted = set(expect.unchanged)
        if expect.workspaces is not None:
            wanted.add("workspaces")
        if expect.volumes is not None:
            wanted.add("engine")
        if not wanted:
            return None
        on_engine = "engine" in wanted or ("workspaces" in wanted and self._engine_matters())
        state = EngineState()
        if on_engine:
            state = self.engine.look(self.sandbox, self.ask, volumes="engine" in wanted)
        root = self.root()
        own = f"{root}/."
        return Snapshot(
            workspaces={"host": _host_workspaces(root), "container": self._contained(state)},
            engine=state,
            # When the root is made is the launcher's own matter: none is like an empty one.
            root=tree(root, lambda p: p.startswith(own))
            if "workspaces" in expect.unchanged and os.path.lexists(root)
            else {},
            home=tree(self.sandbox.home, lambda p: p == str(root)) if "home" in wanted else {},
            decoys=tree(self.sandbox.decoys) if "decoys" in wanted else {},
        )

    def _engine_matters(self) -> bool:
        return self.cell.runtime != "host" or self.engine.name == "fake"

    def _contained(self, state: EngineState) -> frozenset[str]:
        head = f"{self.env.get('AGENT_WORKSPACE_PREFIX', 'agent-ws')}-"
        return frozenset(n.removeprefix(head) for n in state.containers if n.startswith(head))

    def root(self) -> Path:
        """Where host workspaces of this case are: the only folder that a workspace may be given."""
        if home := self.env.get("AGENT_WORKSPACE_HOME"):
            return Path(home)
        if state := self.env.get("XDG_STATE_HOME"):
            return Path(state) / "agent-workspace-launcher/workspaces"
        return self.sandbox.root

    # ------------------------------------------------------------------ records
    def _added(self, env: Mapping[str, str]) -> dict[str, str]:
        base = self.sandbox.environment()
        added = {name: value for name, value in env.items() if base.get(name) != value}
        return {**added, **{name: "" for name in base if name not in env}}

    def _record(
        self,
        role: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        outcome: Outcome,
        stdin: bytes | None = None,
    ) -> None:
        self.records.append(step_record(role, argv, self._added(env), outcome, stdin=stdin))


def _typed(action: TtyAction) -> tty.Step:
    match action:
        case TtyExpect(pattern=pattern):
            return tty.Expect(pattern)
        case TtySend(text=text):
            return tty.Send(text)
        case TtyControl(letter=letter):
            return tty.SendControl(letter)
        case TtyResize(rows=rows, columns=columns):
            return tty.Resize(rows, columns)
        case TtyEof():
            return tty.ExpectEOF()


def _interrupts(plan: SignalPlan | None) -> tuple[Interrupt, ...]:
    if plan is None:
        return ()
    pattern = plan.after_output.encode() if plan.after_output is not None else None
    file = Path(plan.after_file) if plan.after_file is not None else None
    return (Interrupt(signal.Signals[f"SIG{plan.send}"], plan.after_seconds, pattern, file),)


def _host_workspaces(root: Path) -> frozenset[str]:
    try:
        entries = list(os.scandir(root))
    except OSError:
        return frozenset()
    return frozenset(
        entry.name
        for entry in entries
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
    )
