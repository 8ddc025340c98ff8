"""Views of a report that several renderings share: counts by box, and what is not good."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from conformance.reports.normal import PROGRAM
from conformance.results import Status

__all__ = ["BAD", "bad_rows", "boxes", "command_line", "counted", "first_failure", "told"]

# Not good, the worst first; the order in which renderings show them.
BAD = (
    Status.FAIL,
    Status.STALE,
    Status.FLAKY,
    Status.ERROR,
    Status.BLOCKED,
    Status.NOT_RUN,
)

Row = Mapping[str, Any]


def boxes(rows: Iterable[Row]) -> dict[tuple[str, str], Counter[Status]]:
    """Counts of statuses by ``(command, runtime)``, in the order of commands and runtimes."""
    found: dict[tuple[str, str], Counter[Status]] = defaultdict(Counter)
    for row in rows:
        found[row["command"], row["runtime"]][Status(row["status"])] += 1
    return dict(sorted(found.items()))


def bad_rows(report: Mapping[str, Any]) -> list[Row]:
    """The rows that are not good, the worst first."""
    bad = [row for row in report["rows"] if row["status"] in BAD]
    return sorted(bad, key=lambda row: (BAD.index(Status(row["status"])), row["cell"]))


def counted(counts: Mapping[Any, int]) -> str:
    """``250 pass + 7 fail``, in the order of the statuses."""
    plain = {Status(status): count for status, count in counts.items()}
    return " + ".join(f"{plain[s]} {s}" for s in Status if plain.get(s)) or "0"


def first_failure(row: Row) -> tuple[str, str, str]:
    """Oracle, expected and observed of the first check that failed; else the reason as observed."""
    for check in row["checks"]:
        if not check["ok"]:
            return check["oracle"], check["expected"], check["observed"]
    return "", "", row["reason"] or row["status"]


def command_line(step: Mapping[str, Any]) -> str:
    """The command of a step as a person types it; the program under test is ``awl``."""
    argv = step.get("argv", [])
    return shlex.join("awl" if word == PROGRAM else word for word in argv)


def told(text: str, limit: int) -> str:
    """The beginning of a text, and how much more there is."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} characters more)"
