"""JUnit XML, as CI systems read it: one suite for each command and runtime, one case for each cell.

``<failure>``: what was seen to be wrong. ``<error>``: what was planned and not proved, so that a CI
system cannot take it for green. ``<skipped>``: what the operator, or a declaration that was
checked, leaves out.
"""

import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from conformance.reports.standing import command_line, first_failure, told
from conformance.results import Status

__all__ = ["junit"]

_ELEMENT = {
    Status.FAIL: "failure",
    Status.STALE: "failure",
    Status.FLAKY: "failure",
    Status.ERROR: "error",
    Status.BLOCKED: "error",
    Status.NOT_RUN: "error",
    Status.SKIPPED: "skipped",
    Status.UNSUPPORTED: "skipped",
    Status.DIVERGED: "skipped",
}
# What XML 1.0 cannot hold, not even as a reference.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STREAM = 2000

Row = Mapping[str, Any]


def junit(report: Mapping[str, Any]) -> str:
    """The report as JUnit XML."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in report["rows"]:
        groups[row["runtime"], row["command"]].append(row)
    root = ET.Element("testsuites", {"name": "awl-conformance", **_totals(report["rows"])})
    for (runtime, command), rows in sorted(groups.items()):
        suite = ET.SubElement(root, "testsuite", {"name": f"{runtime}.{command}", **_totals(rows)})
        suite.set("timestamp", report["header"]["runs"][0]["started"].rstrip("Z"))
        for row in rows:
            suite.append(_case(row, report["requirements"]))
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _totals(rows: list[Row]) -> dict[str, str]:
    kinds = [_ELEMENT.get(Status(row["status"]), "") for row in rows]
    return {
        "tests": str(len(rows)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{sum(row['seconds'] for row in rows):.3f}",
    }


def _case(row: Row, requirements: Mapping[str, Any]) -> ET.Element:
    file, _, line = row["source"].rpartition(":")
    case = ET.Element(
        "testcase",
        name=row["cell"],
        classname=f"{row['runtime']}.{row['command']}",
        time=f"{row['seconds']:.3f}",
        file=file,
        line=line,
    )
    properties = ET.SubElement(case, "properties")
    for id_ in row["requirements"]:
        ET.SubElement(properties, "property", name="requirement", value=id_)
    for name in ("status", "polarity", "replay"):
        ET.SubElement(properties, "property", name=name, value=_clean(row[name]))
    kind = _ELEMENT.get(Status(row["status"]))
    if kind is None:
        return case
    oracle, expected, observed = first_failure(row)
    short = f"{oracle}: expected {expected}, observed {observed}" if oracle else observed
    found = ET.SubElement(case, kind, message=_clean(told(short, 300)))
    if kind != "skipped":
        found.set("type", row["status"])
        found.text = _clean(_told(row, requirements))
    return case


def _told(row: Row, requirements: Mapping[str, Any]) -> str:
    """The failure at length, as the terminal tells it."""
    lines = [f"{id_}: {requirements[id_]['text']}" for id_ in row["requirements"]]
    lines += [row["reason"]] if row["reason"] else []
    for check in row["checks"]:
        if not check["ok"]:
            lines += [check["oracle"], f"  expected  {check['expected']}"]
            lines += [f"  observed  {check['observed']}"]
    for step in row["steps"][-1:]:
        lines.append(f"$ {command_line(step)}")
        for name in ("stdout", "stderr"):
            if step.get(name):
                lines += [f"{name}:", told(step[name], _STREAM)]
    return "\n".join([*lines, row["replay"]])


def _clean(text: str) -> str:
    return _ILLEGAL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)
