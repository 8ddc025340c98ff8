"""The report document: what one run says, sorted and canonical, from which all else is rendered.

    results.jsonl  --read_results-->  Recorded  --build-->  report  --dumps-->  report.json

A report is a plain JSON tree (``matrices/schema/report.json``): a header with every version and
digest, the requirements that were looked at, one row for each planned cell with its evidence, and a
footer with the counts, the verdict and two digests. ``root`` covers every byte of header,
requirements and rows. ``stable`` covers all but ``NAMED_FIELDS``: two runs of the same thing have
the same one, and so has a merge of shards.
"""

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.matrix import control_of
from conformance.execute import command_of
from conformance.reports.again import replay_line, target_of
from conformance.reports.normal import normal
from conformance.results import Result, Seen, Status, StepRecord, Tally, judge

__all__ = [
    "NAMED_FIELDS",
    "NoReportError",
    "Recorded",
    "ReportError",
    "build",
    "digest_of_row",
    "dumps",
    "facts_of",
    "load",
    "read_results",
    "requirements_of",
    "root_digest",
    "seal",
    "stable_digest",
    "step_of",
    "with_faults",
    "without_named",
]

SCHEMA_VERSION = 1
_PARTS = frozenset({"header", "rows", "footer"})

# The only fields in which two runs of the same suite, program and selection may differ, and why.
# ``[]`` is every element of a list. The schema says the same, and a test compares the two.
NAMED_FIELDS: Mapping[str, str] = {
    "header.runs": "when it ran, on which machine, in which order, and of which shards it is made",
    "rows[].seconds": "time",
    "rows[].reason": "may quote what was observed",
    "rows[].digest": "covers the fields of this list too",
    "rows[].checks[].observed": "quotes the program",
    "rows[].steps[].seconds": "time",
    "rows[].steps[].stdout": "the program may print times, identifiers and process numbers",
    "rows[].steps[].stderr": "as stdout",
    "rows[].steps[].whole": "digests of such streams",
    "rows[].steps[].unmet": "quotes the terminal",
    "rows[].steps[].seen.before": "digests of a state with inodes, times and the engine's ids",
    "rows[].steps[].seen.after": "as before",
    "rows[].steps[].seen.changes": "as before, in words",
    "rows[].steps[].seen.calls": "the engine's identifiers stand in them",
    "rows[].steps[].seen.files": "content may hold times and identifiers",
    "footer.verdict.because": "may quote the program, where it is none at all",
    "footer.root": "covers the fields of this list too",
}

Tree = dict[str, Any]


class ReportError(ValueError):
    """A file is no report, or no results, that can be used: what, where, and what to do."""


class NoReportError(ReportError):
    """A file is no report at all: another one was meant. One that was cut or changed is another
    matter.
    """


@frozen
class Recorded:
    """What ``results.jsonl`` holds. ``closed``: the run came to its end and wrote a footer."""

    header: Mapping[str, Any]
    planned: tuple[str, ...]
    results: Mapping[str, Result]
    closed: bool


# ---------------------------------------------------------------------- reading
def read_results(path: Path) -> Recorded:
    """Read a results file; a run that was cut off gives what it had come to."""
    header: Mapping[str, Any] = {}
    planned: tuple[str, ...] = ()
    results: dict[str, Result] = {}
    closed = False
    for number, row in enumerate(_lines(path), 1):
        try:
            if "header" in row:
                header = row["header"]
            elif "plan" in row:
                planned = tuple(row["plan"])
            elif "result" in row:
                result = Result.from_json(row["result"])
                results[result.cell] = result
            closed = closed or "footer" in row
        except (KeyError, TypeError, ValueError) as error:
            raise ReportError(f"{path}:{number}: not a line of results ({error!r})") from error
    if "world" not in header or not planned:
        raise ReportError(f"{path}: no header or no plan; is it the results.jsonl of a run?")
    return Recorded(header, planned, results, closed)


def _lines(path: Path) -> Iterator[Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        try:
            yield json.loads(line)
        except ValueError as error:
            if number == text.count("\n") + 1:
                return  # the last line of a run that was killed while it wrote
            raise ReportError(f"{path}:{number}: not JSON ({error})") from error


def load(path: Path) -> Tree:
    """Read a report; ReportError where it is cut or of another schema version.

    NoReportError where nothing in the file is a report's.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NoReportError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NoReportError(f"{path}: no report: it is no text") from error
    try:
        report: Any = json.loads(text)
    except ValueError as error:
        if _begins_as_report(text):
            raise ReportError(f"{path}: cut off or no JSON ({error})") from error
        raise NoReportError(f"{path}: no report: it is no JSON document ({error})") from error
    known = _PARTS & report.keys() if isinstance(report, dict) else frozenset()
    if known != _PARTS:
        lacks = ", ".join(sorted(_PARTS - known))
        kind = ReportError if known else NoReportError
        raise kind(f"{path}: no report: it has no {lacks}")
    if report.get("schema_version") != SCHEMA_VERSION:
        raise ReportError(
            f"{path}: schema_version {report.get('schema_version')!r}, this suite reads "
            f"{SCHEMA_VERSION}"
        )
    tree: Tree = report
    return tree


def _begins_as_report(text: str) -> bool:
    """Whether what is no JSON document as a whole can be a report that was cut or added to."""
    try:
        first = json.loads(text.partition("\n")[0])
    except ValueError:
        return text.startswith("{")
    # A whole document in one line, and more after it: a report, or the lines of results.jsonl.
    return isinstance(first, dict) and "rows" in first


# ---------------------------------------------------------------------- building
def build(recorded: Recorded, suite: Suite, cells: Mapping[str, Cell]) -> Tree:
    """The report of a run. ``cells`` are all of the suite's, by id; the data must be the run's."""
    known = recorded.header["data"]["digest"]
    if known != suite.digest:
        raise ReportError(
            f"these results are of other data (digest {known[:12]}, here {suite.digest[:12]})\n"
            "hint: name the data of that run with --matrices"
        )
    rows = [_row(recorded, suite, cells[id_]) for id_ in sorted(recorded.planned)]
    return seal(
        {
            "schema_version": SCHEMA_VERSION,
            "header": _header(recorded, rows),
            "requirements": requirements_of(
                suite, (id_ for row in rows for id_ in row["requirements"])
            ),
            "rows": rows,
        }
    )


def _header(recorded: Recorded, rows: Iterable[Tree]) -> Tree:
    header = copy.deepcopy(dict(recorded.header))
    world = header.pop("world")
    run = {name: header.pop(name) for name in ("started", "machine", "seed")}
    run["seconds"] = round(sum(row["seconds"] for row in rows), 3)
    run["closed"] = recorded.closed
    header["runs"] = [run]
    header["root_cause"] = normal(header["root_cause"], world, "")
    header.pop("schema_version")
    return header


def with_faults(report: Tree, faults: Mapping[str, Any]) -> Tree:
    """The same report with the score of the suite's own faults (``faults.json``), sealed anew."""
    caught, every = faults["caught"], faults["faults"]
    score = {"score": round(caught / every, 4), "caught": caught, "faults": every}
    header = {**report["header"], "faults": {**score, "digest": faults["digest"]}}
    return seal({**report, "header": header})


def requirements_of(suite: Suite, ids: Iterable[str]) -> Tree:
    """The requirements of these ids as the contract has them, by id."""
    known = suite.contract.requirements
    return {id_: asdict(known[id_]) for id_ in sorted(set(ids)) if id_ in known}


def facts_of(suite: Suite, cell: Cell, header: Mapping[str, Any]) -> Tree:
    """What data and header say of a cell: the part of a row that no run decides."""
    control = control_of(suite, cell)
    return {
        "cell": cell.id,
        "case": cell.case.id,
        "runtime": cell.runtime,
        "command": command_of(cell, suite.contract),
        "requirements": list(cell.case.covers),
        "polarity": cell.case.polarity,
        "plan": cell.plan,
        "control": control.id if control else "",
        "source": f"{cell.case.file}:{cell.case.line}",
        "replay": replay_line(cell.id, target_of(header)),
    }


def _row(recorded: Recorded, suite: Suite, cell: Cell) -> Tree:
    result = recorded.results.get(cell.id)
    row = facts_of(suite, cell, recorded.header)
    if result is None:
        return {
            **row,
            "command": "",
            "status": str(Status.NOT_RUN),
            "reason": "",
            "seconds": 0,
            "checks": [],
            "steps": [],
        }
    judged = {
        "reason": result.reason,
        "checks": [asdict(check) for check in result.checks],
        "steps": [_brief(asdict(step)) for step in result.steps],
    }
    return {
        **row,
        "status": str(result.status),
        "seconds": result.seconds,
        **normal(judged, recorded.header["world"], result.sandbox),
    }


# What a step's record is where its key is left out.
_EMPTY = asdict(StepRecord("", (), {}, None, None, "", "", 0.0))
_UNSEEN = asdict(Seen())


def _brief(step: Tree) -> Tree:
    """A step without the keys that say nothing; ``step_of`` puts them back."""
    kept = {key: value for key, value in step.items() if value != _EMPTY[key]}
    if kept.get("seen"):
        kept["seen"] = {key: v for key, v in kept["seen"].items() if v != _UNSEEN[key]}
    return kept


def step_of(step: Mapping[str, Any]) -> StepRecord:
    """The record that a row's step was made from."""
    seen = step.get("seen")
    return StepRecord.from_json(
        {**_EMPTY, **step, "seen": None if seen is None else {**_UNSEEN, **seen}}
    )


# ---------------------------------------------------------------------- sealing
def seal(report: Tree) -> Tree:
    """Put digests, counts and the verdict to a report that has header, requirements and rows.

    ``rows`` must be sorted by cell. A footer that is there already is replaced.
    """
    rows = report["rows"]
    for row in rows:
        row["digest"] = digest_of_row(row)
    tally = Tally.of_statuses(Status(row["status"]) for row in rows)
    shard = report["header"]["selection"]["shard"]
    verdict = judge(
        tally,
        report["header"]["root_cause"],
        gaps=report["header"]["data"]["gaps"],
        shards=shard[1] if shard else 1,
    )
    report["footer"] = {
        "planned": tally.planned,
        "counts": {str(status): count for status, count in tally.counts.items()},
        "verdict": asdict(verdict),
    }
    report["footer"]["stable"] = stable_digest(report)
    report["footer"]["root"] = root_digest(report)
    return report


def digest_of_row(row: Mapping[str, Any]) -> str:
    """sha256 of a row without its own digest."""
    return _sha256({key: value for key, value in row.items() if key != "digest"})


def root_digest(report: Mapping[str, Any]) -> str:
    """sha256 over header, requirements and, in their order, the digests of all rows."""
    parts = [report["schema_version"], report["header"], report["requirements"]]
    return _sha256([*parts, [digest_of_row(row) for row in report["rows"]]])


def stable_digest(report: Mapping[str, Any]) -> str:
    """sha256 of all that two runs have in common."""
    parts = ("schema_version", "header", "requirements", "rows")
    return _sha256(without_named({name: report[name] for name in parts}))


def without_named(report: Mapping[str, Any]) -> Tree:
    """A copy of a report without ``NAMED_FIELDS``."""
    rest: Tree = json.loads(json.dumps(report))
    for name in NAMED_FIELDS:
        _remove(rest, name.replace("[]", ".[]").split("."))
    return rest


def _remove(tree: Any, path: list[str]) -> None:
    if path[0] == "[]":
        for element in tree:
            _remove(element, path[1:])
    elif len(path) == 1:
        tree.pop(path[0], None)
    elif path[0] in tree:
        _remove(tree[path[0]], path[1:])


def _sha256(tree: Any) -> str:
    return hashlib.sha256(_canonical(tree).encode()).hexdigest()


def _canonical(tree: Any) -> str:
    return json.dumps(tree, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def dumps(report: Mapping[str, Any]) -> str:
    """The text of a report: a line for each row, so that two can be read side by side."""
    rows = ",\n  ".join(_canonical(row) for row in report["rows"])
    parts = [
        f' "{name}": {_canonical(report[name])}'
        for name in ("schema_version", "header", "requirements")
    ]
    footer = f' "footer": {_canonical(report["footer"])}'
    listed = f' "rows": [\n  {rows}\n ]' if rows else ' "rows": []'
    return "{\n" + ",\n".join([*parts, listed, footer]) + "\n}\n"
