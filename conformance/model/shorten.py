"""Making a sequence short: steps are left out and values made simpler, as long as it still fails.

A sequence is played for each attempt, which costs a second or so; so attempts are few. What is left
is minimal: no step of it can be left out, unless the time was over before that was tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from conformance.model.actions import NAMES, Name, Remove, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from conformance.model.actions import Action

__all__ = ["shorten", "simpler"]

Actions = tuple["Action", ...]


def shorten(actions: Actions, fails: Callable[[Actions], bool]) -> Actions:
    """The shortest and simplest sequence that was found to fail, from one that does.

    ``fails`` plays a sequence; it may say no at once when there is no time left.
    """
    actions = _fewer(actions, max(len(actions) // 2, 1), fails)
    for candidate in _under_one_name(actions):
        if fails(candidate):
            actions = candidate
    for at in range(len(actions)):
        actions = _simplified(actions, at, fails)
    # Under one name what was needed before may have become idle.
    return _fewer(actions, 1, fails)


def _fewer(actions: Actions, size: int, fails: Callable[[Actions], bool]) -> Actions:
    """Without all that is not needed, in parts of ``size`` steps first and of one step at last."""
    while True:
        shorter = _without_parts(actions, size, fails)
        if size == 1 and shorter == actions:
            return actions
        actions = shorter
        size = max(size // 2, 1)


def _simplified(actions: Actions, at: int, fails: Callable[[Actions], bool]) -> Actions:
    """With the step at ``at`` as simple as it may be."""
    for action in simpler(actions[at]):
        candidate = (*actions[:at], action, *actions[at + 1 :])
        if fails(candidate):
            return _simplified(candidate, at, fails)
    return actions


def _without_parts(actions: Actions, size: int, fails: Callable[[Actions], bool]) -> Actions:
    """Without each part of ``size`` steps that is not needed, the last ones first."""
    at = len(actions) - size
    while at >= 0:
        candidate = actions[:at] + actions[at + size :]
        if candidate and fails(candidate):
            actions = candidate
        at -= size
    return actions


def _under_one_name(actions: Actions) -> Iterator[Actions]:
    """The same with all that happens to another name happening to the first one."""
    for name in NAMES[1:]:
        changed = tuple(_renamed(action, name) for action in actions)
        if changed != actions:
            yield changed


def _renamed(action: Action, old: str) -> Action:
    changes: dict[str, object] = {}
    for field in attrs.fields(type(action)):
        value = getattr(action, field.name)
        match value:
            case Name(name=name) if name == old:
                changes[field.name] = attrs.evolve(value, name=NAMES[0])
            case str() if field.name == "name" and value == old:
                changes[field.name] = NAMES[0]
            case tuple():
                moved = (attrs.evolve(n, name=NAMES[0]) if n.name == old else n for n in value)
                changes[field.name] = tuple(moved)
    return _with(action, changes)


def simpler(action: Action) -> Iterator[Action]:
    """Simpler actions of the same kind, the simplest first."""
    changes: dict[str, list[object]] = {}
    for field in attrs.fields(type(action)):
        match getattr(action, field.name):
            case Name(how=how) as name if how != "plain":
                changes[field.name] = [Name(name.name)]
            case tuple() as names:
                plain = tuple(dict.fromkeys(Name(one.name) for one in names))
                fewer = [(one,) for one in plain] if len(plain) > 1 else []
                changes[field.name] = [one for one in (*fewer, plain) if one != names]
            case True:
                changes[field.name] = [False]
    if isinstance(action, Remove) and action.answer != "--yes":
        changes["answer"] = ["--yes"]
    if isinstance(action, Write) and action.content != "1\n":
        changes["content"] = ["1\n"]
    if all(changes.values()) and len(changes) > 1:
        yield _with(action, {field: values[0] for field, values in changes.items()})
    for field, values in changes.items():
        for value in values:
            yield _with(action, {field: value})


def _with(action: Action, changes: Mapping[str, object]) -> Action:
    known: Any = action  # its fields are known at run time only
    changed: Action = attrs.evolve(known, **changes)
    return changed
