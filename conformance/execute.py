"""``Worker.execute(cell) -> Result``: the one heart of the suite, pure of pytest.

A worker owns a zygote, from which every case gets a lock of its own, and plays one cell at a time:
the control first where there is one (KIT-3), then the cell, then what was left behind is looked
for, then the oracles' checks become a status (KIT-5).
"""

import datetime as dt
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from attrs import evolve, frozen

from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.contract import Contract
from conformance.catalogue.matrix import bind, control_of
from conformance.catalogue.parity import ParityEntry
from conformance.catalogue.template import VARIABLES
from conformance.evidence import Evidence
from conformance.invoke import subcommand
from conformance.lock.client import (
    CONTROL_SOCKETS,
    CaseLock,
    LockError,
    NoLock,
    Preload,
    Zygote,
)
from conformance.oracles import examine
from conformance.oracles.outcome import found_error_code
from conformance.results import Check, Result, Status, StepRecord
from conformance.scene import Scene
from conformance.settings import Settings
from conformance.stage import SceneBlockedError, Stage
from conformance.world.engines import Engine, FakeEngine, RealEngine
from conformance.world.privileges import privileges
from conformance.world.sandbox import COMMON_ENVIRONMENT, Sandbox

__all__ = [
    "Worker",
    "command_of",
    "engine_of",
    "result_of",
    "rewrites_of",
    "status_of",
    "zygote_of",
]

# So many failures per worker are played again, to tell flaky from broken.
_REPEATS = 10
# A program that has not answered yet has so long to do it, and so many scenes in a row in which no
# call of it ends are enough: one that hangs gives one root cause in a minute, and is not waited for
# in every cell (KIT-12).
_FIRST_ANSWER_SECONDS = 20.0
_SILENT_SCENES = 2
_HOSTS = ("https://github.com/", "git@github.com:", "ssh://git@github.com/")


def rewrites_of(base: str) -> dict[str, str]:
    """``insteadOf`` rules that lead what people write to the run's own git server."""
    return dict.fromkeys(_HOSTS, f"{base}/")


def engine_of(settings: Settings) -> Engine:
    """The engine of a run."""
    if settings.engine == "fake":
        return FakeEngine(Path(settings.client), settings.images)
    return RealEngine(Path(settings.client), settings.engine, settings.engine_env)


# Stands for every variable where only the shape of a command is asked for.
_ANYTHING = dict.fromkeys(VARIABLES, "/anything")


def zygote_of(settings: Settings) -> Zygote:
    """The helper process of a worker, not yet started; with the program warm where it may be."""
    preload = None
    if settings.warm:
        beside = None
        if settings.engine == "fake":
            # The launcher which cases have on their PATH, and what it imports.
            launcher = FakeEngine(Path(settings.client), settings.images).client
            beside = (str(launcher), str(Path(settings.client).parent), "engine")
        preload = Preload(settings.program[0], settings.warm, COMMON_ENVIRONMENT, beside)
    return Zygote(preload=preload) if settings.lock else NoLock(preload=preload)


def command_of(cell: Cell, contract: Contract) -> str:
    """The command that a cell is about, for grids; ``awl`` where it is about none in particular."""
    words = bind(cell, _ANYTHING).steps[0].argv
    if words[:1] != ("awl",):  # a shell line around the program
        _, _, behind = " ".join(words).partition("awl ")
        words = ("awl", *behind.split())
    found = subcommand(words)
    return found if found in contract.commands else "awl"


def result_of(cell: Cell, contract: Contract, status: Status, reason: str = "") -> Result:
    """A result without evidence yet."""
    return Result(
        cell=cell.id,
        case=cell.case.id,
        runtime=cell.runtime,
        command=command_of(cell, contract),
        requirements=cell.case.covers,
        polarity=cell.case.polarity,
        status=status,
        reason=reason,
    )


@frozen
class _Scenery:
    """What playing one cell gave, before it is judged."""

    checks: tuple[Check, ...] = ()
    records: tuple[StepRecord, ...] = ()
    first: Evidence | None = None
    blocked: str = ""
    error: str = ""

    @property
    def good(self) -> bool:
        return not self.blocked and not self.error and all(check.ok for check in self.checks)


class Worker:
    """Plays cells one after the other. A context manager: its zygote lives as long as it does."""

    def __init__(self, suite: Suite, settings: Settings, name: str = "w0") -> None:
        self._suite = suite
        self._settings = settings
        self._name = name
        self._count = 0
        self._repeats = _REPEATS
        self._answered = False
        self._silent = 0
        self._engine = engine_of(settings)
        # Sockets that rule the machine are covered up, but for that of the engine under test.
        own = settings.engine_env.get("DOCKER_HOST", "").removeprefix("unix://")
        self._hidden = [path for path in CONTROL_SOCKETS if not own or path != Path(own)]
        self._zygote = zygote_of(settings)

    def __enter__(self) -> Self:
        self._zygote.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._zygote.close()

    # ------------------------------------------------------------------ one cell
    def execute(self, cell: Cell) -> Result:
        """Play ``cell`` and judge it. Never raises for what the program does."""
        started = time.monotonic()
        result = result_of(cell, self._suite.contract, Status.BLOCKED)
        if self._settings.root_cause:
            return evolve(result, reason=self._settings.root_cause)
        if self._silent >= _SILENT_SCENES:
            hangs = f"the program hangs: no call of it has ended in {self._silent} scenes in a row"
            return evolve(result, reason=hangs)
        if cell.case.needs_lock and not self._settings.lock:
            return evolve(result, reason=f"destructive, and no lock: {self._settings.lock_reason}")
        result = self._in_sandbox(cell, result)
        if result.status is Status.FAIL and self._repeats > 0:
            self._repeats -= 1
            if self._in_sandbox(cell, result).status in (Status.PASS, Status.UNSUPPORTED):
                reason = "failed, and passed when it was played again at once"
                result = evolve(result, status=Status.FLAKY, reason=reason)
        return evolve(result, seconds=round(time.monotonic() - started, 4))

    def _in_sandbox(self, cell: Cell, result: Result) -> Result:
        """Play ``cell`` in a sandbox of its own."""
        sandbox = self._sandbox(cell)
        result = evolve(result, sandbox=sandbox.path.name)
        try:
            return self._play_with_control(cell, sandbox, result)
        except Exception as error:  # noqa: BLE001 - a defect of the suite is a status of its own
            told = "".join(traceback.format_exception(error)[-2:])
            return evolve(result, status=Status.ERROR, reason=f"the suite failed: {told}")
        finally:
            if not self._settings.keep:
                sandbox.remove()

    def _sandbox(self, cell: Cell) -> Sandbox:
        self._count += 1
        name = f"{self._name}-{self._count}"
        remote = self._settings.remotes.get("host", "")
        return Sandbox(
            path=self._settings.folder / "cases" / name,
            toolbox=self._settings.toolbox,
            prefix=f"{self._settings.stamp}-{name}-{cell.runtime[:1]}",
            rewrites=rewrites_of(remote) if remote else {},
        )

    def _play_with_control(self, cell: Cell, sandbox: Sandbox, result: Result) -> Result:
        sandbox.create()
        control = control_of(self._suite, cell)
        if control is not None:
            scenery = self._play(control, sandbox)
            if not scenery.good:
                return evolve(result, reason=_control_failed(control, scenery))
            sandbox.sweep()
        return _judge(cell, self._play(cell, sandbox), result)

    def _play(self, cell: Cell, sandbox: Sandbox) -> _Scenery:
        try:
            with self._zygote.open_case(sandbox.path, hidden=self._hidden) as lock:
                return self._play_locked(cell, sandbox, lock)
        except LockError as error:
            return _Scenery(error=f"the lock failed: {error}")

    def _play_locked(self, cell: Cell, sandbox: Sandbox, lock: CaseLock) -> _Scenery:
        stage = Stage(cell.runtime, self._patience(), sandbox, lock, self._engine)
        bound = bind(cell, self._variables(cell, sandbox))
        scene = Scene(cell, bound, self._suite.contract, stage)
        checks: list[Check] = []
        first: Evidence | None = None
        try:
            for evidence in scene.play():
                first = first or evidence
                found = examine(evidence)
                checks += found
                # What follows a step that went wrong would only repeat its failure.
                if not all(check.ok for check in found):
                    break
            leaks = tuple(_leaks(stage))
        except SceneBlockedError as error:
            self._clear(stage)
            return _Scenery(tuple(checks), tuple(stage.records), first, blocked=str(error))
        except (RuntimeError, ValueError) as error:
            self._clear(stage)
            return _Scenery(tuple(checks), tuple(stage.records), first, error=str(error))
        finally:
            self._listen(stage.records)
        return _Scenery((*checks, *leaks), tuple(stage.records), first)

    def _patience(self) -> Settings:
        """The settings of a scene: one that has never answered is not waited for as long."""
        if self._answered:
            return self._settings
        limit = min(self._settings.timeout, _FIRST_ANSWER_SECONDS)
        return evolve(self._settings, timeout=limit)

    def _listen(self, records: Iterable[StepRecord]) -> None:
        """Take note of whether any call of the program has ended."""
        own = self._settings.program[0]
        calls = [record for record in records if record.argv[:1] == (own,)]
        if any(not record.timed_out for record in calls):
            self._answered, self._silent = True, 0
        elif calls:
            self._silent += 1

    def _clear(self, stage: Stage) -> None:
        try:
            self._engine.clear(stage.sandbox, stage.ask, stage.lock.kill)
        except (RuntimeError, SceneBlockedError) as error:
            stage.records.append(_note(f"the engine could not be cleared: {error}"))

    def _variables(self, cell: Cell, sandbox: Sandbox) -> dict[str, str]:
        settings = self._settings
        return {
            "root": str(sandbox.root),
            "home": str(sandbox.home),
            "sandbox": str(sandbox.path),
            "tmp": str(sandbox.tmp),
            "remote": settings.remotes.get(cell.runtime, settings.remotes.get("host", "")),
            "repos": str(settings.repositories),
            "prefix": sandbox.prefix,
            "image": settings.image,
            "canary": settings.canary,
            "program": settings.program[0],
            "address": settings.remotes.get(cell.runtime, "").partition("://")[2],
        }


def _note(text: str) -> StepRecord:
    return StepRecord("suite", (), {}, None, None, "", text, 0.0)


def _control_failed(control: Cell, scenery: _Scenery) -> str:
    bad = next((check for check in scenery.checks if not check.ok), None)
    why = scenery.blocked or scenery.error
    if bad is not None:
        why = f"{bad.oracle}: expected {bad.expected}, observed {bad.observed}"
    return f"its control {control.id} did not pass: {why}"


# ---------------------------------------------------------------------- leaks
def _leaks(stage: Stage) -> Iterator[Check]:
    """What the scene left behind beside its workspaces: processes and temporary files (KIT-4).

    Containers are no leak, cases end with workspaces: they are looked at (ENG-3) and removed first,
    since the fake's are processes too.
    """
    for document in stage.engine.documents(stage.sandbox):
        name = document["Name"].removeprefix("/")
        for found in privileges(document, stage.root()):
            yield Check("privileges", False, "no container gets more than any", f"{name} {found}")
    stage.engine.clear(stage.sandbox, stage.ask, stage.lock.kill)
    if left := stage.lock.leaks():
        shown = "; ".join(f"{p.pid} {' '.join(p.argv)[:100]}" for p in left[:5])
        yield Check("leaks", False, "no process is left behind", shown)
    if litter := sorted(path.name for path in stage.sandbox.tmp.iterdir()):
        yield Check("leaks", False, "nothing is left in TMPDIR", ", ".join(litter[:8]))


# ---------------------------------------------------------------------- verdicts
def _judge(cell: Cell, scenery: _Scenery, result: Result) -> Result:
    result = evolve(result, checks=scenery.checks, steps=scenery.records)
    if scenery.error:
        return evolve(result, status=Status.ERROR, reason=scenery.error)
    if scenery.blocked:
        return evolve(result, status=Status.BLOCKED, reason=scenery.blocked)
    if scenery.good and not scenery.checks:
        return evolve(result, status=Status.ERROR, reason="the case looks at nothing")
    today = dt.datetime.now(tz=dt.UTC).date()
    status, reason = status_of(cell, good=scenery.good, first=scenery.first, today=today)
    return evolve(result, status=status, reason=reason)


def status_of(
    cell: Cell, *, good: bool, first: Evidence | None, today: dt.date
) -> tuple[Status, str]:
    """The status of a cell that was played to its end, and why.

    ``good``: every check held. ``first``: the evidence of its first step. ``today``: the day of the
    run, by which a declared divergence may have expired.
    """
    if cell.plan == "diverged" and cell.parity is not None:
        return _divergence(cell.parity, good=good, first=first, today=today)
    if good:
        return (Status.UNSUPPORTED if cell.plan == "refusal" else Status.PASS), ""
    refusal = cell.plan == "refusal"
    return Status.FAIL, "declared unsupported, but not refused cleanly" if refusal else ""


def _divergence(
    entry: ParityEntry, *, good: bool, first: Evidence | None, today: dt.date
) -> tuple[Status, str]:
    if good:
        reason = f"declared diverged ({entry.reason}), but conforms now: take the entry out"
        return Status.STALE, reason
    if entry.expires is not None and entry.expires < today:
        return Status.FAIL, f"its divergence expired {entry.expires}"
    matches = (
        entry.signature is not None
        and first is not None
        and first.exit == entry.signature.exit
        and (entry.signature.error is None or found_error_code(first) == entry.signature.error)
    )
    if not matches:
        return Status.FAIL, "fails in another way than declared"
    return Status.DIVERGED, entry.reason or ""
