"""The pytest front end: cells are collected from the data and run by ``execute``.

``pytest -p conformance.plugin`` runs the suite that this package carries; ``-n 2``, ``-k``, ``-x``
and ``--lf`` work as always. Results travel from workers to the controller inside pytest's reports;
the controller alone writes ``results.jsonl`` and judges. pytest's outcomes are never judged: ten
statuses do not fit in three.
"""

import contextlib
import gc
import json
import os
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from conformance import resources
from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.dataerror import DataErrors
from conformance.catalogue.matrix import expand, load_suite
from conformance.execute import Worker, command_of, engine_of, result_of
from conformance.kit.repro import write_repro
from conformance.reports import terminal
from conformance.reports.events import Events
from conformance.reports.header import Selection, header_of
from conformance.reports.plan import Plan, PlanError, planned_cells
from conformance.reports.publish import RESULTS, publish
from conformance.reports.shard import durations_digest, load_durations, parse_shard
from conformance.results import Result, ResultsWriter, Status, Tally, Verdict, judge
from conformance.run import EnvironmentProblem, Options, Run
from conformance.settings import Settings

__all__ = ["CellItem", "Front", "case_files", "front_of"]

_PROPERTY = "awl-result"
_WORKERINPUT = "awl_settings"
_WORKERDIGEST = "awl_digest"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run; ``awl-conformance run`` sets them too."""
    group = parser.getgroup("conformance", "conformance of a workspace launcher")
    add = group.addoption
    add("--awl-program", metavar="PATH", help="the launcher under test (default: awl on PATH)")
    add("--awl-engine", default="fake", metavar="NAME", help="fake, docker or podman")
    add("--awl-image", default="", metavar="IMAGE", help="the image that workspaces use")
    add("--awl-runtime", action="append", default=[], metavar="RUNTIME", help="only these")
    add("--awl-select", default="", metavar="EXPR", help="only the cells for which EXPR holds")
    add("--awl-skip", default="", metavar="EXPR", help="plan these cells, and do not play them")
    add("--awl-matrices", default="", metavar="DIR", help="other data than the package's")
    add("--awl-out", default="conformance-results", metavar="DIR", help="where results go")
    add("--awl-lock", default="auto", choices=("auto", "off"), help="off: destructive cells block")
    add("--awl-fork-server", default="auto", choices=("auto", "off"), help="off: always exec")
    add("--awl-seed", type=int, default=0, metavar="N", help="shuffle the order of cells")
    add("--awl-draft", action="store_true", help="data may have gaps")
    add("--awl-keep", action="store_true", help="keep the sandboxes")
    add("--awl-no-first-word", action="store_true", help="run all cells of a dead program too")
    add("--awl-shard", default="", metavar="I/N", help="only this part of the plan")
    add("--awl-events", action="store_true", help="print events as JSON lines for tools")
    add("--awl-page", action="store_true", help="print progress and the suite's own last page")


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
            out=f"{self.out} ({', '.join((RESULTS, *self.published))})",
        )

    def finish_progress(self) -> None:
        """Leave the moving line, so that the page starts on a line of its own."""
        if self._progress is not None:
            self._progress.finish()


def _program(option: str | None) -> tuple[str, ...]:
    """The launcher under test: the operator's, else the awl installed beside this suite."""
    if option:
        return (option,)
    beside = Path(sys.executable).parent / "awl"
    return (str(beside) if beside.exists() else "awl",)


_FRONT = pytest.StashKey[Front]()


def front_of(config: pytest.Config) -> Front:
    """The front of this pytest process."""
    return config.stash[_FRONT]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _is_distributed(config: pytest.Config) -> bool:
    return bool(getattr(config.option, "tx", None)) and not _is_worker(config)


# ---------------------------------------------------------------------- pytest's hooks
def pytest_configure(config: pytest.Config) -> None:
    """Load the data; a defect in it ends the run before anything is collected."""
    matrices = Path(config.option.awl_matrices or resources.matrices()).absolute()
    try:
        met = vars(config)["workerinput"][_WORKERDIGEST] if _is_worker(config) else ""
        suite = load_suite(matrices, allow_gaps=config.option.awl_draft, met=met)
    except DataErrors as error:
        raise pytest.UsageError(str(error)) from error
    front = config.stash[_FRONT] = Front(config, suite, matrices)
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = map(str, case_files(matrices))
    if _is_worker(config):
        front.settings = Settings.loads(config.workerinput[_WORKERINPUT])  # type: ignore[attr-defined]
    else:
        config.pluginmanager.register(_Recorder(front), "conformance-recorder")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Make the run's world, before xdist starts its workers."""
    if _is_worker(session.config) or session.config.option.collectonly:
        return
    try:
        front_of(session.config).open_run()
    except EnvironmentProblem as error:
        pytest.exit(f"environment: {error}", returncode=3)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the run's world to an xdist worker."""
    settings = front_of(node.config).settings
    node.workerinput[_WORKERINPUT] = settings.dumps() if settings else ""
    node.workerinput[_WORKERDIGEST] = front_of(node.config).suite.digest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "CaseFile | None":
    """The data's case files are collected, and the parity matrix with its probes."""
    if file_path not in case_files(front_of(parent.config).matrices):
        return None
    return CaseFile.from_parent(parent, path=file_path)


def case_files(matrices: Path) -> list[Path]:
    """The files that hold cells: those of the cases, and the parity matrix, which has probes."""
    return [*sorted((matrices / "cases").glob("*.yaml")), matrices / "parity.yaml"]


class CaseFile(pytest.File):
    """One file of cases."""

    def collect(self) -> Iterator["CellItem"]:
        """The selected cells of this file."""
        for cell in front_of(self.config).cells_of(self.path.name):
            yield CellItem.from_parent(self, name=cell.id, cell=cell)


class CellFailedError(Exception):
    """A cell whose status is not good; the message is its failure as the terminal shows it."""


class CellItem(pytest.Item):
    """One cell as a pytest item."""

    def __init__(self, *, cell: Cell, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell

    def runtest(self) -> None:
        """Execute the cell; its result travels in ``user_properties``."""
        front = front_of(self.config)
        result = front.execute(self.cell)
        self.user_properties.append((_PROPERTY, json.dumps(result.to_json())))
        if result.status in (Status.PASS, Status.UNSUPPORTED, Status.DIVERGED):
            return
        if result.status in (Status.BLOCKED, Status.SKIPPED):
            pytest.skip(f"{result.status}: {result.reason}")
        texts = {id_: r.text for id_, r in front.suite.contract.requirements.items()}
        style = terminal.Style(colour=False, unicode=True)
        raise CellFailedError("\n".join(terminal.failure(result, texts, style)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The failure as a person reads it, without a Python traceback."""
        if isinstance(excinfo.value, CellFailedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case is written."""
        return self.path, max(self.cell.case.line - 1, 0), self.name


def _cell_of(nodeid: str) -> str:
    return nodeid.partition("::")[2]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle by the seed: verdicts do not depend on the order, and this is how it is shown."""
    if seed := config.option.awl_seed:
        random.Random(seed).shuffle(items)  # noqa: S311 - an order, not a secret


def pytest_collection_finish(session: pytest.Session) -> None:
    """Plan what was collected (in a run without xdist, and for --collect-only)."""
    # Data and cells stay to the end; looking through them again and again would find nothing.
    gc.collect()
    gc.freeze()
    if not _is_worker(session.config) and not _is_distributed(session.config):
        items = (item.name for item in session.items if isinstance(item, CellItem))
        front_of(session.config).plan(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Plan what the first worker has collected; xdist itself refuses workers that differ."""
    front = front_of(node.config)
    if not front.planned:
        front.plan(map(_cell_of, ids))


class _Recorder:
    """The hooks that pytest calls without a config; one for each controller."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the result out of a report; a report without one is a cell that the suite lost."""
        front = self._front
        carried = dict(report.user_properties).get(_PROPERTY)
        if report.when == "call" and isinstance(carried, str):
            front.record(Result.from_json(json.loads(carried)))
        elif report.failed and (cell := _cell_of(report.nodeid)) in front.planned:
            reason = str(report.longrepr)[-2000:]
            found = front.chosen.cells[cell]
            front.record(result_of(found, front.suite.contract, Status.ERROR, reason))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Judge the run; its verdict is the exit code."""
    front = front_of(session.config)
    front.close()
    if front.verdict is not None:
        session.exitstatus = front.verdict.exit
        front.finish_progress()
        if session.config.option.awl_page and not session.config.option.awl_events:
            sys.stdout.write(front.page(terminal.Style.of(sys.stdout)) + "\n")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Under plain pytest the page stands at the end of pytest's own."""
    if not config.option.awl_page and not _is_worker(config):
        terminalreporter.write(front_of(config).page(terminal.Style(colour=False, unicode=True)))
