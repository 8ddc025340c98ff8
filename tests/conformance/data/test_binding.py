"""Binding fills every placeholder in and gives typed steps, whatever stands in the values."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.catalogue.case import Suite
from conformance.catalogue.matrix import bind, cells_of, expand, load_suite
from conformance.catalogue.step import (
    UNCHANGED,
    Bound,
    EngineExpect,
    Expect,
    FileExpect,
    GivenContainer,
    GivenDirectory,
    GivenEngine,
    GivenEnv,
    GivenFault,
    GivenFile,
    GivenLink,
    GivenProgram,
    GivenRun,
    GivenVolume,
    GivenWorkspace,
    JsonExpect,
    Presence,
    SignalPlan,
    TextExpect,
    TtyControl,
    TtyEof,
    TtyExpect,
    TtyResize,
    TtySend,
)
from conformance.catalogue.template import TemplateError, fill, holes

VARIABLES = {
    name: f"/{name}"
    for name in ("root", "home", "sandbox", "tmp", "remote", "repos", "prefix", "image", "canary")
}


@pytest.fixture
def bound(with_case: Callable[[str], Suite]) -> Callable[..., Bound]:
    """Bind the first cell of a case with these fields in a runtime."""

    def make(
        runtime: str = "host", variables: Mapping[str, str] = VARIABLES, **fields: object
    ) -> Bound:
        row = {"id": "x", "covers": ["LS-1"], "polarity": "positive", "when": "awl ls", "then": {}}
        suite = with_case(json.dumps({"cases": [{**row, **fields}]}))
        return bind(next(cells_of(suite, suite.cases["x"], runtime)), variables)

    return make


def test_every_kind_of_given_becomes_its_value(bound: Callable[..., Bound]) -> None:
    rows = [
        {"workspace": "a"},
        {"workspace": "b", "repos": ["{remote}/r"], "runtime": "{other}", "args": ["--ref", "v1"]},
        {"env": {"K": "{canary}", "GONE": None}},
        {"file": "{root}/f", "content": "x{{}}", "mode": "0600"},
        {"file": "{root}/g"},
        {"dir": "{root}/d", "mode": "0700"},
        {"link": "{root}/l", "to": "{sandbox}/decoy"},
        {"container": "{prefix}-f", "labels": {"k": "{ws}"}},
        {"volume": "{prefix}-v"},
        {"fault": "daemon-down"},
        {"engine": "absent"},
        {"program": "code"},
        {"run": "sh -c 'echo {tmp}'"},
    ]
    assert (
        GivenWorkspace("a"),
        GivenWorkspace("b", ("/remote/r",), "container", ("--ref", "v1")),
        GivenEnv({"K": "/canary", "GONE": None}),
        GivenFile("/root/f", "x{}", 0o600),
        GivenFile("/root/g", "", 0o644),
        GivenDirectory("/root/d", 0o700),
        GivenLink("/root/l", "/sandbox/decoy"),
        GivenContainer("/prefix-f", {"k": "a"}),
        GivenVolume("/prefix-v"),
        GivenFault("daemon-down"),
        GivenEngine("absent"),
        GivenProgram("code"),
        GivenRun(("sh", "-c", "echo /tmp")),
    ) == bound(given=rows).given


def test_every_kind_of_expectation_becomes_its_value(bound: Callable[..., Bound]) -> None:
    then = {
        "exit": 3,
        "error": "workspace-not-found",
        "stdout": {"is": "a\n", "lines": ["a"], "contains": ["{runtime}"], "lacks": ["{canary}"]},
        "stderr": {"matches": "a{{2}}", "empty": True, "sha256": "0" * 64},
        "json": {"schema": "ls", "at": {"a[*].b": ["{root}", 2, None], "a.length": 2}},
        "workspaces": {"present": ["a"]},
        "volumes": {"absent": ["{prefix}-a"]},
        "files": {
            "{root}/d": "dir",
            "{root}/f": {"content": "x", "contains": ["y"], "mode": "0600"},
            "{root}/e": {"kind": "dir", "mode": "0700"},
        },
        "unchanged": ["home"],
        "engine": {"calls": 1, "max": 2, "never": ["pull"]},
        "within": 8,
    }
    [step] = bound(then=then).steps
    assert (
        Expect(
            exit=3,
            error="workspace-not-found",
            stdout=TextExpect(equals="a\n", lines=("a",), contains=("host",), lacks=("/canary",)),
            stderr=TextExpect(matches="a{2}", empty=True, sha256="0" * 64),
            json=JsonExpect("ls", {"a[*].b": ["/root", 2, None], "a.length": 2}),
            workspaces=Presence(present=("a",)),
            volumes=Presence(absent=("/prefix-a",)),
            files={
                "/root/d": FileExpect("dir"),
                "/root/f": FileExpect("file", "x", ("y",), 0o600),
                "/root/e": FileExpect("dir", mode=0o700),
            },
            unchanged=("home",),
            engine=EngineExpect(1, 2, ("pull",)),
            within=8,
        )
        == step.expect
    )


def test_a_step_has_all_that_its_when_says(bound: Callable[..., Bound]) -> None:
    when = {
        "run": "awl exec a cat '{home} x'",
        "stdin": "hi {runtime}\n",
        "env": {"K": None, "{name}": "{name}"},
        "cwd": "{home}",
        "tty": [
            {"expect": "\\$ "},
            {"send": "ls\n"},
            {"control": "c"},
            {"resize": [40, 120]},
            {"eof": True},
        ],
        "signal": {"send": "TERM", "after": "ready"},
        "close": "stdout",
        "timeout": 20,
    }
    [step] = bound(when=when, axes={"name": ["AWL_X"]}).steps
    assert step.argv == ("awl", "exec", "a", "cat", "/home x")
    assert (step.stdin, step.cwd, step.close, step.timeout) == (b"hi host\n", "/home", "stdout", 20)
    assert step.env == {"K": None, "AWL_X": "AWL_X"}
    assert SignalPlan("TERM", after_output="ready") == step.signal
    assert (
        TtyExpect("\\$ "),
        TtySend("ls\n"),
        TtyControl("c"),
        TtyResize(40, 120),
        TtyEof(),
    ) == step.tty


def test_stdin_may_be_any_bytes_and_a_signal_may_wait_for_seconds(
    bound: Callable[..., Bound],
) -> None:
    when = {"run": ["awl", "ls"], "stdin": {"hex": "00ff"}, "signal": {"send": "INT", "after": 2}}
    [step] = bound(when=when).steps
    assert (b"\x00\xff", SignalPlan("INT", after_seconds=2.0)) == (step.stdin, step.signal)


def test_a_signal_may_wait_for_a_file_and_an_exit_be_left_to_chance(
    bound: Callable[..., Bound],
) -> None:
    after = {"file": "{home}/gate"}
    when = {"run": ["awl", "ls"], "signal": {"send": "KILL", "after": after}}
    [step] = bound(when=when, then={"exit": [137, 0]}).steps
    assert SignalPlan("KILL", after_file="/home/gate") == step.signal
    assert (step.expect.exit, step.expect.or_exits) == (137, (0,))


def test_steps_that_follow_come_after_the_first(bound: Callable[..., Bound]) -> None:
    follow = [{"when": "awl ls", "then": {"exit": 2}}, {"when": ["true"], "then": {}}]
    steps = bound(**{"and": follow}).steps
    assert [step.argv for step in steps] == [("awl", "ls"), ("awl", "ls"), ("true",)]
    assert [step.expect.exit for step in steps] == [0, 2, 0]


@pytest.mark.parametrize(
    ("when", "then", "exit_code"),
    [
        ("awl ls", {}, 0),
        ("awl rm b", {"error": "workspace-not-found"}, 3),
        ("awl --runtime host exec b true", {"error": "workspace-not-found"}, 125),
        ("awl exec b true", {"error": "usage"}, 2),
        ("awl exec b true", {"error": "workspace-not-found", "exit": 3}, 3),
    ],
)
def test_the_exit_code_follows_from_the_error_code_by_contract(
    bound: Callable[..., Bound], when: str, then: dict[str, object], exit_code: int
) -> None:
    assert exit_code == bound(when=when, then=then).steps[0].expect.exit


def test_a_value_brings_its_own_expectations(bound: Callable[..., Bound]) -> None:
    value = {"is": "{root}/x", "id": "v", "exit": 2, "words": ["a", 7, True], "at": [1, None]}
    [step] = bound(
        axes={"name": [value]},
        when=["awl", "ls", "{name}", "-{name.exit}", "{name.words}"],
        then={"exit": "{name.exit}", "json": {"at": {"a": "{name.at}"}}},
    ).steps
    assert step.argv == ("awl", "ls", "/root/x", "-2", "a", "7", "true")
    assert (step.expect.exit, step.expect.json and step.expect.json.at) == (2, {"a": [1, None]})


def test_words_are_split_before_values_are_filled_in(bound: Callable[..., Bound]) -> None:
    hostile = "a b; rm '$x \"\n {{y}}"
    [step] = bound(axes={"name": [{"is": hostile, "id": "h"}]}, when="awl ls x{name}").steps
    assert step.argv == ("awl", "ls", "xa b; rm '$x \"\n {y}")


@pytest.mark.parametrize(
    ("runtime", "expected"), [("container", "/work host"), ("host", "/root/b/work container")]
)
def test_work_is_where_the_first_workspace_has_it_and_other_is_the_other_runtime(
    bound: Callable[..., Bound], runtime: str, expected: str
) -> None:
    rows = [{"dir": "{root}/d"}, {"workspace": "b"}, {"workspace": "c"}]
    [step] = bound(runtime, given=rows, when=["awl", "{work} {other}"]).steps
    assert expected == step.argv[1]


def test_a_runtime_that_sees_its_work_elsewhere_says_so(bound: Callable[..., Bound]) -> None:
    more = {**VARIABLES, "work": "/elsewhere", "ws": "z"}
    [step] = bound("host", more, given=[{"workspace": "b"}], when=["awl", "{work}", "{ws}"]).steps
    assert step.argv == ("awl", "/elsewhere", "z")


def test_a_variable_that_is_not_given_is_named(bound: Callable[..., Bound]) -> None:
    with pytest.raises(KeyError, match="root"):
        bound("host", {}, when=["awl", "{root}"])


def test_a_refusal_ends_with_its_signature_and_changes_nothing(folder: Path) -> None:
    [cell] = [cell for cell in expand(load_suite(folder)) if cell.plan == "refusal"]
    made = bind(cell, VARIABLES)
    assert (GivenWorkspace("a"),) == made.given
    [step] = made.steps
    assert step.argv == ("awl", "rm", "a", "--keep-volumes", "--yes")
    assert Expect(6, "option-unsupported", unchanged=UNCHANGED) == step.expect


def test_what_builds_on_a_success_is_no_part_of_a_refusal(
    folder: Path, bound: Callable[..., Bound]
) -> None:
    path = folder / "parity.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("        probe: awl rm a --keep-volumes --yes\n", ""), "utf-8")
    made = bound(
        feature="rm.keep-volumes",
        when="awl rm a --keep-volumes",
        then={"stdout": {"lines": ["a"]}},
        **{"and": [{"when": "awl ls", "then": {}}]},
    )
    assert [Expect(6, "option-unsupported", unchanged=UNCHANGED)] == [
        step.expect for step in made.steps
    ]


@given(st.text(max_size=30))
def test_any_text_survives_with_its_braces_doubled(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert list(holes(doubled)) == []
    assert text == fill(doubled, {}.__getitem__)


def test_what_a_value_holds_is_not_filled_in_again() -> None:
    assert fill("a{x}", {"x": "{b}"}.__getitem__) == "a{b}"


def test_a_brace_alone_is_told_with_its_place() -> None:
    with pytest.raises(TemplateError, match="single '}'") as caught:
        list(holes({"a": ["ok", "b}"]}))
    assert caught.value.route == ("a", 1)
