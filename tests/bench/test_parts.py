"""The machine's facts, the accounts of cases, the plan, and the workloads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench import accounting, machine, workloads
from bench.figures import GROUPS, Plan
from bench.figures.plan import Wanted, told
from bench.measure import CommandFailed, spread
from bench.place import CHECKOUT, Unavailable
from conformance import resources
from conformance.catalogue.coverage import allowed, covering_rows
from conformance.catalogue.matrix import load_suite
from conformance.lock import client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.figure import Figure

GOOD = CHECKOUT / "tests" / "conformance" / "data" / "good"
ONE = Wanted("one", "g", "x", 1.5, "one ÷ yard")
TWO = Wanted("two", "g", "calls", 1.0, "two", exact=True)


# ---------------------------------------------------------------------- facts
def test_the_cpu_model_is_that_of_the_first_processor() -> None:
    text = "processor\t: 0\nmodel name\t: AMD  EPYC 7B13\n\nprocessor\t: 1\nmodel name\t: Other\n"
    assert machine.cpu_model(text) == "AMD EPYC 7B13"
    assert machine.cpu_model("processor\t: 0\nBogoMIPS\t: 50.00\n") == ""


def test_memory_is_told_in_gib() -> None:
    assert machine.memory_gib("MemTotal:        8129656 kB\nMemFree: 1 kB\n") == "7.8 GiB"
    assert machine.memory_gib("") == "unknown"


def test_the_system_is_called_by_its_pretty_name() -> None:
    assert machine.system_name('ID=debian\nPRETTY_NAME="Debian 12"\n') == "Debian 12"
    assert machine.system_name("") == "unknown"


def test_facts_name_neither_the_host_nor_a_person_nor_a_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    found = machine.facts()
    assert found["real engine"] == "none (no real engine: DOCKER_HOST is not set)"
    assert found["git"].startswith("2.")
    shown = " ".join(found.values())
    assert os.uname().nodename not in shown.split()
    assert str(Path.home()) not in shown


# ---------------------------------------------------------------------- plan
def test_what_a_group_does_not_get_to_is_told_with_the_reason() -> None:
    def measure() -> Iterator[Figure]:
        yield ONE.found(spread([1.0]))
        raise Unavailable("no engine")

    first, second = told((ONE, TWO), measure)
    assert first.measured is not None
    assert (second.name, second.why_not, second.exact) == ("two", "no engine", True)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (CommandFailed("`awl` ended with 1: no"), "`awl` ended with 1: no"),
        (subprocess.TimeoutExpired("awl", 5), "it took longer than 5 s"),
    ],
)
def test_commands_that_fail_are_a_reason(error: Exception, why: str) -> None:
    def measure() -> Iterator[Figure]:
        raise error
        yield

    assert [why] == [figure.why_not for figure in told((ONE,), measure)]


def test_a_defect_of_the_benchmark_is_no_reason_but_an_error() -> None:
    def measure() -> Iterator[Figure]:
        raise KeyError("defect")
        yield

    with pytest.raises(KeyError):
        list(told((ONE,), measure))


def test_without_a_real_engine_its_figures_are_listed_as_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    found = [*GROUPS["container-real"](Plan(quick=True)), *GROUPS["fake"](Plan(quick=True))]
    assert len(found) == 4
    assert {"no real engine: DOCKER_HOST is not set"} == {figure.why_not for figure in found}


# ---------------------------------------------------------------------- accounts
def test_accounts_are_summed_up() -> None:
    accounts = accounting.Accounts(["0.010000 0.500000", "0.020000 1.250000"])
    assert (accounts.cases, accounts.keepers, accounts.programs) == (2, 0.03, 1.75)


def test_a_run_that_told_nothing_has_no_accounts(tmp_path: Path) -> None:
    assert accounting.read(tmp_path / "none").cases == 0


def test_a_keeper_tells_what_the_programs_of_its_case_cost(tmp_path: Path) -> None:
    """In a process of its own, as in a run: the plugin changes how zygotes start."""
    accounts = tmp_path / "accounts"
    program = f"""
import pathlib, sys, time
from bench import accounting
accounting.pytest_configure()
accounting.pytest_configure()  # twice is as good as once
from conformance.drivers import process
from conformance.lock.client import NoLock
sandbox = pathlib.Path({str(tmp_path)!r})
burn = "import time\\nwhile time.process_time() < 0.3: pass"
with NoLock() as zygote, zygote.open_case(sandbox) as lock:
    argv = [sys.executable, "-IS", "-c", burn]
    assert process.run(lock, argv, env={{}}, cwd=sandbox, timeout=30).exit == 0
"""
    subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, accounting.VARIABLE: str(accounts)},
        cwd=CHECKOUT,
        check=True,
        timeout=60,
    )
    found = accounting.read(accounts)
    # The zygote tries the lock with a case of its own, in which nothing is started.
    assert found.cases >= 1
    assert 0.3 <= found.programs < 3
    assert found.keepers < 0.3


def test_zygotes_are_left_alone_where_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    before = client._START
    monkeypatch.delenv(accounting.VARIABLE, raising=False)
    accounting.pytest_configure()
    assert before == client._START


# ---------------------------------------------------------------------- workloads
def test_expansion_makes_as_many_cells_as_asked_for() -> None:
    found = workloads.expansion_of(load_suite(GOOD), 5000)
    assert found["cells"] == 5000
    assert found["seconds"] > 0


def test_the_model_of_the_command_line_has_rules_that_leave_rows() -> None:
    suite = load_suite(GOOD, allow_gaps=True)
    sizes, rules = workloads.command_line_model(suite.contract)
    assert len(suite.contract.commands) == sizes[3]
    rows = covering_rows(sizes, 2, rules)
    assert all(allowed(row, rules) for row in rows)


def test_a_workload_prints_one_json_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "matrices", lambda: GOOD)
    assert workloads.main(["unknown"]) == 2
    assert "expected" in capsys.readouterr().err
    assert workloads.main(["three-wise"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] > 0


# ---------------------------------------------------------------------- the whole
def test_a_partial_run_prints_a_page_and_writes_none(tmp_path: Path) -> None:
    page = CHECKOUT / "docs" / "PERFORMANCE.md"
    before = page.read_bytes() if page.exists() else None
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--only", "memory"],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "| peak memory of `awl` |" in done.stdout
    assert "quick look" in done.stdout
    assert before == (page.read_bytes() if page.exists() else None)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_group_is_a_usage_error_that_names_all() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--only", "nothing"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert all(name in done.stderr for name in GROUPS)
