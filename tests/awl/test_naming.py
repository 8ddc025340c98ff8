from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awl.errors import NameInvalid, ValueInvalid
from awl.naming import LONGEST, container_name, generate, normalise, unknown

_TEXT = st.text(
    st.sampled_from(list("abcXYZ019-_ws./: \t!é\n")) | st.characters(exclude_categories=["Cs"]),
    max_size=40,
)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("tool", "tool"),
        ("  Tool ", "tool"),
        ("agent-ws-tool", "tool"),
        ("codex-ws-ws-tool", "tool"),
        ("ws-", "ws"),
        ("WS-Tool", "tool"),
        ("acme/tool.git", "acme-tool-git"),
        ("a \t/.:b", "a-b"),
        ("a!b", "ab"),
        ("--a--", "a"),
        ("../../etc", "etc"),
        ("_x", "_x"),
        ("mine-tool", "tool"),
        ("Mine-ws-mine-tool", "tool"),
    ],
)
def test_names_are_normalised(raw: str, name: str) -> None:
    assert normalise(raw, "mine") == name


@pytest.mark.parametrize("raw", ["", " ", "..", "/", "-", "ws--", "日本", "\x00", "x" * 64])
def test_a_name_of_which_nothing_is_left_or_too_much_is_refused(raw: str) -> None:
    with pytest.raises(NameInvalid):
        normalise(raw)


@given(_TEXT)
def test_normalising_twice_is_the_same_as_once(raw: str) -> None:
    try:
        once = normalise(raw)
    except NameInvalid:
        return
    assert normalise(once) == once
    assert 0 < len(once) <= LONGEST
    assert set(once) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
    assert once.strip("-") == once


@given(_TEXT)
def test_the_containers_name_finds_the_same_workspace(raw: str) -> None:
    try:
        name = normalise(raw)
    except NameInvalid:
        return
    if len(name) <= LONGEST - len("agent-ws-"):
        assert normalise(container_name("agent-ws", name)) == name


@pytest.mark.parametrize("prefix", ["", "-x", "a b", "a/b", "ü"])
def test_a_prefix_that_no_engine_takes_is_refused(prefix: str) -> None:
    with pytest.raises(ValueInvalid, match="AGENT_WORKSPACE_PREFIX"):
        container_name(prefix, "a")


def test_generated_names_are_valid_and_differ() -> None:
    names = {generate() for _ in range(100)}
    assert len(names) == 100
    assert all(normalise(name) == name for name in names)


def test_a_workspace_that_is_not_there_is_told_with_the_nearest() -> None:
    error = unknown("dmeo", "host", ["a", "demo", "other"], so=", so nothing was removed")
    assert error.message == "no workspace dmeo in runtime host, so nothing was removed"
    assert error.hint == ("did you mean demo?", "see what there is: awl ls --runtime host")
    assert len(unknown("zzz", "host", ["a", "demo"]).hint) == 1
