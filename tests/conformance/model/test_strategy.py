"""The sequences that are tried: the same from one seed, and mostly to the point."""

from collections import Counter

import hypothesis

from conformance.model.actions import Action, kind_of
from conformance.model.reference import Reference
from conformance.model.state import State
from conformance.model.strategy import KINDS, sequences

Sequence = tuple[Action, ...]


def made(count: int, without: tuple[str, ...] = ()) -> list[Sequence]:
    """Sequences of at most ten steps, always the same."""
    found: list[Sequence] = []

    @hypothesis.seed(3)
    @hypothesis.settings(max_examples=count, database=None, phases=(hypothesis.Phase.generate,))
    @hypothesis.given(sequences(10, "container", without))
    def take(actions: Sequence) -> None:
        found.append(actions)

    take()
    return found


def test_a_seed_says_which() -> None:
    assert made(20) == made(20)


def test_kinds_can_be_left_out() -> None:
    every = Counter(kind_of(action) for actions in made(300) for action in actions)
    some = Counter(kind_of(action) for actions in made(300, ("doctor", "rm")) for action in actions)
    assert {"create", "rm", "doctor", "ls", "exec", "killed", "behind-remove"} <= set(every)
    assert not {"rm", "doctor"} & set(some)
    assert {"rm", "doctor"} <= set(KINDS)


def test_most_steps_have_something_to_do_it_to() -> None:
    reference, done, refused = Reference("container"), 0, 0
    for actions in made(200):
        state = State()
        assert 1 <= len(actions) <= 10
        for action in actions:
            outcomes = reference.outcomes(state, action)
            if outcomes:
                refused += outcomes[0].expect.exit not in (0, 137)
                state = outcomes[0].after
            done += bool(outcomes)
    assert done > 1000
    assert refused < done / 2
