"""Mutants of the launcher by cosmic-ray's operators: which of them does the suite let live?

    tox run -e mutation -- [--sample N] [--cells N] [--seed S] [-n WORKERS] [MODULE…]

A mutant is killed where a cell that the good launcher passes does not pass. Of the cells that cover
a module's requirements those are played that are cheapest, one of each case before a second of any.
It takes long, and what survives has to be read by a person: many mutants are equal to what they
came from. So this gates nothing; seeded faults do (`awl-conformance faults`).
"""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import multiprocessing
import random
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

from conformance import resources
from conformance.catalogue.matrix import expand, load_suite
from conformance.execute import Worker
from conformance.faults.fault import Edit, Fault
from conformance.faults.hunt import STEP_SECONDS, in_order, is_good
from conformance.faults.loader import load_faults
from conformance.faults.workshop import faulty
from conformance.lock import kernel
from conformance.results import Status
from conformance.run import Options, Run
from conformance.settings import Settings
from conformance.world.engines import abilities_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.catalogue.case import Cell, Suite

ROOT = Path(__file__).resolve().parents[1]
#: Modules, and the requirements whose cells look at what they do.
MODULES = {
    "naming.py": ("NAME-*", "CREATE-8", "RM-1c"),
    "repospec.py": ("CREATE-1*", "CREATE-2*", "CREATE-3*", "RESET-2*", "SEC-*"),
    "config.py": ("RT-*", "NAME-6*", "CREATE-6*", "ENG-1*"),
    "runtimes/registry.py": ("RT-*",),
    "runtimes/host.py": ("CREATE-*", "LS-*", "RM-*", "NAME-4", "REL-1*"),
    "runtimes/container.py": ("CREATE-*", "LS-*", "RM-*", "NAME-4", "REL-1*", "ENG-*"),
    "engines/belongings.py": ("CREATE-*", "RM-*", "NAME-4", "REL-1*"),
}
OPERATORS = (
    *(f"ReplaceComparisonOperator_{one}_{other}" for one, other in (
        ("Eq", "NotEq"), ("NotEq", "Eq"), ("Is", "IsNot"), ("IsNot", "Is"),
        ("Lt", "GtE"), ("Gt", "GtE"), ("Gt", "LtE"), ("LtE", "Lt"),
    )),
    *("ReplaceUnaryOperator_Delete_Not", "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    *("ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceBreakWithContinue"),
    *("ReplaceContinueWithBreak", "ExceptionReplacer", "NumberReplacer", "ZeroIterationForLoop"),
)  # fmt: skip
_GOOD = (Status.PASS, Status.UNSUPPORTED)
_MOST = 1000  # occurrences of an operator in a module: a bound, never met


class Mutant(NamedTuple):
    """One change: its module, the operator, which occurrence, and the module's new text."""

    module: str
    operator: str
    occurrence: int
    text: str


class Fate(NamedTuple):
    """What became of a mutant: the cell that killed it, or None, and how many were played."""

    mutant: Mutant
    cell: str | None
    played: int


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, each text once."""
    seen, checked = {source}, source.count("if TYPE_CHECKING:")
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        for occurrence in range(_MOST):
            text = mutate_code(source, operator, occurrence)
            if text is None:
                break
            # What cosmic-ray puts in place of an exception lives in its own process only.
            text = text.replace("CosmicRayTestingException", "ZeroDivisionError")
            if text not in seen and text.count("if TYPE_CHECKING:") == checked:
                seen.add(text)
                yield Mutant(module, name, occurrence, text)


def cells_of(suite: Suite, module: str, most: int) -> list[Cell]:
    """Return at most so many cells that look at a module, in the order in which to play them."""
    able = abilities_of("fake")
    wanted = MODULES[module]
    # What one runtime does by itself is seen in its own cells.
    runtime = module.removeprefix("runtimes/").removesuffix(".py")
    runtimes = [runtime] if runtime in suite.contract.runtimes else None
    found = [
        cell
        for cell in expand(suite, runtimes)
        if cell.case.needs <= able
        and cell.plan == "run"
        and any(fnmatch.fnmatchcase(id_, one) for id_ in cell.case.covers for one in wanted)
    ]
    return in_order(found)[:most]


# ---------------------------------------------------------------------- in each process
_here: dict[str, Any] = {}


def _begin(settings: str, workshop: str, most: int, counter: Any) -> None:
    kernel.die_with_parent()
    world = Settings.loads(settings)
    suite = load_suite(Path(world.matrices))
    with counter.get_lock():
        counter.value += 1
        _here["name"] = f"m{counter.value}"
    _here.update(suite=suite, settings=world, workshop=Path(workshop), count=0)
    _here["subject"] = load_faults(Path(world.matrices), suite, allow_gaps=True).subject
    _here["cells"] = {module: cells_of(suite, module, most) for module in MODULES}


def _try(mutant: Mutant) -> Fate:
    """Play cells on a mutant until one does not pass."""
    _here["count"] += 1
    name = f"{_here['name']}-{_here['count']}"
    source = (ROOT / "awl" / mutant.module).read_text()
    edit = Edit(mutant.module, source, mutant.text)
    fault = Fault(id=name, text="", breaks="", runtimes=(), program=(edit,))
    spoilt = faulty(fault, _here["subject"], _here["settings"], _here["workshop"] / name)
    with Worker(_here["suite"], evolve(spoilt, timeout=STEP_SECONDS), name) as worker:
        for played, cell in enumerate(_here["cells"][mutant.module], 1):
            if worker.execute(cell).status not in _GOOD and _is_good(cell):
                return Fate(mutant, cell.id, played)
    return Fate(mutant, None, len(_here["cells"][mutant.module]))


def _is_good(cell: Cell) -> bool:
    """Whether the good launcher passes a cell, on the same machine and under the same load."""
    known = _here.setdefault("good", {})
    if not known.get(cell.id):
        name = f"{_here['name']}-{_here['count']}-good"
        known |= is_good([cell], _here["suite"], _here["settings"], name)
    return bool(known[cell.id])


def main() -> int:
    """Make mutants, try them, and show those that live; 1 where any does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", choices=[*MODULES, []], metavar="MODULE")
    parser.add_argument("--sample", type=int, default=0, help="so many of each module [all]")
    parser.add_argument("--cells", type=int, default=120, help="a mutant that so many spare lives")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-n", type=int, default=2, dest="workers")
    chosen = parser.parse_args()
    found = []
    for module in chosen.modules or MODULES:
        mutants = list(mutants_of(module, (ROOT / "awl" / module).read_text()))
        count = min(chosen.sample or len(mutants), len(mutants))
        found += random.Random(chosen.seed).sample(mutants, count)
        print(f"{module}: {count} of {len(mutants)} mutants", file=sys.stderr)
    started = time.monotonic()
    suite = load_suite(resources.matrices())
    options = Options(
        program=(str(Path(sys.executable).parent / "awl"),),
        fork_server=True,
        matrices=resources.matrices().absolute(),
    )
    context = multiprocessing.get_context("spawn")
    with (
        Run(options, suite) as run,
        tempfile.TemporaryDirectory(prefix="awl-mutants-") as workshop,
        ProcessPoolExecutor(
            chosen.workers,
            mp_context=context,
            initializer=_begin,
            initargs=(run.settings.dumps(), workshop, chosen.cells, context.Value("i", 0)),
        ) as pool,
    ):
        if not run.settings.lock:
            print(f"no lock: {run.settings.lock_reason}", file=sys.stderr)
            return 3
        fates = []
        for done in as_completed([pool.submit(_try, mutant) for mutant in found]):
            if problem := done.exception():
                print(f"not tried: {problem}", file=sys.stderr)
                continue
            fates.append(done.result())
            print(f"{len(fates)}/{len(found)} {_shown(fates[-1])}", file=sys.stderr, flush=True)
    alive = sorted(fate.mutant for fate in fates if fate.cell is None)
    for mutant in alive:
        source = (ROOT / "awl" / mutant.module).read_text()
        lines = difflib.unified_diff(
            source.splitlines(), mutant.text.splitlines(), n=0, lineterm=""
        )
        print(f"{mutant.module} {mutant.operator} {mutant.occurrence}")
        print("\n".join(line for line in lines if line[:3] not in ("---", "+++")))
    spent = time.monotonic() - started
    print(f"\nscore: {len(fates) - len(alive)} of {len(fates)} mutants killed in {spent:.0f} s")
    return 1 if alive else 0


def _shown(fate: Fate) -> str:
    how = f"killed by {fate.cell}" if fate.cell else "LIVES"
    mutant = fate.mutant
    return f"{mutant.module} {mutant.operator} {mutant.occurrence}: {how} ({fate.played} cells)"


if __name__ == "__main__":
    sys.exit(main())
