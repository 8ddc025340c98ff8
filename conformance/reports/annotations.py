"""Annotations: what is not good, at the line of its case, as GitHub's workflow commands."""

from collections.abc import Mapping
from typing import Any

from conformance.reports.standing import bad_rows, first_failure, told

__all__ = ["annotations"]

# GitHub shows ten errors of a step; more lines than this only fill the log.
_SHOWN = 50


def annotations(report: Mapping[str, Any]) -> str:
    """One line for each cell that is not good: ``::error file=…,line=…,title=…::…``."""
    lines = []
    for row in bad_rows(report)[:_SHOWN]:
        file, _, line = row["source"].rpartition(":")
        oracle, expected, observed = first_failure(row)
        text = f"{oracle}: expected {expected}, observed {observed}" if oracle else observed
        message = f"{row['cell']} [{', '.join(row['requirements'])}] {text}\n{row['replay']}"
        title = _property(f"{row['status']}: {row['case']} on {row['runtime']}")
        where = f"file={_property(file)},line={line},title={title}"
        lines.append(f"::error {where}::{_data(told(message, 1500))}\n")
    return "".join(lines)


def _data(text: str) -> str:
    # https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
