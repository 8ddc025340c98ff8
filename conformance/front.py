"""What one pytest process holds of a run: its data, its plan, its worker, and the results so far.

The hooks of ``conformance.plugin`` ask it; it knows nothing of collection and items.
"""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from attrs import define, field

from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.matrix import expand
from conformance.execute import Worker, command_of, engine_of, result_of
from conformance.kit.repro import clear_repros, write_repro
from conformance.reports import terminal
from conformance.reports.again import target_words
from conformance.reports.events import Events
from conformance.reports.header import Selection, header_of
from conformance.reports.plan import Plan, PlanError, planned_cells
from conformance.reports.publish import RESULTS, publish
from conformance.reports.shard import durations_digest, load_durations, parse_shard
from conformance.results import Result, ResultsWriter, Status, Tally, Verdict, judge
from conformance.run import Options, Run
from conformance.settings import Settings
from conformance.world.program import default_program, why_unusable

__all__ = ["Front", "front_of", "keep_front"]

_FRONT: "pytest.StashKey[Front]" = pytest.StashKey()


@define
class Front:
    """What one pytest process holds of a run: data, plan, results, and its worker."""

    config: pytest.Config
    suite: Suite
    matrices: Path
    settings: Settings | None = None
    planned: dict[str, tuple[str, str]] = field(factory=dict)
    results: dict[str, Result] = field(factory=dict)
    verdict: Verdict | None = None
    published: tuple[str, ...] = ()
    _plan: Plan | None = None
    _stack: contextlib.ExitStack = field(factory=contextlib.ExitStack)
    _worker: Worker | None = None
    _writer: ResultsWriter | None = None
    _progress: terminal.Progress | None = None
    _events: Events | None = None

    # ------------------------------------------------------------------ the plan
    @property
    def selection(self) -> Selection:
        """What the operator chose to plan."""
        option = self.config.option
        shard = parse_shard(option.awl_shard) if option.awl_shard else None
        return Selection(
            engine=option.awl_engine,
            runtimes=tuple(option.awl_runtime),
            select=option.awl_select,
            skip=option.awl_skip,
            shard=shard,
            durations=durations_digest(load_durations()) if shard else "",
            draft=option.awl_draft,
        )

    @property
    def target(self) -> tuple[str, ...]:
        """The options that name what is run, for a line that plays it again."""
        option = self.config.option
        return target_words(
            program=option.awl_program or "",
            engine=option.awl_engine,
            image=option.awl_image,
            matrices=str(self.matrices),
        )

    @property
    def chosen(self) -> Plan:
        """The selected cells that this engine can run."""
        if self._plan is None:
            try:
                self._plan = planned_cells(self.suite, self.selection)
            except PlanError as error:
                raise pytest.UsageError(str(error)) from error
        return self._plan

    def cells_of(self, file: str) -> Iterator[Cell]:
        """The planned cells of one file of cases."""
        return (c for c in self.chosen.cells.values() if Path(c.case.file).name == file)

    def plan(self, ids: Iterable[str]) -> None:
        """Take note of the cells that pytest is going to run.

        Of ``awl-conformance run`` all chosen cells are planned: one that is not even collected is
        lost, and seen to be. Plain pytest may narrow the plan by its own options (``-k``).
        """
        known, option = self.chosen.cells, self.config.option
        contract = self.suite.contract
        self.planned = {
            id_: (known[id_].runtime, command_of(known[id_], contract))
            for id_ in (known if option.awl_page else ids)
        }
        if self._writer is not None:
            self._writer.plan(self.planned)
        if option.awl_events:
            self._events = Events(sys.stdout)
            self._events.start(self.planned, self.selection)
            _stop_unread(self._events)
        if option.awl_page:
            self._progress = terminal.Progress(sys.stderr, len(self.planned))

    # ------------------------------------------------------------------ running
    def open_run(self) -> None:
        """Make the run's world (controller only)."""
        option = self.config.option
        run = Run(
            Options(
                program=_program(option.awl_program),
                engine=option.awl_engine,
                image=option.awl_image,
                runtimes=tuple(option.awl_runtime),
                lock=option.awl_lock != "off",
                fork_server=option.awl_fork_server != "off",
                keep=option.awl_keep,
                first_word=not option.awl_no_first_word,
                matrices=self.matrices,
            ),
            self.suite,
        )
        self.settings = self._stack.enter_context(run).settings
        seed = option.awl_seed
        header = header_of(self.suite, self.settings, self.selection, seed)
        clear_repros(self.out / "repro")
        self._writer = ResultsWriter(self.out / RESULTS, header)

    @property
    def out(self) -> Path:
        """The folder of results."""
        return Path(self.config.option.awl_out).absolute()

    def execute(self, cell: Cell) -> Result:
        """Run one cell in this process's worker."""
        if cell.id in self.chosen.skipped:
            return result_of(cell, self.suite.contract, Status.SKIPPED, "the operator skips it")
        if self._worker is None:
            if self.settings is None:
                raise RuntimeError("the run was not opened")
            name = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
            self._worker = self._stack.enter_context(Worker(self.suite, self.settings, name))
        return self._worker.execute(cell)

    def record(self, result: Result) -> None:
        """Keep a result, write it down, show it (controller only)."""
        self.results[result.cell] = result
        if self._writer is not None:
            self._writer.add(result)
        if self._progress is not None:
            self._progress.add(result)
        if self._events is not None:
            self._events.cell(result)
            _stop_unread(self._events)

    def close(self) -> None:
        """Judge, write the footer, the reports and the reproductions, take the world down."""
        try:
            if self._writer is not None and self.settings is not None:
                tally = Tally.of(self.planned, self.results)
                gaps = len(self.suite.gaps)
                shards = self.selection.shard[1] if self.selection.shard else 1
                cause = self.settings.root_cause
                self.verdict = judge(tally, cause, gaps=gaps, shards=shards)
                self._writer.close(tally, self.verdict)
                if self.planned:
                    self.published = publish(self.out, self.suite, dict(self.chosen.cells))
                if self._events is not None:
                    self._events.end(tally, self.verdict, self.out)
                for result in self.results.values():
                    if result.status in (Status.FAIL, Status.STALE):
                        write_repro(self.out / "repro", result, self.settings)
        finally:
            self._stack.close()

    def page(self, style: terminal.Style) -> str:
        """The last page of the run."""
        settings, verdict = self.settings, self.verdict
        if settings is None or verdict is None or self._plan is None:
            return ""
        notes = [
            f"target  {' '.join(settings.program)}, engine {settings.engine}",
            "lock    " + ("holds" if settings.lock else f"none: {settings.lock_reason}"),
            "calls   "
            + ("forked" if settings.warm else "exec'd")
            + (settings.warm_note and f": {settings.warm_note}"),
        ]
        if select := self.config.option.awl_select:
            whole = sum(1 for _ in expand(self.suite, self.config.option.awl_runtime or None))
            notes.append(f"chosen  {select}: {len(self.planned)} of {whole} cells")
        real = settings.engine != "fake"
        kind = "a real engine" if real else "the fake"
        if real and not engine_of(settings).address:
            notes.append("eye     none: only its client finds this engine, so privileges go unseen")
        if alone := self.chosen.alone:
            notes.append(f"alone   {alone} of the cells can be run by {kind} only")
        if left_out := self.chosen.left_out:
            notes.append(f"beside  {left_out} more cells, which this engine cannot run")
        return terminal.summary(
            planned=self.planned,
            results=self.results,
            texts={id_: r.text for id_, r in self.suite.contract.requirements.items()},
            verdict=verdict,
            notes=notes,
            style=style,
            target=self.target,
            out=f"{self.out} ({', '.join((RESULTS, *self.published))})",
        )

    def finish_progress(self) -> None:
        """Leave the moving line, so that the page starts on a line of its own."""
        if self._progress is not None:
            self._progress.finish()


def _stop_unread(events: Events) -> None:
    """End a run whose events nobody reads any more; what it came to is judged and kept."""
    if events.gone:
        pytest.exit("the reader of the events is gone")


def _program(option: str | None) -> tuple[str, ...]:
    """The launcher under test: the operator's, else the awl installed beside this suite."""
    if option and (problem := why_unusable(option)):
        raise pytest.UsageError(f"--awl-program {option}: {problem}")
    return (option or default_program(),)


def keep_front(front: Front) -> None:
    """Keep the front with the configuration of its pytest process."""
    front.config.stash[_FRONT] = front


def front_of(config: pytest.Config) -> Front:
    """The front of this pytest process."""
    return config.stash[_FRONT]
