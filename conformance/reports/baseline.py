"""The baseline: what of a report is kept in the repository to hold the next release to.

A report is megabytes of evidence; a gate and a diff need the statuses, the requirements and the
digests. ``standing_of`` takes them from a report, ``dumps`` and ``load`` write and read them in a
form of which a review shows what changed: a line for each case.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from conformance.reports import document

__all__ = ["Standing", "dumps", "load_standing", "standing_of"]

SCHEMA_VERSION = 1


@frozen
class Standing:
    """Where a program stood: the status of every cell, and what it was held to.

    ``requirements`` maps an id to its level, profile, text and so on; ``cells`` a cell to
    ``(status, requirement ids)``; ``parts`` are the digests and names of the header.
    ``fault_score`` is that of the suite's own faults, None where it was not measured.
    """

    contract_version: int
    contract_digest: str
    data_digest: str
    suite_version: str
    program: str
    engine: str
    verdict: str
    root: str
    requirements: Mapping[str, Mapping[str, Any]] = field(repr=False)
    cells: Mapping[str, tuple[str, tuple[str, ...]]] = field(repr=False)
    fault_score: float | None = None

    @property
    def statuses(self) -> dict[str, str]:
        """The status of every cell."""
        return {cell: status for cell, (status, _) in self.cells.items()}


def standing_of(report: Mapping[str, Any]) -> Standing:
    """The standing that a report shows."""
    header = report["header"]
    return Standing(
        contract_version=header["contract"]["version"],
        contract_digest=header["contract"]["digest"],
        data_digest=header["data"]["digest"],
        suite_version=header["suite"]["version"],
        program=f"{header['program']['name']} {header['program']['version']}".strip(),
        engine=header["engine"]["name"],
        verdict=report["footer"]["verdict"]["word"],
        root=report["footer"]["root"],
        requirements=report["requirements"],
        cells={row["cell"]: (row["status"], tuple(row["requirements"])) for row in report["rows"]},
        fault_score=(header.get("faults") or {}).get("score"),
    )


def dumps(standing: Standing) -> str:
    """The text of a baseline."""
    cases: dict[str, Any] = {}
    for cell, (status, requirements) in sorted(standing.cells.items()):
        case, _, row = cell.partition("[")
        entry = cases.setdefault(case, {"covers": list(requirements), "cells": defaultdict(list)})
        entry["cells"][status].append(row.removesuffix("]"))
    head = {
        "schema_version": SCHEMA_VERSION,
        "contract": {"version": standing.contract_version, "digest": standing.contract_digest},
        "data": standing.data_digest,
        "suite": standing.suite_version,
        "program": standing.program,
        "engine": standing.engine,
        "verdict": standing.verdict,
        "root": standing.root,
        "fault_score": standing.fault_score,
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    for name, rows in (("requirements", standing.requirements), ("cases", cases)):
        inner = ",\n".join(
            f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, sort_keys=True)}"
            for key, value in sorted(rows.items())
        )
        lines.append(f' "{name}": {{\n{inner}\n }}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def load_standing(path: Path) -> Standing:
    """The standing in a file, which is a report or a baseline; ReportError where it is neither."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise document.ReportError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise document.ReportError(f"{path}: cut off or no JSON ({error})") from error
    if not isinstance(data, dict):
        raise document.ReportError(f"{path}: no report and no baseline: not a JSON object")
    is_report = "rows" in data
    version = data.get("schema_version")
    if not is_report and version != SCHEMA_VERSION:
        told = f"schema_version {version!r}, expected {SCHEMA_VERSION}"
        raise document.ReportError(f"{path}: no report and no baseline: {told}")
    try:
        return standing_of(document.load(path)) if is_report else _read(data)
    except KeyError as error:
        told = f"it has no {error.args[0]}"
    except (TypeError, AttributeError, ValueError) as error:
        if isinstance(error, document.ReportError):
            raise
        told = "its parts have another form"
    kind = "report" if is_report else "report and no baseline"
    raise document.ReportError(f"{path}: no {kind}: {told}")


def _read(data: Mapping[str, Any]) -> Standing:
    cells = {
        f"{case}[{row}]": (status, tuple(entry["covers"]))
        for case, entry in data["cases"].items()
        for status, rows in entry["cells"].items()
        for row in rows
    }
    return Standing(
        contract_version=data["contract"]["version"],
        contract_digest=data["contract"]["digest"],
        data_digest=data["data"],
        suite_version=data["suite"],
        program=data["program"],
        engine=data["engine"],
        verdict=data["verdict"],
        root=data["root"],
        requirements=data["requirements"],
        cells=cells,
        fault_score=data["fault_score"],
    )
