"""The suite itself: how fast its cells run, what it takes for its own, what expansion costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import accounting
from bench.figures.plan import Plan, Wanted, told
from bench.measure import Command, CommandFailed, Sample, Spread, once, spread
from bench.place import CHECKOUT, program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.figure import Figure

__all__ = ["measure", "measure_expansion"]

_WORKERS = 2
_CELLS = 1500
_EXPANDED = 100_000
_LIMIT = 900.0
_QUICK = "RM-1c"
_RUN = f"`awl-conformance run --engine fake -n {_WORKERS}`"

_SECONDS = Wanted(
    f"hermetic run, per {_CELLS:,} cells",
    "suite",
    "s",
    120.0,
    f"wall time of {_RUN} ÷ its cells times {_CELLS:,}",
)
_RATE = Wanted("cells per second", "suite", "cells/s", None, f"cells of {_RUN} ÷ its wall time")
_SHARE = Wanted(
    "the suite's own share",
    "suite",
    "x",
    1.2,
    f"wall time of {_RUN} times cores in use ÷ CPU time of all that its cases spawned (each case's "
    "keeper tells its RUSAGE_CHILDREN when the case is closed)",
)
_WORKER = Wanted(
    "peak memory of a suite worker",
    "suite",
    "MiB",
    250.0,
    f"the largest process of {_RUN}, as `wait4` tells it",
)
_EXPANSION = Wanted(
    f"expansion of {_EXPANDED:,} cells",
    "expansion",
    "s",
    2.0,
    "one case of four axes and one rule, expanded in a process of its own",
)
_GROWTH = Wanted(
    f"memory growth while expanding {_EXPANDED:,} cells",
    "expansion",
    "MiB",
    1.0,
    "peak memory after the last cell minus that after the 1,000th (flat: at most 1 MiB)",
)
_THREE_WISE = Wanted(
    "3-wise array of the real model",
    "expansion",
    "s",
    0.5,
    "making and checking the 3-wise array of the contract's whole command line (runtime, via, "
    "output, command, option; an option only with its own command), in a process of its own",
)


# ---------------------------------------------------------------------- running cells
def measure(plan: Plan) -> Iterator[Figure]:
    """Whole hermetic runs; a quick one plays one requirement, so start-up weighs more."""
    wanted = (_SECONDS, _RATE, _SHARE, _WORKER)
    return told(wanted, lambda: _measure(plan))


class _Run:
    """One hermetic run: its sample, its counts by status, and what its cases cost."""

    def __init__(self, plan: Plan) -> None:
        with tempfile.TemporaryDirectory(prefix="awl-bench-") as made:
            folder = Path(made)
            accounts = folder / "accounts"
            self.sample = once(_command(plan, folder / "out", accounts))
            self.accounts = accounting.read(accounts)
            lines = (folder / "out" / "results.jsonl").read_text().splitlines()
        footer = json.loads(lines[-1]).get("footer")
        if not footer or not footer["planned"]:
            raise CommandFailed("the run did not get to its end")
        self.cells: int = footer["planned"]
        self.counts: dict[str, int] = footer["counts"]

    @property
    def rate(self) -> float:
        """Cells per second of wall time."""
        return self.cells / self.sample.wall

    @property
    def share(self) -> float:
        """Wall time of the cores in use, for each second that the cases' programs needed."""
        return self.sample.wall * _cores() / self.accounts.programs


def _measure(plan: Plan) -> Iterator[Figure]:
    runs = []
    for number in range(1 if plan.quick else 3):
        plan.note(f"hermetic run {number + 1}")
        runs.append(_Run(plan))
    last = runs[-1]
    counts = ", ".join(f"{count} {status}" for status, count in sorted(last.counts.items()))
    shape = f"{last.cells:,} cells ({counts})"
    if plan.quick:
        shape += ", a part of the matrix, so start-up weighs more"
    yield _SECONDS.found(
        spread([run.sample.wall / run.cells * _CELLS for run in runs]),
        f"{shape} in {spread([run.sample.wall for run in runs]).median:.1f} s",
    )
    yield _RATE.found(spread([run.rate for run in runs]), shape)
    yield _WORKER.found(spread([run.sample.peak for run in runs]), shape)
    if last.accounts.programs:
        yield _SHARE.found(spread([run.share for run in runs]), _costs(last.sample, last.accounts))
    else:
        yield _SHARE.missing("the keepers of cases told nothing")


def _costs(sample: Sample, accounts: accounting.Accounts) -> str:
    own = sample.cpu + accounts.keepers
    return (
        f"Wall {sample.wall:.1f} s on {_cores()} cores; CPU of {accounts.cases} opened cases' "
        f"programs {accounts.programs:.1f} s; CPU of the suite {own:.1f} s, of it keepers "
        f"{accounts.keepers:.1f} s (by CPU alone the ratio is "
        f"{(own + accounts.programs) / accounts.programs:.2f}x)"
    )


def _cores() -> int:
    return min(_WORKERS, len(os.sched_getaffinity(0)))


def _command(plan: Plan, out: Path, accounts: Path) -> Command:
    words = ["run", "--engine", "fake", "-n", str(_WORKERS), "--draft", "--out", str(out)]
    if plan.quick:
        words += ["--select", _QUICK]
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    env = {key: os.environ[key] for key in kept if key in os.environ}
    env |= {"PYTEST_ADDOPTS": "-p bench.accounting", "PYTHONPATH": str(CHECKOUT)}
    env[accounting.VARIABLE] = str(accounts)
    # 1 and 4 are verdicts; the page says how many cells passed.
    return Command(
        [program("awl-conformance"), *words], env, codes=frozenset({0, 1, 4}), limit=_LIMIT
    )


# ---------------------------------------------------------------------- expanding
def measure_expansion(plan: Plan) -> Iterator[Figure]:
    """Expansion and covering arrays, each run in a process of its own."""
    times = plan.some(7, 2)

    def expanded() -> Iterator[Figure]:
        found = [_workload("expansion", str(_EXPANDED)) for _ in range(times)]
        yield _EXPANSION.found(
            spread([each["seconds"] for each in found]), f"{found[0]['cells']:,} cells"
        )
        yield _GROWTH.found(_spread(found, "grown"), f"{found[0]['cells']:,} cells")

    def three_wise() -> Iterator[Figure]:
        found = [_workload("three-wise") for _ in range(times)]
        first = found[0]
        sizes = " x ".join(str(size) for size in first["sizes"])
        detail = f"{sizes} values, {first['rules']} rules, {first['rows']} rows; CPU "
        cpu = _spread(found, "cpu").median
        yield _THREE_WISE.found(_spread(found, "seconds"), f"{detail}{cpu:.2f} s")

    yield from told((_EXPANSION, _GROWTH), expanded)
    yield from told((_THREE_WISE,), three_wise)


def _spread(found: list[dict[str, Any]], key: str) -> Spread:
    return spread([each[key] for each in found])


def _workload(*words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.workloads", *words],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    if done.returncode != 0:
        words_ = done.stderr.strip().splitlines()
        raise CommandFailed(words_[-1] if words_ else f"it ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
