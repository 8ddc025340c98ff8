"""Markdown that fits a comment on a pull request and the summary of a CI step."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.reports.standing import (
    bad_rows,
    boxes,
    command_line,
    counted,
    first_failure,
    told,
)
from conformance.results import Status

__all__ = ["LIMIT", "markdown"]

# GitHub refuses comments of more than 65,536 characters.
LIMIT = 60_000
_SHOWN = 25
_TEXT = 600


def markdown(report: Mapping[str, Any]) -> str:
    """The report as Markdown: verdict, grid, what is not good, and how to see it again."""
    head = "\n".join(_head(report))
    tail = "\n".join(_tail(report))
    room = LIMIT - len(head) - len(tail) - 200
    parts: list[str] = []
    bad = bad_rows(report)
    for row in bad[:_SHOWN]:
        part = "\n".join(_failure(row, report["requirements"]))
        if len(part) > room:
            break
        room -= len(part)
        parts.append(part)
    if len(bad) > len(parts):
        parts.append(f"… and {len(bad) - len(parts)} more; `report.html` has them all.\n")
    return "\n".join([head, *parts, tail])


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    header, footer = report["header"], report["footer"]
    verdict = footer["verdict"]
    because = verdict["because"].partition("\n")[0]
    yield f"## {'✅' if verdict['exit'] == 0 else '❌'} {verdict['word']}\n"
    yield (f"{_plain(because)}\n" if because else "")
    program = f"{header['program']['name']} {header['program']['version']}".strip()
    yield f"**{program}** on engine **{header['engine']['name']}**, "
    yield f"contract {header['contract']['version']}: "
    yield f"{footer['planned']} planned = {counted(footer['counts'])}\n"
    found = boxes(report["rows"])
    runtimes = sorted({runtime for _, runtime in found}, reverse=True)
    yield f"| command | {' | '.join(runtimes)} |"
    yield f"| --- |{' ---: |' * len(runtimes)}"
    for command in sorted({command for command, _ in found}):
        row = [_box(found.get((command, runtime))) for runtime in runtimes]
        yield f"| {command} | {' | '.join(row)} |"
    yield ""


def _box(counts: Mapping[Status, int] | None) -> str:
    if not counts:
        return ""
    rest = [f"{counts[s]} {s}" for s in Status if s is not Status.PASS and counts[s]]
    shown = f"{counts[Status.PASS]}/{sum(counts.values())}"
    return f"{shown} ({', '.join(rest)})" if rest else shown


def _failure(row: Mapping[str, Any], requirements: Mapping[str, Any]) -> Iterator[str]:
    oracle, expected, observed = first_failure(row)
    summary = f"<b>{row['status']}</b> <code>{_html(row['cell'])}</code>"
    yield f"<details><summary>{summary} {', '.join(row['requirements'])}</summary>\n"
    for id_ in row["requirements"]:
        yield f"- **{id_}** {_plain(requirements[id_]['text'])}"
    yield ""
    shown = [f"{oracle}\n  expected  {expected}\n  observed  {observed}" if oracle else observed]
    if row["steps"]:
        shown.insert(0, f"$ {command_line(row['steps'][-1])}")
        shown += [f"stderr:\n{text}" if (text := row["steps"][-1].get("stderr")) else ""]
    yield _fenced("\n".join(told(part, _TEXT) for part in shown if part))
    yield f"{_fenced(row['replay'])}\n</details>\n"


def _tail(report: Mapping[str, Any]) -> Iterator[str]:
    header = report["header"]
    yield (
        f"<sub>suite {header['suite']['version']}, data `{header['data']['digest'][:12]}`, "
        f"program `{header['program']['digest'][:12]}`, report `{report['footer']['root'][:12]}`; "
        "check it with `awl-conformance verify report.json`</sub>\n"
    )


def _fenced(text: str) -> str:
    # A fence that is longer than any in the text cannot be closed by it.
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_<>|\[\]#])", r"\\\1", text.replace("\n", " "))


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
