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
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import evolve

from conformance import resources
from conformance.catalogue import expansion
from conformance.catalogue.case import Axis, AxisValue
from conformance.catalogue.coverage import covering_rows
from conformance.catalogue.matrix import load_suite

if TYPE_CHECKING:
    from conformance.catalogue.case import Case, Suite

__all__ = ["expansion_of", "main", "three_wise", "triples"]

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
    """Make the 3-wise array of the case that has most triples of values: seconds and its shape."""
    case = max(suite.cases.values(), key=triples)
    if triples(case) == 0:
        return {"why": "no case has three axes"}
    sizes = tuple(len(axis.values) for axis in case.axes)
    started = time.perf_counter()
    rows = covering_rows(sizes, 3, ())
    return {
        "case": case.id,
        "sizes": sizes,
        "triples": triples(case),
        "rows": len(rows),
        "seconds": time.perf_counter() - started,
    }


def triples(case: Case) -> int:
    """How many combinations of values of any three axes a case has."""
    sizes = [len(axis.values) for axis in case.axes]
    return sum(math.prod(chosen) for chosen in combinations(sizes, 3))


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
