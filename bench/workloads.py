"""Work of the suite's own, run in a process by itself: ``python -m bench.workloads expansion``.

Each prints one JSON object. A process of its own, so that neither memory nor caches of the
benchmarks are part of the figure.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import evolve

from conformance import resources
from conformance.catalogue import expansion
from conformance.catalogue.case import OUTPUTS, VIAS, Axis, AxisValue
from conformance.catalogue.coverage import covering_rows
from conformance.catalogue.matrix import load_suite

if TYPE_CHECKING:
    from conformance.catalogue.case import Suite
    from conformance.catalogue.contract import Contract
    from conformance.catalogue.coverage import Rule

__all__ = ["command_line_model", "expansion_of", "main", "three_wise"]

_SETTLED = 1000  # cells after which everything that is made once has been made


def expansion_of(suite: Suite, cells: int) -> dict[str, Any]:
    """Expand one case to ``cells`` cells of one runtime: seconds, and MiB that memory grew by.

    The case has three axes beside ``via``; in a runtime that is not the default one a rule leaves
    cells out, so that every row is held against it, as in cases that people write.
    """
    runtime = next(r for r in suite.contract.runtimes if r != suite.contract.default_runtime)
    side = math.ceil((cells / 2) ** (1 / 3))
    case = evolve(
        next(iter(suite.cases.values())),
        id="many",
        axes=(
            Axis("via", tuple(AxisValue(via, via) for via in ("flag", "env", "default"))),
            *(Axis(name, _values(name, side)) for name in ("first", "second", "third")),
        ),
        combine="product",
        exceptions=(),
        runtimes=None,
        feature=None,
        control=None,
    )
    large = evolve(suite, cases=MappingProxyType({case.id: case}))
    started = time.perf_counter()
    before = count = 0
    for count, _ in enumerate(expansion.expand(large, [runtime]), 1):
        if count == _SETTLED:
            before = _peak()
        if count == cells:
            break
    seconds = time.perf_counter() - started
    return {"cells": count, "seconds": seconds, "grown": (_peak() - before) / 1024}


def three_wise(suite: Suite) -> dict[str, Any]:
    """Make the 3-wise array of ``command_line_model``: seconds (wall and CPU) and its shape."""
    sizes, rules = command_line_model(suite.contract)
    started, cpu = time.perf_counter(), time.process_time()
    rows = covering_rows(sizes, 3, rules)
    return {
        "sizes": sizes,
        "rules": len(rules),
        "rows": len(rows),
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
    }


def command_line_model(contract: Contract) -> tuple[tuple[int, ...], tuple[Rule, ...]]:
    """The sizes and rules of the whole command line: runtime, via, output, command, option.

    An option (or none) stands only with a command that has it, and nothing is said of the runtime
    only where it is the default one. No single case is as large: this is what one may grow to.
    """
    runtimes, commands = list(contract.runtimes), list(contract.commands.values())
    options = sorted({option.name for command in commands for option in command.options})
    rules: list[Rule] = []
    others = frozenset(n for n, name in enumerate(runtimes) if name != contract.default_runtime)
    if others:
        rules.append(((0, others), (1, frozenset({VIAS.index("default")}))))
    for number, command in enumerate(commands):
        own = {option.name for option in command.options}
        # The value 0 is no option at all, which goes with every command.
        foreign = frozenset(n for n, name in enumerate(options, 1) if name not in own)
        if foreign:
            rules.append(((3, frozenset({number})), (4, foreign)))
    sizes = (len(runtimes), len(VIAS), len(OUTPUTS), len(commands), len(options) + 1)
    return sizes, tuple(rules)


def _values(name: str, count: int) -> tuple[AxisValue, ...]:
    return tuple(AxisValue(f"{name}{n}", n) for n in range(count))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(arguments: list[str]) -> int:
    """``expansion CELLS`` or ``three-wise``."""
    suite = load_suite(resources.matrices(), allow_gaps=True)
    if arguments[:1] == ["expansion"]:
        found = expansion_of(suite, int(arguments[1]))
    elif arguments == ["three-wise"]:
        found = three_wise(suite)
    else:
        sys.stderr.write("expected: expansion CELLS, or three-wise\n")
        return 2
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
