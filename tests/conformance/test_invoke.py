"""The program, the way of choosing its runtime, and the output are put into a case's command."""

import pytest

from conformance.invoke import invocation, subcommand, wants_json

ARGV = ("awl", "exec", "a", "--", "ls", "--runtime", "x")


@pytest.mark.parametrize(
    ("via", "argv", "env"),
    [
        ("flag", "p --runtime host exec a -- ls --runtime x", ()),
        ("flag-equals", "p --runtime=host exec a -- ls --runtime x", ()),
        ("flag-after", "p exec --runtime host a -- ls --runtime x", ()),
        ("flag-after-equals", "p exec --runtime=host a -- ls --runtime x", ()),
        ("env", "p exec a -- ls --runtime x", (("AGENT_WORKSPACE_RUNTIME", "host"),)),
        ("env-short", "p exec a -- ls --runtime x", (("AWL_RUNTIME", "host"),)),
        ("default", "p exec a -- ls --runtime x", ()),
        ("none", "p exec a -- ls --runtime x", ()),
    ],
)
def test_each_way_of_choosing(via: str, argv: str, env: tuple[tuple[str, str], ...]) -> None:
    call = invocation(("p",), ARGV, runtime="host", via=via)
    assert call.argv == tuple(argv.split())
    assert call.env == env


def test_json_goes_before_the_subcommand() -> None:
    call = invocation(("p", "-x"), ("awl", "ls"), runtime="host", via="flag-after", output="json")
    assert call.argv == ("p", "-x", "--json", "ls", "--runtime", "host")


def test_other_commands_stay_as_they_are() -> None:
    assert invocation(("p",), ("sh", "-c", "x"), runtime="host", via="env").argv == (
        "sh",
        "-c",
        "x",
    )


def test_an_unknown_way_is_an_error() -> None:
    with pytest.raises(ValueError, match="flagg"):
        invocation(("p",), ARGV, runtime="host", via="flagg")


def test_the_subcommand_is_the_first_word_that_is_no_option() -> None:
    assert subcommand(("awl", "--json", "rm", "x")) == "rm"
    assert subcommand(("awl",)) == "awl"


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        (("p", "--json", "ls"), True),
        (("p", "ls", "--output", "json"), True),
        (("p", "ls", "--output=json"), True),
        (("p", "ls", "--output", "text"), False),
        (("p", "exec", "a", "--", "x", "--json"), False),
    ],
)
def test_wants_json(argv: tuple[str, ...], wanted: bool) -> None:
    assert wants_json(argv) is wanted
