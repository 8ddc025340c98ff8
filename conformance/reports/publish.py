"""Everything that a run leaves beside its results, in one folder and from one document."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from conformance.catalogue.case import Cell, Suite
from conformance.reports.badge import badge_json, badge_svg
from conformance.reports.document import build, dumps, read_results
from conformance.reports.html import page
from conformance.reports.junit import junit
from conformance.reports.markdown import markdown

__all__ = ["RENDERINGS", "REPORT", "RESULTS", "publish", "write_renderings"]

RESULTS = "results.jsonl"
REPORT = "report.json"

RENDERINGS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "junit.xml": junit,
    "summary.md": markdown,
    "report.html": page,
    "badge.json": badge_json,
    "badge.svg": badge_svg,
}


def publish(folder: Path, suite: Suite, cells: Mapping[str, Cell]) -> tuple[str, ...]:
    """Make the report of ``folder/results.jsonl`` and all renderings of it; their names."""
    report = build(read_results(folder / RESULTS), suite, cells)
    return write_renderings(folder, report)


def write_renderings(folder: Path, report: Mapping[str, Any]) -> tuple[str, ...]:
    """Write a report and all that is rendered from it into a folder; the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT).write_text(dumps(report), encoding="utf-8")
    for name, render in RENDERINGS.items():
        (folder / name).write_text(render(report), encoding="utf-8")
    return (REPORT, *RENDERINGS)
