"""Which sequences are tried: actions by their weight, mostly where they can do something.

What there is by then is known from the reference; so most names are of workspaces that are there,
most creates of those that are not, and some of neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from conformance.model.actions import (
    NAMES,
    PLACES,
    SPELLINGS,
    Action,
    Behind,
    Change,
    Clear,
    Create,
    Dirty,
    Doctor,
    Failed,
    Foreign,
    ForeignGone,
    Killed,
    Leave,
    Listing,
    Missing,
    Name,
    Pull,
    Push,
    Read,
    Remove,
    Reset,
    Show,
    Times,
    Write,
)
from conformance.model.reference import Reference
from conformance.model.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["KINDS", "sequences"]

_flags = st.sampled_from((False, False, True))
_seldom = st.sampled_from((False, False, False, True))
_places = st.sampled_from(PLACES)
# Half of all names are written plainly.
_spellings = st.sampled_from(("plain",) * len(SPELLINGS) + (*SPELLINGS,))
_answers = st.sampled_from(("--yes", "--yes", "--yes", "--yes", "y", "n", ""))
_contents = st.sampled_from(("1\n", "", "é $x\n"))
_behind = st.sampled_from(("remove", "stop", "kill", "start"))


def _pool(likely: Iterable[str]) -> SearchStrategy[str]:
    return st.sampled_from((*(sorted(likely) * 4), *NAMES))


def _there(state: State) -> SearchStrategy[str]:
    return _pool(state.workspaces)


def _free(state: State) -> SearchStrategy[str]:
    """Names that are free, the more so where a workspace of the name was there before."""
    taken = {*state.workspaces, *state.foreign}
    return _pool([*(set(NAMES) - taken), *state.kept, *state.limbo])


def _one(state: State) -> SearchStrategy[Name]:
    return st.builds(Name, _there(state), _spellings)


def _new(state: State) -> SearchStrategy[Name]:
    return st.builds(Name, _free(state), _spellings)


@st.composite
def _any(draw: DrawFn, state: State) -> tuple[Name, ...]:
    return () if draw(st.integers(0, 9)) == 9 else draw(_some(state))


@st.composite
def _some(draw: DrawFn, state: State) -> tuple[Name, ...]:
    more = draw(st.lists(_one(state), min_size=1, max_size=2)) if draw(_seldom) else []
    return (draw(_one(state)), *more)


def _change(what: str) -> Callable[[State], SearchStrategy[Action]]:
    return lambda s: st.builds(Change, st.just(what), _some(s), _flags)


#: Each kind of action: its weight, and its values where there is so much.
_ACTIONS: Mapping[str, tuple[int, Callable[[State], SearchStrategy[Action]]]] = {
    "create": (9, lambda s: st.builds(Create, _new(s), _flags)),
    "ls": (4, lambda _: st.builds(Listing, _flags)),
    "write": (7, lambda s: st.builds(Write, _one(s), _places, _contents)),
    "read": (4, lambda s: st.builds(Read, _one(s), _places)),
    "rm": (8, lambda s: st.builds(Remove, _any(s), _answers, _flags, _flags, _flags)),
    "stop": (4, _change("stop")),
    "start": (2, _change("start")),
    "restart": (1, _change("restart")),
    "status": (2, lambda s: st.builds(Show, _one(s), _flags)),
    "exit": (1, lambda s: st.builds(Leave, _one(s), st.sampled_from((0, 1, 42)))),
    "missing": (1, lambda s: st.builds(Missing, _one(s))),
    "dirty": (3, lambda s: st.builds(Dirty, _one(s))),
    "clear": (1, lambda s: st.builds(Clear, _one(s))),
    "reset": (1, lambda s: st.builds(Reset, _one(s))),
    "doctor": (2, lambda _: st.builds(Doctor, _flags)),
    "push": (1, lambda s: st.builds(Push, _one(s))),
    "pull": (1, lambda s: st.builds(Pull, _one(s))),
    "failed": (2, lambda s: st.builds(Failed, _new(s))),
    "killed": (1, lambda s: st.builds(Killed, _new(s))),
    "foreign": (2, lambda s: st.builds(Foreign, _free(s))),
    "foreign-gone": (1, lambda s: st.builds(ForeignGone, _pool(s.foreign))),
    "behind": (3, lambda s: st.builds(Behind, _behind, _there(s))),
    "times": (1, lambda _: st.builds(Times, st.sampled_from((1999, 2037)))),
}
#: The kinds of actions, as options name them.
KINDS = tuple(_ACTIONS)


@st.composite
def sequences(
    draw: DrawFn, steps: int, runtime: str, without: Collection[str] = ()
) -> tuple[Action, ...]:
    """Sequences of at most ``steps`` actions, without those of some kinds.

    ``runtime``: the one in which most of them can do something. Most are long: each action is the
    last with a chance of one in ``2 * steps``.
    """
    kinds = [k for k, (weight, _) in _ACTIONS.items() if k not in without for _ in range(weight)]
    first = kinds if "create" in without else [*kinds, *(["create"] * len(kinds))]
    reference, state = Reference(runtime), State()
    found: list[Action] = []
    for _ in range(steps):
        if found and draw(st.integers(1, 2 * steps)) == 1:
            break
        kind = draw(st.sampled_from(kinds if state.workspaces else first))
        action = draw(_ACTIONS[kind][1](state))
        found.append(action)
        if outcomes := reference.outcomes(state, action):
            state = outcomes[0].after
    return tuple(found)
