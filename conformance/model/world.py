"""A sequence played on the program, inside the lock, and held against the reference step by step.

Each runtime has a sandbox and an engine of its own. Commands run as cells do (forked from a warm
interpreter where that can be had), and the same oracles look at them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from attrs import define, field, frozen

from conformance.catalogue.step import Step
from conformance.drivers import process
from conformance.drivers.process import Interrupt
from conformance.evidence import Evidence
from conformance.execute import engine_of
from conformance.model.commands import (
    GIVEN,
    GIVEN_FILE,
    HANGING,
    KILLED_AFTER,
    ROOT,
    Command,
    command_of,
)
from conformance.model.eyes import Eyes, Look
from conformance.model.reference import Outcome, Reference
from conformance.model.state import State
from conformance.oracles import examine
from conformance.record import file_fact
from conformance.world.observe import EngineState
from conformance.world.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from conformance.catalogue.contract import Contract
    from conformance.lock.client import CaseLock, Zygote
    from conformance.model.actions import Action
    from conformance.results import Check
    from conformance.settings import Settings

__all__ = ["Difference", "Lane"]

_SIGKILL = 9


@frozen
class Difference:
    """Where program and reference part: the commands up to there, and what was seen instead.

    ``test``: a shell's test of the world that is true where all is well; empty where it is the last
    command that was answered otherwise. ``outcomes`` are the answers that would have been right.
    """

    runtime: str
    commands: tuple[Command, ...]
    expected: str
    observed: str
    outcomes: tuple[Outcome, ...] = field(default=(), repr=False)
    test: str = ""

    @property
    def kind(self) -> str:
        """What stays the same while a sequence is made shorter."""
        return f"{self.runtime}: {'world' if self.test else 'answer'}"


@define
class Lane:
    """One runtime of a sequence: its sandbox, its state, its commands so far."""

    runtime: str
    settings: Settings
    contract: Contract
    sandbox: Sandbox
    lock: CaseLock
    env: dict[str, str]
    state: State = field(factory=State)
    commands: list[Command] = field(factory=list)
    counts: dict[tuple[str, str], int] = field(factory=dict)
    _eyes: Eyes = field(init=False)
    _reference: Reference = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._eyes = Eyes(self.runtime)
        self._reference = Reference(self.runtime)

    @classmethod
    def open(
        cls, runtime: str, settings: Settings, contract: Contract, zygote: Zygote, name: str
    ) -> Self:
        """A lane with a fresh sandbox; ``close`` it."""
        place = settings.folder / "cases" / f"{name}-{runtime}"
        sandbox = Sandbox(place, settings.toolbox, "model")
        sandbox.create()
        hanging = sandbox.home / HANGING
        for folder in ("objects", "refs"):
            (hanging / folder).mkdir(parents=True)
        os.mkfifo(hanging / "HEAD")
        (sandbox.home / GIVEN_FILE).write_text(GIVEN)
        env = {
            **sandbox.environment(),
            **engine_of(settings).install(sandbox),
            "AGENT_ENV_IMAGE": settings.image,
            "AGENT_WORKSPACE_HOME": str(sandbox.home / ROOT),
            "AGENT_WORKSPACE_RUNTIME": runtime,
        }
        lock = zygote.open_case(sandbox.path)
        return cls(runtime, settings, contract, sandbox, lock, env)

    def close(self) -> None:
        """End every process of the lane and remove its sandbox."""
        self.lock.close()
        if not self.settings.keep:
            self.sandbox.remove()

    # ------------------------------------------------------------------ one step
    def step(self, action: Action) -> Difference | None:
        """Do ``action`` where there is something to do it to; the difference it shows, if any."""
        outcomes = self._reference.outcomes(self.state, action)
        if not outcomes:
            return None
        command = command_of(action, self.runtime, self.settings.image)
        self.commands.append(command)
        taken = self._answered(command, self._run(command), outcomes)
        if isinstance(taken, Difference):
            return taken
        self._count(command, taken)
        look = self._look()
        before, self.state = self.state, self._eyes.settle(taken.after, look)
        sight = next(self._eyes.compare(before, self.state, look), None)
        if sight is None:
            return None
        return Difference(
            self.runtime,
            tuple(self.commands),
            sight.expected,
            sight.observed,
            outcomes,
            sight.test,
        )

    def _run(self, command: Command) -> process.Outcome:
        argv = command.argv
        if command.is_programs:
            argv = (*self.settings.program, *argv[1:])
        interrupts = (Interrupt(_SIGKILL, KILLED_AFTER),) if command.killed else ()
        return process.run(
            self.lock,
            argv,
            env={**self.env, **command.env},
            cwd=self.sandbox.home,
            timeout=self.settings.timeout,
            stdin=command.stdin.encode() if command.stdin is not None else None,
            interrupts=interrupts,
        )

    def _answered(
        self, command: Command, outcome: process.Outcome, outcomes: Sequence[Outcome]
    ) -> Outcome | Difference:
        """The first way of the reference that fits what was seen; else what is wrong with it."""
        wrong: list[tuple[Outcome, Check]] = []
        for one in outcomes:
            step = Step(command.argv, one.expect)
            evidence = Evidence(
                step=step,
                runtime=self.runtime,
                prefix=self.sandbox.prefix,
                argv=command.argv,
                env={},
                outcome=outcome,
                calls=(),
                contract=self.contract,
                files={
                    name: file_fact(self.sandbox.home / name, wanted)
                    for name, wanted in one.expect.files.items()
                },
                secrets=(self.settings.canary,),
            )
            bad = next((check for check in examine(evidence) if not check.ok), None)
            if bad is None:
                return one
            wrong.append((one, bad))
        # Of several ways the one that it comes nearest to: whose exit code it has.
        _, check = max(wrong, key=lambda pair: pair[1].oracle != "exit code")
        if check.oracle == "exit code":
            codes = " or ".join(dict.fromkeys(_told(one) for one, _ in wrong))
            said = outcome.stderr.decode("utf-8", "backslashreplace").strip()[-300:]
            seen = f"{check.observed}: {said}" if said else check.observed
            return Difference(self.runtime, tuple(self.commands), codes, seen, tuple(outcomes))
        expected = f"{check.oracle}: {check.expected}"
        return Difference(
            self.runtime, tuple(self.commands), expected, check.observed, tuple(outcomes)
        )

    def _look(self) -> Look:
        root = self.sandbox.home / ROOT
        engine = engine_of(self.settings)
        state = engine.look(self.sandbox, _never) if self._has_engine() else EngineState()
        return Look(dict(_folders(root)), state)

    def _has_engine(self) -> bool:
        return (self.sandbox.engine / "state").exists()

    def _count(self, command: Command, taken: Outcome) -> None:
        word = command.argv[1] if command.is_programs else "(others)"
        key = (word, str(taken.expect.exit) if command.is_programs else "")
        self.counts[key] = self.counts.get(key, 0) + 1


def _told(outcome: Outcome) -> str:
    error = f" ({outcome.expect.error})" if outcome.expect.error else ""
    return f"exit {outcome.expect.exit}{error}"


def _never(arguments: Sequence[str]) -> str:
    raise RuntimeError(f"the fake engine is looked at without its client: {arguments}")


def _folders(root: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Folders of the root, with the names of what is in them."""
    try:
        entries = list(os.scandir(root))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield entry.name, tuple(sorted(os.listdir(entry.path)))  # noqa: PTH208 - names alone
