"""``merge``: the reports of all shards become the report of the whole run, or there is none.

Shards must be of the same thing: every digest, version and setting of their headers is the same.
They must be all shards of one deal, each once, and no cell may be in two of them.
"""

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.reports.document import digest_of_row, root_digest, seal

__all__ = ["MergeError", "merge"]

Report = Mapping[str, Any]


class MergeError(ValueError):
    """Why these reports are not the shards of one run; one line for each reason."""


def merge(reports: Mapping[str, Report]) -> dict[str, Any]:
    """One report of several, which are given by a name for messages (their paths)."""
    problems = [*_strangers(reports), *_changed(reports)]
    if not problems:
        problems = [*_deal(reports), *_overlaps(reports)]
    if problems:
        raise MergeError("\n".join(problems))
    ordered = sorted(reports.values(), key=lambda report: _shard(report)[0])
    header = copy.deepcopy(ordered[0]["header"])
    header["selection"].update({"shard": None, "durations": ""})
    header["runs"] = [
        {**run, "shard": list(_shard(report)), "root": report["footer"]["root"]}
        for report in ordered
        for run in report["header"]["runs"]
    ]
    requirements = {id_: entry for one in ordered for id_, entry in one["requirements"].items()}
    rows = [copy.deepcopy(row) for report in ordered for row in report["rows"]]
    return seal(
        {
            "schema_version": ordered[0]["schema_version"],
            "header": header,
            "requirements": dict(sorted(requirements.items())),
            "rows": sorted(rows, key=lambda row: row["cell"]),
        }
    )


def _shard(report: Report) -> tuple[int, int]:
    index, count = report["header"]["selection"]["shard"]
    return index, count


def _strangers(reports: Mapping[str, Report]) -> Iterator[str]:
    """Reports that are no shards, and headers that differ in what must be the same."""
    first_name, first = next(iter(reports.items()))
    for name, report in reports.items():
        if report["header"]["selection"]["shard"] is None:
            yield f"{name}: no shard: it is the report of a whole run"
            continue
        for place, here, there in _differences(_same(report), _same(first), ""):
            yield f"{name}: other {place} than {first_name}: {here!r}, {there!r}"


def _same(report: Report) -> dict[str, Any]:
    header = copy.deepcopy(dict(report["header"]))
    del header["runs"]
    if header["selection"]["shard"] is not None:
        header["selection"]["shard"] = header["selection"]["shard"][1]
    return header


def _differences(one: Any, other: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from _differences(one.get(key), other.get(key), f"{place}.{key}".lstrip("."))
    elif one != other:
        yield place, one, other


def _changed(reports: Mapping[str, Report]) -> Iterator[str]:
    """Digests are looked at here too: what is merged would else get new ones."""
    for name, report in reports.items():
        bad = [row["cell"] for row in report["rows"] if row["digest"] != digest_of_row(row)]
        if bad:
            yield f"{name}: changed: the digest of {bad[0]} is of other content"
        elif report["footer"]["root"] != root_digest(report):
            yield f"{name}: changed: its root digest is of another report"


def _deal(reports: Mapping[str, Report]) -> Iterator[str]:
    count = _shard(next(iter(reports.values())))[1]
    seen = Counter(_shard(report)[0] for report in reports.values())
    for index in range(1, count + 1):
        if index not in seen:
            yield f"a gap: shard {index}/{count} is missing"
        elif seen[index] > 1:
            names = [name for name, report in reports.items() if _shard(report)[0] == index]
            yield f"an overlap: shard {index}/{count} is there {len(names)} times: {_list(names)}"


def _overlaps(reports: Mapping[str, Report]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for name, report in reports.items():
        for row in report["rows"]:
            other = owners.setdefault(row["cell"], name)
            if other != name:
                yield f"an overlap: {row['cell']} is in {other} and in {name}"
                return


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
