import copy
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue.case import Suite
from conformance.compare.sides import SidesError, of_one_report, of_two_reports


@pytest.fixture
def report(good: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((good / "report.json").read_text())
    return tree


def _with(report: dict[str, Any], **changes: Any) -> dict[str, Any]:
    other = copy.deepcopy(report)
    for name, value in changes.items():
        other["header"][name] |= value
    return other


def test_the_runtimes_of_one_report_meet_by_case_and_values(
    report: dict[str, Any], suite: Suite
) -> None:
    kind, left, right = of_one_report(report, suite, ())
    assert (kind, left.name, right.name) == ("runtimes", "container", "host")
    assert left.rows.keys() == right.rows.keys()
    assert {row["runtime"] for row in left.rows.values()} == {"container"}


def test_reports_of_two_engines_are_two_engines(report: dict[str, Any], suite: Suite) -> None:
    other = _with(report, engine={"name": "podman"})
    kind, left, right = of_two_reports(report, other, suite, ())
    assert (kind, left.names, right.names) == ("engines", ("fake",), ("podman",))
    assert right.target == ("--engine", "podman")
    assert "fake" in left.able ^ right.able


def test_versions_of_one_program_are_told_apart(report: dict[str, Any], suite: Suite) -> None:
    other = _with(report, program={"version": "0.2.0", "digest": "other"})
    kind, left, right = of_two_reports(report, other, suite, (), ("./old", "./new"))
    assert (kind, left.names, right.names) == (
        "programs",
        ("awl 0.1.0", "awl"),
        ("awl 0.2.0", "awl"),
    )
    assert (left.target, right.target) == (("--program", "./old"), ("--program", "./new"))


def test_the_same_version_twice_has_no_name_that_could_be_declared(
    report: dict[str, Any], suite: Suite
) -> None:
    _, left, right = of_two_reports(report, report, suite, ("host",))
    assert (left.names, right.names) == (("A: awl 0.1.0",), ("B: awl 0.1.0",))
    assert {row["runtime"] for row in left.rows.values()} == {"host"}


def test_what_would_have_two_causes_is_refused(report: dict[str, Any], suite: Suite) -> None:
    other = _with(report, engine={"name": "docker"}, program={"digest": "other"})
    with pytest.raises(SidesError, match="program and engine differ both"):
        of_two_reports(report, other, suite, ())
