"""A scene: one cell played on its stage. Its givens are made, its steps run, evidence is kept."""

import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

from attrs import define, evolve, field

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
from conformance.drivers import tty
from conformance.drivers.process import Interrupt
from conformance.evidence import Evidence
from conformance.invoke import invocation
from conformance.record import file_fact, seen_of
from conformance.stage import SceneBlockedError, Stage, changed, host_workspaces
from conformance.world.engines import journal

__all__ = ["Scene"]

_PODMAN_DOCKER = '#!/bin/sh\nexec podman "$@"\n'
_FOREIGN_COMMAND = ("sleep", "infinity")


@define
class Scene:
    """One cell, and the stage on which it is played."""

    cell: Cell
    bound: Bound
    contract: Contract
    stage: Stage
    _journal_end: int = 0
    _made: list[str] = field(factory=list)

    def play(self) -> Iterator[Evidence]:
        """Make the givens, then run the steps one by one; SceneBlockedError where a given fails."""
        self.stage.set_up()
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
                self.stage.set_variables(given.variables)
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
                image = self.stage.settings.image
                self.stage.ask(
                    ["run", "-d", "--init", "--name", given.name, *labels, image, *_FOREIGN_COMMAND]
                )
            case GivenVolume():
                labels = [f"--label={key}={value}" for key, value in given.labels.items()]
                self.stage.ask(["volume", "create", *labels, given.name])
            case GivenFault():
                known = self.stage.env.get("AWL_FAKE_DOCKER_FAULTS")
                self.stage.env["AWL_FAKE_DOCKER_FAULTS"] = (
                    f"{known}; {given.fault}" if known else given.fault
                )
            case GivenEngine(state="absent"):
                (self.stage.sandbox.bin / self.stage.engine.command).unlink()
            case GivenProgram():
                self._install(given.name)
            case GivenEngine(state="down"):
                host = "CONTAINER_HOST" if self.stage.engine.command == "podman" else "DOCKER_HOST"
                self.stage.env[host] = f"unix://{self.stage.sandbox.engine}/dead.sock"
            case GivenEngine(state=state):
                self._put_podman(state)
            case _:
                assert_never(given)

    def _put_podman(self, state: str) -> None:
        """Put the engine's client beside docker, or in its place, under the name of podman."""
        docker, podman = self.stage.sandbox.bin / "docker", self.stage.sandbox.bin / "podman"
        podman.symlink_to(self.stage.engine.client.with_name("podman"))
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
            seen = len(self.stage.containers())
        elif runtime == "host" and self.stage.root().is_absolute():
            seen = len(host_workspaces(self.stage.root()))
        else:
            return  # a plug-in's storage is its own
        if seen < self._made.count(runtime):
            raise SceneBlockedError(
                f"the program exited 0, but there is no such workspace in runtime {runtime}"
            )

    def _inside(self, name: str) -> Path:
        path = Path(name)
        if not path.is_absolute() or not path.is_relative_to(self.stage.sandbox.path):
            raise ValueError(f"a given may only lie in the case's sandbox: {name}")
        return path

    def _install(self, name: str) -> None:
        program = resources.stubs() / name
        (self.stage.sandbox.bin / name).symlink_to(program)
        for container in sorted(self.stage.containers()):
            self.stage.ask(["cp", str(program), f"{container}:/usr/local/bin/{name}"])

    def _prepare(self, argv: tuple[str, ...], *, runtime: str, via: str) -> None:
        call = invocation(self.stage.settings.program, argv, runtime=runtime, via=via)
        env = {**self.stage.environment(argv), **dict(call.env)}
        outcome = self.stage.run(call.argv, env=env, timeout=self.stage.settings.timeout)
        self.stage.record("given", call.argv, env, outcome)
        if outcome.exit != 0:
            said = outcome.stderr.decode("utf-8", "backslashreplace").strip()[-600:]
            how = f"exit {outcome.exit}" if outcome.exit is not None else f"signal {outcome.signal}"
            raise SceneBlockedError(f"given `{shlex.join(call.argv)}`: {how}\n{said}")

    # ------------------------------------------------------------------ steps
    def _step(self, step: Step, *, output: str) -> Evidence:
        call = invocation(
            self.stage.settings.program,
            step.argv,
            runtime=self.cell.runtime,
            via=self.cell.via,
            output=output,
        )
        env = changed({**self.stage.environment(step.argv), **dict(call.env)}, step.env)
        before = self.stage.look(step) if step.expect.unchanged else None
        _, self._journal_end = journal(self.stage.sandbox, self._journal_end)
        timeout = step.timeout or self.stage.settings.timeout
        cwd = Path(step.cwd) if step.cwd else self.stage.sandbox.home
        if step.tty is not None:
            script = tuple(map(_typed, step.tty))
            outcome = tty.converse(
                self.stage.lock, call.argv, env=env, cwd=cwd, script=script, timeout=timeout
            )
        else:
            outcome = self.stage.run(
                call.argv,
                env=env,
                cwd=cwd,
                timeout=timeout,
                stdin=step.stdin,
                interrupts=_interrupts(step.signal),
                close_stdout_after=0 if step.close == "stdout" else None,
            )
        calls, self._journal_end = journal(self.stage.sandbox, self._journal_end)
        self.stage.record("step", call.argv, env, outcome, stdin=step.stdin)
        evidence = Evidence(
            step=step,
            runtime=self.cell.runtime,
            prefix=self.stage.sandbox.prefix,
            argv=call.argv,
            env=self.stage.added(env),
            outcome=outcome,
            calls=calls,
            contract=self.contract,
            before=before,
            after=self.stage.look(step),
            files={path: file_fact(Path(path), e) for path, e in step.expect.files.items()},
            secrets=(self.stage.settings.canary,),
        )
        self.stage.records[-1] = evolve(self.stage.records[-1], seen=seen_of(evidence))
        return evidence


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
