"""What of a step is compared, and what is left to the program."""

import json
from typing import Any

import pytest

from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.matrix import expand
from conformance.compare.observation import Observed, observe
from conformance.compare.placeholders import Placeholders
from conformance.reports.normal import PROGRAM


@pytest.fixture(scope="module")
def cells(suite: Suite) -> dict[str, Cell]:
    return {cell.id: cell for cell in expand(suite)}


def _step(*argv: str, **rest: Any) -> dict[str, Any]:
    known = {"role": "step", "argv": [PROGRAM, *argv], "exit": 0, "seconds": 0.1}
    return {**known, "stdout": "said\n", "stderr": "told\n", **rest}


def _seen(cell: Cell, *steps: dict[str, Any]) -> Observed:
    return observe({"status": "pass", "steps": list(steps)}, cell, "image", Placeholders())


@pytest.mark.parametrize(
    ("cell", "argv", "fixed"),
    [
        ("ls-names[host,flag]", ("ls",), True),
        ("rm-known[host,flag]", ("rm", "a", "--yes"), True),
        ("exec-working-directory[host,flag]", ("exec", "a", "pwd"), True),
        # Text for people; its JSON form is compared.
        ("create-empty[host,flag,--no-work-repos]", ("create",), False),
        ("cli-exit-codes[host,flag]", ("help", "exit-codes"), False),
        # What a terminal shows, and what is printed until a signal comes.
        ("exec-typing[host]", ("exec", "a"), False),
        ("exec-signal[host,TERM,plain]", ("exec", "a"), False),
    ],
)
def test_text_on_stdout_is_compared_where_the_contract_fixes_it(
    cells: dict[str, Cell], cell: str, argv: tuple[str, ...], fixed: bool
) -> None:
    tree = _seen(cells[cell], _step(*argv)).steps[0]
    assert (tree.get("stdout") == "said\n") is fixed
    assert not any("told" in str(value) for value in tree.values())


def test_documents_are_compared_without_their_words(cells: dict[str, Cell]) -> None:
    told = {"removed": [], "failed": [{"code": "x", "message": "long", "pid": 7, "reason": None}]}
    step = _step("--json", "rm", "a", stdout=json.dumps(told))
    assert _seen(cells["rm-known-json[host,json]"], step).steps[0]["stdout"] == {
        "removed": [],
        "failed": [{"code": "x", "message": "<message>", "pid": "<pid>", "reason": None}],
    }


def test_what_should_be_a_document_and_is_none_is_compared_as_text(cells: dict[str, Cell]) -> None:
    step = _step("--json", "rm", "a", stdout="{")
    assert _seen(cells["rm-known-json[host,json]"], step).steps[0]["stdout"] == "{"


@pytest.mark.parametrize(
    ("argv", "stderr", "code"),
    [
        (("ls",), "awl: error[not-there]: words\nhint: more\n", "not-there"),
        (("--json", "ls"), '{"error": {"code": "not-there", "message": "words"}}', "not-there"),
        (("ls",), "words\n", None),
    ],
)
def test_of_an_error_its_code_is_compared(
    cells: dict[str, Cell], argv: tuple[str, ...], stderr: str, code: str | None
) -> None:
    cell = cells["rm-unknown[host,flag,text]"]
    tree = _seen(cell, _step(*argv, exit=3, stdout="", stderr=stderr)).steps[0]
    assert (tree["exit"], tree["error"]) == (3, code)


def test_a_signal_is_an_exit_code_as_a_shell_has_it(cells: dict[str, Cell]) -> None:
    step = _step("ls", exit=None, signal=9)
    assert _seen(cells["ls-names[host,flag]"], step).steps[0]["exit"] == 137


def test_what_the_suite_saw_of_the_world_is_compared(cells: dict[str, Cell]) -> None:
    seen = {
        "before": {"home": "1", "decoys": "2"},
        "after": {"home": "1", "decoys": "3"},
        "workspaces": ["a"],
        "files": {"/f": {"kind": "file", "mode": 384, "text": None}},
        "calls": [["ps"]],
    }
    tree = _seen(cells["ls-names[host,flag]"], _step("ls", seen=seen)).steps[0]
    assert tree["workspaces"] == ["a"]
    assert tree["files"] == {"/f": {"kind": "file", "mode": 384}}
    assert tree["changed"] == ["decoys"]
    assert "volumes" not in tree
    assert "calls" not in tree


def test_the_steps_of_the_givens_are_not_compared(cells: dict[str, Cell]) -> None:
    given = {**_step("create"), "role": "given"}
    observed = _seen(cells["ls-names[host,flag]"], given, _step("ls"))
    assert observed.commands == ((PROGRAM, "ls"),)
