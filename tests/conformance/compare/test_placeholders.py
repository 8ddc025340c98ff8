import pytest

from conformance.compare.placeholders import Placeholders
from conformance.reports.normal import variables

ROOT = variables("host", "")["root"]


def _of(runtime: str) -> Placeholders:
    other = {"host": "container", "container": "host"}[runtime]
    return Placeholders.of_runtime(runtime, other, variables(runtime, "org/image:run"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sha256:" + "0a" * 32, "<id>"),
        ("at 2026-01-02T03:04:05.6Z", "at <time>"),
        ("container 0123456789ab is gone", "container <id> is gone"),
        ("abcdefabcdef, abc123", "abcdefabcdef, abc123"),
        # A commit is the same on both sides, and is compared.
        ("da75ee1e221193b237d2a54dd17f759c4da0bc35", "da75ee1e221193b237d2a54dd17f759c4da0bc35"),
        ("host", "host"),
        ("/work", "/work"),
    ],
)
def test_ids_and_times_go_on_every_side(text: str, expected: str) -> None:
    assert Placeholders()(text) == expected


def test_the_image_of_a_side_is_the_operators() -> None:
    replace = Placeholders.of_side("org/image:run")
    assert replace("made of org/image:run") == "made of <image>"
    assert replace("org/image:runs, my-org/image:run") == "org/image:runs, my-org/image:run"


@pytest.mark.parametrize(
    ("host", "container", "expected"),
    [
        ("host", "container", "<runtime>"),
        ("container", "host", "<other>"),
        (f"{ROOT}/a/work\n", "/work\n", "<work>\n"),
        (f"{ROOT}/a/work/acme/lib", "/work/acme/lib", "<work>/acme/lib"),
        (f"{ROOT}/a/.codex/auth.json", "/home/agent/.codex/auth.json",
         "<workspace>/.codex/auth.json"),
        ("org/image:run", "org/image:run", "<image>"),
        ("c000000-case-h-a", "c000000-case-c-a", "<prefix>-a"),
    ],
)  # fmt: skip
def test_what_stands_for_the_same_in_two_runtimes_gets_one_name(
    host: str, container: str, expected: str
) -> None:
    assert (_of("host")(host), _of("container")(container)) == (expected, expected)


@pytest.mark.parametrize(
    ("runtime", "text", "expected"),
    [
        # A runtime that names the other one's place is found out.
        ("host", "/work", "/work"),
        ("container", f"{ROOT}/a", "<other workspace>"),
        # A word in a sentence is no name of a runtime.
        ("host", "host=github.com", "host=github.com"),
        ("host", "host\n", "host\n"),
        ("container", "/workers and /home/agents", "/workers and /home/agents"),
    ],
)
def test_nothing_else_is_made_alike(runtime: str, text: str, expected: str) -> None:
    assert _of(runtime)(text) == expected


def test_keys_are_replaced_only_where_they_name_runtimes() -> None:
    tree = {"runtimes": {"host": {"a": "host"}}, "row": {"host": 1, "name": "x"}, "list": ["host"]}
    assert _of("host").within(tree) == {
        "runtimes": {"<runtime>": {"a": "<runtime>"}},
        "row": {"host": 1, "name": "x"},
        "list": ["<runtime>"],
    }
