"""Shards: a plan dealt out to several machines, each cell to one, evenly by known durations.

The deal depends on the ids and on the known durations only, never on order, machine or hash seed:
cells go, the longest first and among equals by the sha256 of their id, each to the shard that has
the least to do so far.
"""

import hashlib
import heapq
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from conformance import resources
from conformance.catalogue.case import Cell

__all__ = [
    "dump_durations",
    "durations_digest",
    "durations_of",
    "load_durations",
    "parse_shard",
    "shard_of",
]

_UNKNOWN = 50  # milliseconds, where nothing at all is known


def parse_shard(text: str) -> tuple[int, int]:
    """``2/4`` as ``(2, 4)``; ValueError where it is no ``i/n`` with 1 <= i <= n."""
    index, slash, count = text.partition("/")
    if not (slash and index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
        raise ValueError(f"{text!r} is no shard: expected i/n with 1 <= i <= n, for example 1/4")
    return int(index), int(count)


def load_durations(path: Path | None = None) -> dict[str, int]:
    """Known durations of cells, in milliseconds, by ``CASE RUNTIME``; none where no file is."""
    path = path or resources.matrices() / "durations.json"
    if not path.is_file():
        return {}
    known: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))["milliseconds"]
    return known


def durations_digest(durations: Mapping[str, int]) -> str:
    """sha256 of known durations."""
    return hashlib.sha256(json.dumps(durations, sort_keys=True).encode()).hexdigest()


def shard_of(
    cells: Iterable[Cell], index: int, count: int, durations: Mapping[str, int]
) -> frozenset[str]:
    """The ids of shard ``index`` (from 1) of ``count``."""
    usual = int(statistics.median(durations.values())) if durations else _UNKNOWN
    weighed = sorted(
        (-durations.get(f"{cell.case.id} {cell.runtime}", usual), _hash(cell.id), cell.id)
        for cell in cells
    )
    loads = [(0, number) for number in range(1, count + 1)]
    mine: list[str] = []
    for weight, _, id_ in weighed:
        load, number = heapq.heappop(loads)
        heapq.heappush(loads, (load - weight, number))
        if number == index:
            mine.append(id_)
    return frozenset(mine)


def _hash(id_: str) -> str:
    return hashlib.sha256(id_.encode()).hexdigest()


def durations_of(report: Mapping[str, Any]) -> dict[str, int]:
    """What a report shows of durations: the median of each case in each runtime, rounded to 10 ms
    so that a new measurement changes only lines that have really changed.
    """
    seen: dict[str, list[float]] = defaultdict(list)
    for row in report["rows"]:
        if row["seconds"]:
            seen[f"{row['case']} {row['runtime']}"].append(row["seconds"])
    return {
        key: max(10, round(statistics.median(values) * 100) * 10)
        for key, values in sorted(seen.items())
    }


def dump_durations(durations: Mapping[str, int]) -> str:
    """The text of ``matrices/durations.json``."""
    return json.dumps({"milliseconds": dict(sorted(durations.items()))}, indent=1) + "\n"
