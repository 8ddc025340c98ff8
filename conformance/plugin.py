"""The pytest front end: cells are collected from the data and run by ``execute``.

``pytest -p conformance.plugin`` runs the suite that this package carries; ``-n 2``, ``-k``, ``-x``
and ``--lf`` work as always. Results travel from workers to the controller inside pytest's reports;
the controller alone writes ``results.jsonl`` and judges. pytest's outcomes are never judged: ten
statuses do not fit in three.
"""

import gc
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance import resources
from conformance.catalogue.case import Cell
from conformance.catalogue.dataerror import DataErrors
from conformance.catalogue.matrix import load_suite
from conformance.execute import result_of
from conformance.front import Front, front_of, keep_front
from conformance.reports import terminal
from conformance.results import Result, Status
from conformance.run import EnvironmentProblem
from conformance.settings import Settings

__all__ = ["CellItem", "case_files"]

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
    front = Front(config, suite, matrices)
    keep_front(front)
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
        raise CellFailedError("\n".join(terminal.failure(result, texts, style, front.target)))

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
