"""One self-contained HTML page: a grid to drill into, with every cell's evidence.

The page needs no network and no script: the grid, every cell's line and, of what is not good, all
evidence are plain HTML. With scripts there are filters, a search, keys, and the evidence of the
cells that passed, which lies compressed in the page and is unpacked where it is asked for; so ten
thousand cells stay quick.
"""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from conformance.reports.standing import (
    BAD,
    bad_rows,
    boxes,
    command_line,
    counted,
    first_failure,
    told,
)
from conformance.results import Status

__all__ = ["page"]

_TEMPLATES = Path(__file__).parent / "templates"
_STREAM = 8000
_LISTED = 60
# So many of what is not good are shown in full without scripts; of more, the page would only grow.
_IN_FULL = 200

Row = Mapping[str, Any]


@frozen
class _Box:
    """One field of the grid: a command in a runtime, with counts of its statuses."""

    command: str
    runtime: str
    counts: Mapping[Status, int]

    @property
    def anchor(self) -> str:
        return f"group-{self.command}-{self.runtime}"

    @property
    def planned(self) -> int:
        return sum(self.counts.values())

    @property
    def passed(self) -> int:
        return self.counts.get(Status.PASS, 0)

    @property
    def tone(self) -> str:
        """``bad``, ``part`` where not everything passed, ``good``."""
        if any(self.counts.get(status) for status in BAD):
            return "bad"
        return "good" if self.passed == self.planned else "part"

    @property
    def rest(self) -> str:
        return ", ".join(f"{n} {s}" for s, n in shares(self.counts) if s is not Status.PASS)


@frozen
class _Group:
    """The cells of one box; ``packed`` is the evidence of those that are not shown in full."""

    box: _Box
    rows: tuple[Row, ...]
    packed: str


@frozen
class _Cause:
    """Rows that are not good in the same way: a person mends them together."""

    status: str
    oracle: str
    expected: str
    observed: str
    rows: tuple[Row, ...]

    @property
    def requirements(self) -> list[str]:
        return sorted({id_ for row in self.rows for id_ in row["requirements"]})


def _causes(report: Mapping[str, Any]) -> list[_Cause]:
    """What is not good, by cause; the worst first."""
    alike: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in bad_rows(report):
        key = (row["status"], *first_failure(row))
        alike.setdefault(key, []).append(row)
    return [_Cause(*key, tuple(rows)) for key, rows in alike.items()]


def page(report: Mapping[str, Any]) -> str:
    """The report as one HTML page."""
    found = {key: _Box(*key, dict(shares(counts))) for key, counts in boxes(report["rows"]).items()}
    runtimes = sorted({runtime for _, runtime in found}, reverse=True)
    rows = report["rows"]
    causes = _causes(report)
    full = frozenset(row["cell"] for row in bad_rows(report)[:_IN_FULL])
    return _template("page.html.j2").render(
        report=report,
        header=report["header"],
        footer=report["footer"],
        counts=shares(report["footer"]["counts"]),
        runtimes=runtimes,
        commands=sorted({command for command, _ in found}),
        boxes=found,
        groups=_groups(rows, found, report["requirements"], full),
        full=full,
        bad=causes[:_LISTED],
        bad_more=max(0, len(causes) - _LISTED),
        requirements=_requirements(rows, report["requirements"]),
        summary=counted(report["footer"]["counts"]),
    )


def shares(counts: Mapping[Any, int]) -> list[tuple[Status, int]]:
    """Statuses with their counts, those that there are, in their order."""
    plain = {Status(status): count for status, count in counts.items()}
    return [(status, plain[status]) for status in Status if plain.get(status)]


def _groups(
    rows: Iterable[Row],
    found: Mapping[tuple[str, str], _Box],
    requirements: Mapping[str, Any],
    full: frozenset[str],
) -> Iterator[_Group]:
    by_box: dict[tuple[str, str], list[Row]] = {key: [] for key in found}
    for row in rows:
        by_box[row["command"], row["runtime"]].append(row)
    # In the order of the grid: by command, then the runtimes as they stand in it.
    for key in sorted(by_box, key=lambda key: (key[0], [-ord(letter) for letter in key[1]])):
        members = by_box[key]
        hidden = {
            row["cell"]: evidence(row, requirements) for row in members if row["cell"] not in full
        }
        yield _Group(found[key], tuple(members), _packed(hidden))


def _packed(pieces: Mapping[str, str]) -> str:
    """HTML pieces by cell, as base64 of gzip of JSON: the browser unpacks it by itself."""
    text = json.dumps(pieces, ensure_ascii=False, sort_keys=True)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def evidence(row: Row, requirements: Mapping[str, Any]) -> str:
    """The inside of one cell: requirements, what was expected and seen, commands, replay."""
    # Escaped by the template; the packed pieces are the same text that a bad cell has in the page.
    return _template("cell.html.j2").render(row=row, requirements=requirements)


def _requirements(rows: Iterable[Row], known: Mapping[str, Any]) -> list[tuple[Any, _Box]]:
    """Every requirement with the statuses of the cells that look at it."""
    counts: dict[str, Counter[Status]] = {id_: Counter() for id_ in known}
    for row in rows:
        for id_ in row["requirements"]:
            counts[id_][Status(row["status"])] += 1
    return [(known[id_], _Box(id_, "", counts[id_])) for id_ in known]


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["command_line"] = command_line
    environment.filters["told"] = lambda text: told(text, _STREAM)
    environment.globals.update(evidence=evidence, first_failure=first_failure)
    return environment.get_template(name)
