"""The reference alone: what it demands, and where it leaves what the contract leaves."""

import pytest
from attrs import evolve

from conformance.model.actions import (
    Action,
    Behind,
    Change,
    Create,
    Dirty,
    Doctor,
    Failed,
    Foreign,
    Killed,
    Listing,
    Name,
    Pull,
    Push,
    Read,
    Remove,
    Write,
)
from conformance.model.reference import Outcome, Reference, reads_of
from conformance.model.state import State

A, B = Name("a"), Name("a-b")


def after(runtime: str, *actions: Action) -> State:
    """The state after actions that go as they are wanted."""
    state = State()
    for action in actions:
        state = Reference(runtime).outcomes(state, action)[0].after
    return state


def answers(runtime: str, action: Action, *before: Action) -> list[tuple[int, str | None]]:
    """Exit and error code of every way that an action may go."""
    found: tuple[Outcome, ...] = Reference(runtime).outcomes(after(runtime, *before), action)
    return [(one.expect.exit, one.expect.error) for one in found]


@pytest.mark.parametrize("runtime", ["host", "container"])
@pytest.mark.parametrize(
    ("before", "action", "exits"),
    [
        ([], Create(A), [(0, None)]),
        ([Create(A)], Create(Name("a", "upper")), [(5, "workspace-exists")]),
        ([Foreign("a")], Create(A), [(5, "workspace-exists")]),
        ([Foreign("a")], Remove((A,)), [(3, "workspace-not-found")]),
        ([Killed(A)], Create(A), [(0, None)]),
        ([], Read(A, "work"), [(125, "workspace-not-found")]),
        ([Create(A)], Read(A, "work"), [(1, None)]),
        ([Create(A), Write(A, "work", "x")], Read(A, "work"), [(0, None)]),
        ([Create(A)], Remove((A, B)), [(3, "workspace-not-found")]),
        ([Create(A)], Remove((A,), "n"), [(1, "declined")]),
        ([Create(A), Dirty(A)], Remove((A,)), [(5, "work-would-be-lost")]),
        ([Create(A), Dirty(A)], Remove((A,), force=True), [(0, None)]),
        # Which of two reasons is given is the launcher's own matter.
        (
            [Create(A), Dirty(A)],
            Remove((A,), ""),
            [(5, "work-would-be-lost"), (1, "declined")],
        ),
        # A killed create may have left something to remove, or nothing.
        ([Killed(A)], Remove((A,)), [(0, None), (3, "workspace-not-found")]),
        ([Killed(A)], Doctor(), [(0, None), (1, "unhealthy")]),
        ([Create(A)], Killed(A), []),
        ([], Failed(A), [(1, "clone-failed")]),
        ([Create(A)], Failed(A), [(5, "workspace-exists")]),
        ([Create(A)], Pull(A), [(3, "path-not-found")]),
        ([Create(A), Push(A)], Pull(A), [(0, None)]),
        ([], Push(A), [(3, "workspace-not-found")]),
        # All of none is nothing, with a question or without.
        ([], Remove(()), [(0, None)]),
        ([], Remove((), "n"), [(0, None), (1, "declined")]),
        ([Create(A)], Remove((), "n"), [(1, "declined")]),
        ([Create(A)], Remove(()), [(0, None)]),
    ],
)
def test_answers(
    runtime: str,
    before: list[Action],
    action: Action,
    exits: list[tuple[int, str | None]],
) -> None:
    assert sorted(answers(runtime, action, *before), key=str) == sorted(exits, key=str)


def test_runtimes_differ_where_parity_says_so() -> None:
    stop = Change("stop", (A,))
    assert answers("host", stop) == [(6, "command-unsupported")]
    assert answers("container", stop) == [(3, "workspace-not-found")]
    assert answers("container", stop, Create(A)) == [(0, None)]
    keep = Remove((A,), keep=True)
    assert answers("host", keep, Create(A)) == [(6, "option-unsupported")]
    assert answers("container", keep, Create(A)) == [(0, None)]


def test_kept_volumes_are_taken_up_by_the_name_and_no_other() -> None:
    before = (Create(A), Write(A, "work", "x"), Remove((A,), keep=True))
    again = after("container", *before, Create(A))
    other = after("container", *before, Create(B))
    assert again.workspaces["a"].files == {"note": "x"}
    assert not again.kept
    assert other.workspaces["a-b"].files == {}
    assert set(other.kept) == {"a"}


def test_exec_starts_what_is_stopped() -> None:
    state = after("container", Create(A), Change("stop", (A,)), Read(A, "work"))
    assert state.life("a") == "running"


def test_a_container_that_is_gone_is_told_or_not_but_its_volumes_stay() -> None:
    before = (Create(A), Write(A, "home", "x"), Behind("remove", "a"))
    assert len(Reference("container").outcomes(after("container", *before), Listing())) == 2
    state = after("container", *before, Remove((A,), keep=True), Create(A))
    assert list(reads_of(state, "container")) == [Read(A, "home")]


def test_a_stopped_one_may_be_started_to_see_what_would_be_lost() -> None:
    state = after("container", Create(A), Dirty(A), Change("stop", (A,)))
    (refused,) = Reference("container").outcomes(state, Remove((A,)))
    assert refused.after == evolve(state, workspaces=refused.after.workspaces)
    assert refused.after.life("a") is None


def test_all_of_them_go_in_any_order_and_nothing_else() -> None:
    before = (Create(A), Create(B), Foreign("a-work"))
    outcomes = Reference("container").outcomes(after("container", *before), Remove(()))
    lines = [one.expect.stdout and one.expect.stdout.lines for one in outcomes]
    assert sorted(map(str, lines)) == ["('a', 'a-b')", "('a-b', 'a')"]
    assert all(one.after == evolve(State(), foreign=frozenset({"a-work"})) for one in outcomes)


def test_a_create_that_fails_leaves_what_was_kept() -> None:
    state = after("container", Create(A), Remove((A,), keep=True), Failed(A))
    assert set(state.kept) == {"a"}
