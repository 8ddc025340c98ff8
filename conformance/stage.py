"""The stage of one case: its sandbox, its lock and its engine, and what is called and seen there.

Everything that a case starts runs inside the lock; the suite's own looks at the engine do too,
since the fake's containers live in the case's namespaces.
"""

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from attrs import define, field

from conformance.catalogue.step import Step
from conformance.drivers import process
from conformance.drivers.process import Interrupt, Outcome
from conformance.lock.client import CaseLock
from conformance.record import step_record
from conformance.results import StepRecord
from conformance.settings import Settings
from conformance.world.engines import ALIASES, Engine
from conformance.world.observe import EngineState, Snapshot, tree
from conformance.world.sandbox import Sandbox

__all__ = ["SceneBlockedError", "Stage", "changed", "host_workspaces"]

_ENGINE_SECONDS = 30.0
_PREFIX = "AGENT_WORKSPACE_PREFIX"


class SceneBlockedError(Exception):
    """A given could not be made, so nothing can be said of what should follow it."""


@define
class Stage:
    """Where the cell of a ``runtime`` is played; ``env`` are the variables of its commands.

    ``records`` has every command that was called for the case, in order.
    """

    runtime: str
    settings: Settings
    sandbox: Sandbox
    lock: CaseLock
    engine: Engine
    env: dict[str, str] = field(factory=dict)
    records: list[StepRecord] = field(factory=list)

    def set_up(self) -> None:
        """Put the engine's client into the sandbox, and begin the environment anew."""
        self.env = {**self.sandbox.environment(), **self.engine.install(self.sandbox)}
        self.env["AGENT_ENV_IMAGE"] = self.settings.image

    def set_variables(self, variables: Mapping[str, str | None]) -> None:
        """Set variables of all later commands; None unsets one."""
        self.env = changed(self.env, variables)

    def environment(self, argv: Sequence[str]) -> dict[str, str]:
        """The variables of a command; those that are not the program's find `docker` in any case.

        That is how cases call the engine by themselves, whatever its client's name is.
        """
        if argv[:1] == ("awl",) or self.engine.command == "docker":
            return dict(self.env)
        return {**self.env, "PATH": f"{self.sandbox.engine / ALIASES}:{self.env['PATH']}"}

    # ------------------------------------------------------------------ calling
    def run(
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
        """Run a command inside the lock to its end; SceneBlockedError where it cannot start."""
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

    def ask(self, arguments: Sequence[str]) -> str:
        """Call the engine's client for the suite itself: no journal, no faults, the real socket."""
        env = {**self.sandbox.environment(), **self._quiet_engine()}
        argv = [str(self.engine.client), *arguments]
        outcome = self.run(argv, env=env, timeout=_ENGINE_SECONDS)
        if outcome.exit != 0:
            said = outcome.stderr.decode("utf-8", "backslashreplace").strip()
            raise RuntimeError(
                f"`{self.engine.command} {shlex.join(arguments)}` failed for the suite: {said}"
            )
        return outcome.stdout.decode()

    def containers(self) -> Collection[str]:
        """Return the names of the containers that the case has on the engine now."""
        return self.engine.look(self.sandbox, self.ask, volumes=False).containers

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
            workspaces={"host": host_workspaces(root), "container": self._contained(state)},
            engine=state,
            # When the root is made is the launcher's own matter: none is like an empty one.
            root=tree(root, lambda p: p.startswith(own))
            if "workspaces" in expect.unchanged and os.path.lexists(root)
            else {},
            home=tree(self.sandbox.home, lambda p: p == str(root)) if "home" in wanted else {},
            decoys=tree(self.sandbox.decoys) if "decoys" in wanted else {},
        )

    def _engine_matters(self) -> bool:
        return self.runtime != "host" or self.engine.name == "fake"

    def _contained(self, state: EngineState) -> frozenset[str]:
        head = f"{self.env.get(_PREFIX, 'agent-ws')}-"
        return frozenset(n.removeprefix(head) for n in state.containers if n.startswith(head))

    def root(self) -> Path:
        """Where host workspaces of this case are: the only folder that a workspace may be given."""
        if home := self.env.get("AGENT_WORKSPACE_HOME"):
            return Path(home)
        if state := self.env.get("XDG_STATE_HOME"):
            return Path(state) / "agent-workspace-launcher/workspaces"
        return self.sandbox.root

    # ------------------------------------------------------------------ records
    def added(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return what ``env`` has beyond the sandbox's own; what it lacks is empty."""
        base = self.sandbox.environment()
        # The prefix is the suite's own choice, and shows in names: a reader has to know it.
        told = {name: value for name, value in base.items() if name != _PREFIX}
        added = {name: value for name, value in env.items() if told.get(name) != value}
        return {**added, **{name: "" for name in base if name not in env}}

    def record(
        self,
        role: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        outcome: Outcome,
        stdin: bytes | None = None,
    ) -> None:
        """Keep a command that has ended; ``role`` is ``given`` or ``step``."""
        self.records.append(step_record(role, argv, self.added(env), outcome, stdin=stdin))


def changed(env: Mapping[str, str], variables: Mapping[str, str | None]) -> dict[str, str]:
    """Return ``env`` with these variables set; None unsets one."""
    return {name: value for name, value in {**env, **variables}.items() if value is not None}


def host_workspaces(root: Path) -> frozenset[str]:
    """Return the names of the host workspaces below ``root``, by its directories alone."""
    try:
        entries = list(os.scandir(root))
    except OSError:
        return frozenset()
    return frozenset(
        entry.name
        for entry in entries
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
    )
