"""Every kind of defect is found, with its place and the nearest valid name, and nothing else is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.catalogue.dataerror import DataError, DataErrors, nearest
from conformance.catalogue.matrix import load_suite

BROKEN = sorted(path for path in (Path(__file__).parent / "broken").iterdir())


@pytest.mark.parametrize("broken", BROKEN, ids=lambda path: path.name)
def test_a_broken_case_or_value_file_is_refused_with_exactly_these_words(
    broken: Path, folder: Path, defects: Callable[[Path], list[str]]
) -> None:
    shutil.copytree(
        broken, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("expected.txt")
    )
    assert (broken / "expected.txt").read_text("utf-8").splitlines() == defects(folder)


IN_PLACE = {
    "contract-unknown-level": (
        "contract.yaml",
        "id: LS-1, level: must",
        "id: LS-1, level: mst",
        'contract.yaml:33:23: "mst" is not one of "must", "should", "may" (nearest: \'must\')',
    ),
    "contract-id-twice": (
        "contract.yaml",
        "id: LS-2",
        "id: LS-1",
        "contract.yaml:34:10: 'LS-1' is defined twice; ids are never reused",
    ),
    "contract-alias-taken": (
        "contract.yaml",
        "[native]",
        "[docker]",
        "contract.yaml:14:10: 'docker' is defined twice; ids are never reused",
    ),
    "contract-option-twice": (
        "contract.yaml",
        "--keep-volumes,",
        "--runtime,",
        "contract.yaml:29:16: '--runtime' is defined twice; ids are never reused",
    ),
    "contract-dangling-exit": (
        "contract.yaml",
        "option-unsupported, exit: 6",
        "option-unsupported, exit: 7",
        "contract.yaml:11:38: exit code 7 is not in exit_codes",
    ),
    "contract-no-default": (
        "contract.yaml",
        "default: true",
        "default: false",
        "contract.yaml:13:3: exactly one runtime must be the default",
    ),
    "contract-dangling-output": (
        "contract.yaml",
        "json: ls",
        "json: lss",
        "contract.yaml:22:43: no output 'lss' (nearest: 'ls')",
    ),
    "contract-output-no-schema": (
        "contract.yaml",
        "ls: {type: object}",
        "ls: {type: objekt}",
        (
            "contract.yaml:31:14: not a JSON Schema: "
            "'objekt' is not valid under any of the given schemas"
        ),
    ),
    "contract-untested-requirement": (
        "contract.yaml",
        ", stage: planned",
        "",
        "contract.yaml:34:10: no case covers LS-2",
    ),
    "parity-no-cell": (
        "parity.yaml",
        '  - {at: {command: rm, feature: "yes"}',
        '  - {at: {command: rm, feature: "yess"}',
        "parity.yaml:3:3: no cell for 'rm.yes' (nearest: 'rm.yess')",
    ),
    "parity-unused-feature": (
        "parity.yaml",
        "cells:\n",
        (
            "cells:\n  - {at: {command: ls, feature: sorted}, requires: [LS-1],"
            " runtimes: {container: same, host: same}}\n"
        ),
        "parity.yaml:3:10: no case and no probe uses feature 'ls.sorted'",
    ),
    "parity-twice": (
        "parity.yaml",
        "cells:\n",
        (
            "cells:\n  - {at: {command: ls}, requires: [LS-1],"
            " runtimes: {container: same, host: same}}\n"
        ),
        "parity.yaml:6:10: feature 'ls' twice",
    ),
    "parity-unknown-command": (
        "parity.yaml",
        "cells:\n",
        (
            "cells:\n  - {at: {command: lss}, requires: [LS-1],"
            " runtimes: {container: same, host: same}}\n"
        ),
        "parity.yaml:3:20: no command 'lss' (nearest: 'ls')",
    ),
    "parity-dangling-requirement": (
        "parity.yaml",
        "requires: [RM-1a]\n",
        "requires: [RM-1b]\n",
        "parity.yaml:9:16: no requirement 'RM-1b' (nearest: 'RM-1c')",
    ),
    "parity-runtime-missing": (
        "parity.yaml",
        "command: ls}, requires: [LS-1], runtimes: {container: same, host: same}",
        "command: ls}, requires: [LS-1], runtimes: {container: same}",
        "parity.yaml:5:53: ls says nothing of runtime 'host'",
    ),
    "parity-unknown-runtime": (
        "parity.yaml",
        "command: ls}, requires: [LS-1], runtimes: {",
        "command: ls}, requires: [LS-1], runtimes: {hots: same, ",
        "parity.yaml:5:54: no runtime 'hots' (nearest: 'host')",
    ),
    "parity-same-misspelt": (
        "parity.yaml",
        "command: ls}, requires: [LS-1], runtimes: {container: same",
        "command: ls}, requires: [LS-1], runtimes: {container: smae",
        'parity.yaml:5:65: "smae" is not one of "same" (nearest: \'same\')',
    ),
    "parity-no-reason": (
        "parity.yaml",
        "        reason: no volumes there\n",
        "",
        "parity.yaml:13:9: missing key 'reason'",
    ),
    "parity-probe-where-nothing-is-refused": (
        "parity.yaml",
        "expect: unsupported",
        "expect: different",
        (
            "parity.yaml:14:9: key 'signature' does not go with expect, reason\n"
            "matrices/parity.yaml:16:9: key 'probe' does not go with expect, reason"
        ),
    ),
    "parity-unknown-error-code": (
        "parity.yaml",
        "error: option-unsupported",
        "error: option-unsuported",
        "parity.yaml:14:37: no error code 'option-unsuported' (nearest: 'option-unsupported')",
    ),
    "parity-probe-open-quote": (
        "parity.yaml",
        "probe: awl rm a",
        "probe: awl rm 'a",
        (
            "parity.yaml:16:16: not a command line: "
            '"awl rm \'a --keep-volumes --yes": No closing quotation'
        ),
    ),
    "parity-probe-unknown-placeholder": (
        "parity.yaml",
        "probe: awl rm a",
        "probe: awl rm {rot}",
        "parity.yaml:16:16: no placeholder {rot} (nearest: 'root')",
    ),
    "parity-probe-dangling-control": (
        "parity.yaml",
        "probe: awl rm a --keep-volumes --yes",
        "probe: {when: awl rm a --keep-volumes --yes, control: rm-knwon}",
        "parity.yaml:16:63: no case 'rm-knwon' (nearest: 'rm-known')",
    ),
    "parity-no-such-day": (
        "parity.yaml",
        "        probe: awl rm a --keep-volumes --yes\n",
        "        owner: me\n        expires: 2026-02-30\n",
        "parity.yaml:17:18: 2026-02-30: day is out of range for month",
    ),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_slip_in_contract_or_parity_is_refused_with_exactly_these_words(
    name: str, folder: Path, defects: Callable[[Path], list[str]]
) -> None:
    file, old, new, expected = IN_PLACE[name]
    path = folder / file
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    if name == "parity-no-such-day":  # a declaration with a day is of another kind
        text = text.replace("expect: unsupported", "expect: diverged")
    path.write_text(text.replace(old, new), "utf-8")
    assert f"matrices/{expected}".splitlines() == defects(folder)


def test_all_defects_of_all_files_are_told_together_in_order(
    folder: Path, defects: Callable[[Path], list[str]]
) -> None:
    (folder / "values.yaml").write_text("values: {a: {text: no, values: [1:20]}}\n", "utf-8")
    (folder / "cases" / "extra.yaml").write_text("cases: {}\n", "utf-8")
    files = [line.split(": ")[0] for line in defects(folder)]
    assert files == [
        "matrices/cases/extra.yaml:1:8",
        "matrices/values.yaml:1:20",
        "matrices/values.yaml:1:33",
    ]


def test_a_missing_file_is_named(folder: Path, defects: Callable[[Path], list[str]]) -> None:
    (folder / "parity.yaml").unlink()
    shutil.rmtree(folder / "cases")
    assert defects(folder) == [
        "matrices/cases:1:1: no case file *.yaml in there",
        "matrices/parity.yaml:1:1: cannot be read: No such file or directory",
    ]


def test_the_good_suite_has_no_gaps_and_no_warnings(folder: Path) -> None:
    suite = load_suite(folder)
    assert (suite.gaps, suite.warnings) == ((), ())


def test_gaps_are_kept_where_they_are_allowed_and_errors_still_raise(folder: Path) -> None:
    path = folder / "contract.yaml"
    path.write_text(path.read_text("utf-8").replace(", stage: planned", ""), "utf-8")
    suite = load_suite(folder, allow_gaps=True)
    assert [gap.message for gap in suite.gaps] == ["no case covers LS-2"]
    (folder / "cases" / "extra.yaml").write_text("cases: []\n", "utf-8")
    with pytest.raises(DataErrors):
        load_suite(folder, allow_gaps=True)


def test_a_must_that_names_an_exit_and_has_no_negative_case_is_a_warning(folder: Path) -> None:
    path = folder / "contract.yaml"
    path.write_text(
        path.read_text("utf-8").replace("text: rm removes", 'text: "rm of a name, or exits 2"'),
        "utf-8",
    )
    [warning] = load_suite(folder).warnings
    assert warning.message == "RM-1a names a failing exit; no negative case covers it"


def test_an_error_reads_as_place_message_and_nearest_name() -> None:
    error = DataError("m/a.yaml", 12, 5, "unknown key 'poliarity'", "polarity")
    assert str(error) == "m/a.yaml:12:5: unknown key 'poliarity' (nearest: 'polarity')"


def test_errors_are_told_once_and_in_order_of_place() -> None:
    late, early = DataError("a", 10, 1, "x"), DataError("a", 9, 1, "y", "z")
    assert (early, late) == DataErrors([late, early, late]).errors


@pytest.mark.parametrize(
    ("word", "expected"), [("polarty", "polarity"), ("hots", "host"), ("zzz", None), ("", None)]
)
def test_the_nearest_name_is_near_or_none(word: str, expected: str | None) -> None:
    assert expected == nearest(word, ["polarity", "host", "container"])
