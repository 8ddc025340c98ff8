"""The faults are read strictly: nothing dangles, nothing rots, nothing goes without a fault."""

from collections.abc import Callable

import pytest

from conformance.catalogue.case import Suite
from conformance.faults.fault import Catalogue
from conformance.faults.loader import missing_faults
from conformance.oracles import CHECKS

Spoilt = Callable[[str, str], list[str]]


def test_the_catalogue_is_large_and_says_of_every_fault_what_it_breaks(
    catalogue: Catalogue, suite: Suite
) -> None:
    assert len(catalogue.faults) >= 150
    assert {fault.place for fault in catalogue.faults} == {"program", "fake", "wrap"}
    assert all(fault.breaks in suite.contract.requirements for fault in catalogue.faults)


def test_every_must_of_the_core_and_every_kind_of_check_has_a_fault(
    catalogue: Catalogue, suite: Suite
) -> None:
    broken = {fault.breaks for fault in catalogue.faults}
    seen_by = {fault.oracle for fault in catalogue.faults}
    requirements = suite.contract.requirements.values()
    wanted = {r.id for r in requirements if r.level == "must" and r.profile == "core"}
    excused = {excuse.name for excuse in catalogue.excused}
    assert wanted - broken - excused == set()
    assert set(CHECKS) - seen_by - excused == set()
    assert [*missing_faults(catalogue, suite)] == []


@pytest.mark.parametrize(
    ("right", "wrong", "defect"),
    [
        ("breaks: RT-2\n", "breaks: RT-22\n", "no requirement 'RT-22' (nearest: 'RT-2')"),
        ("runtimes: [host]", "runtimes: [hots]", "no runtime 'hots' (nearest: 'host')"),
        ("oracle: stderr", "oracle: sdterr", "no check 'sdterr' (nearest: 'stderr')"),
        (
            "case: rt-engine-hangs",
            "case: rt-engine-hang",
            "no case 'rt-engine-hang' (nearest: 'rt-engine-hangs')",
        ),
        (
            "case: rt-engine-hangs",
            "case: rt-chosen",
            "case 'rt-chosen' does not cover RT-5c",
        ),
        (
            '{file: runtimes/registry.py, find: \', "native"',
            '{file: runtimes/registri.py, find: \', "native"',
            "no file 'runtimes/registri.py' (nearest: 'runtimes/registry.py')",
        ),
        (
            '\', "native": "host"}\', replace',
            '\', "natve": "host"}\', replace',
            "stands 0 times in runtimes/registry.py, not once: the fault has rotted",
        ),
        (
            "find: ', \"native\": \"host\"}', replace: '}'",
            "find: ', \"native\": \"host\"}', replace: '('",
            "what it becomes is no Python",
        ),
        (
            "find: ', \"native\": \"host\"}', replace: '}'",
            'find: \', "native": "host"}\', replace: \', "native": "host"}\'',
            "is replaced by itself",
        ),
        ("id: rt-alias-docker-unknown", "id: rt-alias-native-unknown", "is on line"),
        ("breaks: CLI-10\n", "breaks: CLI-11\n", "no fault breaks CLI-10: help exit-codes"),
        ("package: awl", "package: no_such_package", "no package 'no_such_package' here"),
        ("text: native is no name of host", "txet: native is no name of host", "nearest: 'text'"),
        ("subject:", "excused: [{name: RT-1a, reason: x}]\nsubject:", "take the excuse out"),
    ],
)
def test_a_defect_is_told_with_its_place(
    spoilt: Spoilt, right: str, wrong: str, defect: str
) -> None:
    found = spoilt(right, wrong)
    assert any(defect in line for line in found), found
    assert all(line.startswith("matrices/faults.yaml:") for line in found)


def test_what_has_two_kinds_or_none_is_refused(spoilt: Spoilt) -> None:
    assert spoilt('    wrap: {drop: ["-y"]}\n', "")


def test_an_edit_that_stands_twice_is_refused(spoilt: Spoilt) -> None:
    found = spoilt('find: \', "native": "host"}\'', "find: 'return'")
    assert any("not once" in line for line in found)
