"""``statement``: what an implementer submits. What was tested, against which contract, what was
proved, what was not, and how anybody can repeat it. YAML, rendered from a verified report.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import yaml

from conformance.reports.again import command_line
from conformance.reports.standing import BAD
from conformance.results import Status

__all__ = ["statement"]

_HEAD = """\
# A statement of conformance, written by `awl-conformance statement`.
# It says no more than report.json does: verify that one, or repeat the run.
"""


def statement(report: Mapping[str, Any]) -> str:
    """The statement as YAML; the same report gives the same text."""
    header, footer = report["header"], report["footer"]
    document = {
        "statement": 1,
        "program": header["program"],
        "verdict": {"word": footer["verdict"]["word"], "because": footer["verdict"]["because"]},
        "contract": header["contract"],
        "profiles": _profiles(report),
        "runtimes": header["runtimes"],
        "engine": {**header["engine"], "image": header["image"]},
        "ran": [{"started": run["started"], "machine": run["machine"]} for run in header["runs"]],
        "proved": _proved(report),
        "not_proved": _not_proved(report),
        "repeat": _repeat(header),
        "evidence": {
            "report": "report.json",
            "root": footer["root"],
            "stable": footer["stable"],
            "suite": header["suite"],
            "data": header["data"]["digest"],
        },
    }
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def _profiles(report: Mapping[str, Any]) -> dict[str, Any]:
    """How far each profile was reached: requirements proved, of those looked at."""
    states = _states(report)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for id_, entry in report["requirements"].items():
        found[entry["profile"]][states[id_]] += 1
    return {
        profile: {"requirements": counts.total(), **dict(sorted(counts.items()))}
        for profile, counts in sorted(found.items())
    }


def _states(report: Mapping[str, Any]) -> dict[str, str]:
    """``proved``: every cell passed, or was refused as declared and another one passed."""
    counts: dict[str, Counter[str]] = {id_: Counter() for id_ in report["requirements"]}
    for row in report["rows"]:
        for id_ in row["requirements"]:
            counts[id_][row["status"]] += 1
    return {id_: _state(seen) for id_, seen in counts.items()}


def _state(seen: Counter[str]) -> str:
    if seen[Status.FAIL] or seen[Status.FLAKY] or seen[Status.STALE]:
        return "failed"
    if seen[Status.DIVERGED]:
        return "diverged"
    if any(seen[status] for status in BAD) or seen[Status.SKIPPED]:
        return "open"
    return "proved" if seen[Status.PASS] else "unsupported"


def _proved(report: Mapping[str, Any]) -> dict[str, Any]:
    states = _states(report)
    return {
        "cells": report["footer"]["counts"].get("pass", 0),
        "requirements": sorted(id_ for id_, state in states.items() if state == "proved"),
    }


def _not_proved(report: Mapping[str, Any]) -> dict[str, Any]:
    states = _states(report)
    counts = {k: v for k, v in report["footer"]["counts"].items() if k != "pass"}
    selection = report["header"]["selection"]
    return {
        "cells": counts,
        "requirements": {
            state: sorted(id_ for id_, found in states.items() if found == state)
            for state in ("failed", "diverged", "open", "unsupported")
            if state in states.values()
        },
        "left_out_by_selection": {
            key: list(value) if isinstance(value, (list, tuple)) else value
            for key, value in selection.items()
            if key in ("select", "skip", "runtimes", "shard") and value
        },
    }


def _repeat(header: Mapping[str, Any]) -> list[str]:
    selection = header["selection"]
    # A statement is for others, who may have other defaults: the target is named in any case.
    words = ["run", "--program", header["program"]["name"], "--engine", header["engine"]["name"]]
    words += ["--image", header["image"]["name"]] if header["engine"]["name"] != "fake" else []
    for runtime in selection["runtimes"]:
        words += ["--runtime", runtime]
    for key in ("select", "skip"):
        words += [f"--{key}", selection[key]] if selection[key] else []
    return [
        f"pip install 'agent-workspace-launcher[conformance]=={header['suite']['version']}'",
        command_line(*words),
        "awl-conformance verify conformance-results/report.json",
    ]
