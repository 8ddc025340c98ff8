"""Sequences are made as short and simple as they fail."""

from conformance.model.actions import (
    Action,
    Create,
    Doctor,
    Listing,
    Name,
    Remove,
    Show,
    Times,
    Write,
)
from conformance.model.shorten import shorten, simpler

A, B = Name("a"), Name("a-b", "upper")


def test_what_is_not_needed_is_left_out() -> None:
    noise = (Listing(True), Doctor(), Times(1999), Show(A))
    actions = (*noise, Create(A), *noise, Remove((A,)), *noise)
    tried: list[tuple[Action, ...]] = []

    def fails(candidate: tuple[Action, ...]) -> bool:
        tried.append(candidate)
        kinds = [type(action) for action in candidate]
        return Create in kinds and Remove in kinds[kinds.index(Create) :]

    assert shorten(actions, fails) == (Create(A), Remove((A,)))
    assert len(tried) < 30


def test_values_are_made_simple_and_names_one() -> None:
    actions = (Create(B, True), Write(B, "home", "é $x\n"), Remove((A, B), "y", True, True, True))

    def fails(candidate: tuple[Action, ...]) -> bool:
        last = candidate[-1]
        return len(candidate) == 3 and isinstance(last, Remove) and last.keep

    assert shorten(actions, fails) == (
        Create(A),
        Write(A, "home", "1\n"),
        Remove((A,), keep=True),
    )


def test_what_fails_only_as_it_is_stays() -> None:
    actions = (Create(B, True), Remove((A, B), "n"))
    assert shorten(actions, lambda _: False) == actions


def test_simpler_ends() -> None:
    assert list(simpler(Create(A))) == []
    assert list(simpler(Remove((A,)))) == []
