"""Sides made of reports: two runtimes of one, or the programs or engines of two."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from conformance.catalogue.case import Suite
from conformance.catalogue.differences import Kind
from conformance.catalogue.matrix import expand
from conformance.compare.comparison import Side, key_of
from conformance.world.engines import abilities_of

__all__ = ["SidesError", "of_one_report", "of_two_reports"]

Report = Mapping[str, Any]


class SidesError(ValueError):
    """These reports do not make two sides: why, and what to do."""


def of_one_report(report: Report, suite: Suite, runtimes: Sequence[str]) -> tuple[Kind, Side, Side]:
    """Two runtimes of one report: those named, else those that it has."""
    there = dict.fromkeys(row["runtime"] for row in report["rows"])
    chosen = tuple(runtimes or sorted(there))
    if len(chosen) != 2 or not set(chosen) <= there.keys():
        raise SidesError(
            f"two runtimes are compared; asked for are {', '.join(runtimes) or 'all'}, and this"
            f" report has {', '.join(there) or 'none'}\n"
            "hint: name two of them with --runtime, or two reports"
        )
    one, other = (_side(report, suite, "runtimes", (name,), (name,)) for name in chosen)
    return "runtimes", one, other


def of_two_reports(
    left: Report,
    right: Report,
    suite: Suite,
    runtimes: Sequence[str],
    programs_at: Sequence[str] = (),
) -> tuple[Kind, Side, Side]:
    """Two engines where the reports are of different ones, else two programs or versions of one;
    ``runtimes``: of these only. ``programs_at``: where they are, which a report does not say.
    """
    headers = (left["header"], right["header"])
    engines = [header["engine"]["name"] for header in headers]
    programs = [header["program"] for header in headers]
    kind: Kind = "programs"
    names: list[tuple[str, ...]]
    if engines[0] == engines[1]:
        names = [(f"{p['name']} {p['version']}".strip(), p["name"]) for p in programs]
        if names[0] == names[1]:
            # No declaration can tell them apart; a person can.
            names = [(f"{side}: {names[0][0]}",) for side in "AB"]
        paths = programs_at or [p["name"] for p in programs]
        targets = [("--program", path) for path in paths]
    elif programs[0]["digest"] == programs[1]["digest"]:
        kind, names = "engines", [(engine,) for engine in engines]
        targets = [("--engine", engine) for engine in engines]
    else:
        raise SidesError(
            f"program and engine differ both ({' and '.join(engines)}): what caused a difference"
            " could not be told\nhint: compare reports of one program, or of one engine"
        )
    one, other = (
        _side(report, suite, kind, own, runtimes, target)
        for report, own, target in zip((left, right), names, targets, strict=True)
    )
    return kind, one, other


def _side(
    report: Report,
    suite: Suite,
    kind: Kind,
    names: tuple[str, ...],
    runtimes: Collection[str],
    target: tuple[str, ...] = (),
) -> Side:
    cells = {cell.id: cell for cell in expand(suite)}
    rows = {
        key_of(cells[row["cell"]], kind): row
        for row in report["rows"]
        if not runtimes or row["runtime"] in runtimes
    }
    header = report["header"]
    able = abilities_of(header["engine"]["name"])
    return Side(names, rows, able, header["image"]["name"], target)
