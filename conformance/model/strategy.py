"""Which sequences are tried: actions by their weight, with the simplest values first."""

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
    Foreign,
    ForeignGone,
    Killed,
    Leave,
    Listing,
    Missing,
    Name,
    Read,
    Remove,
    Reset,
    Show,
    Times,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["KINDS", "sequences"]

# The first name comes most often, so that much happens to one workspace; and most names are
# written plainly, and alone.
_plain = st.sampled_from((*(NAMES[:1] * 6), *NAMES[1:]))
_names = st.builds(Name, _plain, st.sampled_from(("plain",) * len(SPELLINGS) + (*SPELLINGS,)))


@st.composite
def _group(draw: DrawFn) -> tuple[Name, ...]:
    more = draw(st.lists(_names, min_size=1, max_size=2)) if draw(_seldom) else []
    return (draw(_names), *more)


_seldom = st.sampled_from((False, False, False, True))
_several = _group()
_places = st.sampled_from(PLACES)
_flags = st.sampled_from((False, False, True))
_answers = st.sampled_from(("--yes", "--yes", "--yes", "--yes", "y", "n", ""))

#: Each kind of action: its weight, and its values.
_ACTIONS: Mapping[str, tuple[int, SearchStrategy[Action]]] = {
    "create": (12, st.builds(Create, _names, _flags)),
    "ls": (4, st.builds(Listing, _flags)),
    "write": (6, st.builds(Write, _names, _places, st.sampled_from(("1\n", "", "é $x\n")))),
    "read": (7, st.builds(Read, _names, _places)),
    "rm": (10, st.builds(Remove, _several, _answers, _flags, _flags, _flags)),
    "stop": (4, st.builds(Change, st.just("stop"), _several, _flags)),
    "start": (2, st.builds(Change, st.just("start"), _several, _flags)),
    "restart": (1, st.builds(Change, st.just("restart"), _several, _flags)),
    "status": (2, st.builds(Show, _names, _flags)),
    "exit": (2, st.builds(Leave, _names, st.sampled_from((0, 1, 42)))),
    "missing": (1, st.builds(Missing, _names)),
    "dirty": (4, st.builds(Dirty, _names)),
    "clear": (1, st.builds(Clear, _names)),
    "reset": (1, st.builds(Reset, _names)),
    "doctor": (2, st.builds(Doctor, _flags)),
    "killed": (1, st.builds(Killed, _names)),
    "foreign": (3, st.builds(Foreign, _plain)),
    "foreign-gone": (1, st.builds(ForeignGone, _plain)),
    "behind": (
        3,
        st.builds(Behind, st.sampled_from(("remove", "stop", "kill", "start")), _plain),
    ),
    "times": (1, st.builds(Times, st.sampled_from((1999, 2037)))),
}
#: The kinds of actions, as options name them.
KINDS = tuple(_ACTIONS)


def sequences(steps: int, without: Collection[str] = ()) -> SearchStrategy[tuple[Action, ...]]:
    """Sequences of one to ``steps`` actions, without those of some kinds.

    Most are long: each action is the last with a chance of one in ``2 * steps``.
    """
    kinds = [k for k, (weight, _) in _ACTIONS.items() if k not in without for _ in range(weight)]
    return _sequences(steps, kinds)


@st.composite
def _one(draw: DrawFn, kinds: list[str], most: int) -> Action | None:
    if draw(st.integers(0, most)) == 0:
        return None
    return draw(_ACTIONS[draw(st.sampled_from(kinds))][1])


@st.composite
def _sequences(draw: DrawFn, steps: int, kinds: list[str]) -> tuple[Action, ...]:
    found: list[Action] = []
    # Most sequences begin with a workspace: to one that is not there little can happen.
    if "create" in kinds and draw(st.integers(0, 4)):
        found.append(Create(Name(NAMES[0])))
    for _ in range(steps - len(found)):
        action = draw(_one(kinds, 2 * steps))
        if action is None:
            break
        found.append(action)
    return tuple(found)
