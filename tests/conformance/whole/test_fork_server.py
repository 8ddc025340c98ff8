"""Calls that are forked from a warmed interpreter, and exec'd ones, tell of a program the same."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from .conftest import Ran

Call = Callable[..., Ran]

# Some of each kind: listings, errors, bytes, terminals, pipes, deaths, locales. Not where a person
# types or a signal comes: whether it is before or after the next word is not the program's to say.
SELECTION = (
    "ls-names or rm-unknown or exec-every-byte or exec-on-a-terminal"
    " or cli-closed-pipe or exec-child-dies-by-a-signal or cli-plain-locale or cli-missing"
)
# What no two runs have in common: the run's folder, the case's number, ports, ids, moments.
CHANGING = (
    r"/[^\s'\"]*awl-conformance-\w+",
    r"cases/[\w-]+",
    r"\bc[0-9a-f]{6}-gw\d+-\d+-[hc]\b",
    r"(?<=127\.0\.0\.1:)\d+",
    r"\b(?=[a-f]*\d)[0-9a-f]{12,64}\b",
    r"\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-][\d:]+)?",
)


def seen(result: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What each step of a cell was, and how it ended."""

    def plain(text: str) -> str:
        for number, pattern in enumerate(CHANGING):
            text = re.sub(pattern, f"<{number}>", text)
        return text

    return [
        (
            step["role"],
            [plain(word) for word in step["argv"]],
            step["exit"],
            step["signal"],
            plain(step["stdout"]),
            plain(step["stderr"]),
        )
        for step in result["steps"]
    ]


def header(ran: Ran) -> dict[str, Any]:
    """The first line of results.jsonl."""
    with (ran.out / "results.jsonl").open() as file:
        found: dict[str, Any] = json.loads(file.readline())["header"]
    return found


def test_both_ways_agree(conformance: Call) -> None:
    words = ("run", "--draft", "--select", SELECTION, "-n", "2")
    forked = conformance(*words, "--fork-server", "auto")
    execd = conformance(*words, "--fork-server", "off")
    assert header(forked)["configuration"]["calls"] == "fork", forked.stdout
    assert "  calls   forked\n" in forked.stdout
    assert header(execd)["configuration"]["calls"] == "exec"
    assert len(forked.results) >= 20
    assert forked.statuses() == execd.statuses()
    for cell, result in forked.results.items():
        assert seen(result) == seen(execd.results[cell]), cell


@pytest.mark.parametrize("lock", ["auto", "off"])
def test_a_program_that_cannot_be_had_warm_is_execd_and_the_page_says_why(
    conformance: Call, program: Callable[[str], str], good: str, lock: str
) -> None:
    shell = program(f'#!/bin/sh\nexec {good} "$@"\n')
    words = ("run", "--draft", "--select", "rm-unknown and host", "--program", shell)
    ran = conformance(*words, "--lock", lock)
    assert header(ran)["configuration"]["calls"] == "exec"
    assert "calls   exec'd: " in ran.stdout
    assert "of another interpreter (/bin/sh)" in ran.stdout
