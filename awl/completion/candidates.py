"""What may stand where the cursor is: the words before it say which (COMP-1a)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awl.completion import values
from awl.completion.table import COMMANDS, GLOBAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from awl.completion.form import Option
    from awl.session import Session

__all__ = ["FILES", "Candidate", "candidates"]

#: Says that the shell itself is to offer files; no candidate looks like this.
FILES = ":files"


class Candidate(NamedTuple):
    """A word that may stand there, and one line about it (or nothing)."""

    value: str
    help: str = ""


class _Read(NamedTuple):
    """The words before the cursor: the command, its arguments, options given, one left open."""

    command: str | None
    arguments: tuple[str, ...]
    given: frozenset[str]
    open: str | None  # an option that waits for its value
    only_arguments: bool


def candidates(session: Session, words: Sequence[str]) -> Iterator[Candidate]:
    """Yield what the last of `words` may become; the launcher's name is not among them.

    The runtime that the line names is chosen in `session`.
    """
    *before, current = words or [""]
    read = _read(session, before)
    if read.open:
        found = _values(session, read.command, read.open)
    elif current.startswith("-") and not read.only_arguments:
        option, equals, _ = current.partition("=")
        if equals:
            values_ = _values(session, read.command, option)
            found = (Candidate(f"{option}={value}", help_) for value, help_ in values_)
        else:
            found = _options(read)
    elif read.command is None:
        found = (Candidate(name, command.help) for name, command in COMMANDS.items())
    else:
        found = _arguments(session, read, current)
    for one in found:
        if (one.value.startswith(current) or one.value == FILES) and one.value.isprintable():
            yield one


def _read(session: Session, words: Sequence[str]) -> _Read:
    command: str | None = None
    arguments: list[str] = []
    given: set[str] = set()
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return _Read(command, (*arguments, *left), frozenset(given), None, only_arguments=True)
        if not word.startswith("-") or word == "-":
            if command is None:
                command = word
            else:
                arguments.append(word)
            if command == "exec" and arguments:
                return _Read(command, (*arguments, *left), frozenset(given), None, True)
            continue
        name, equals, value = word.partition("=")
        option = _option(command, name)
        given.update(option.names if option else ())
        if option is None or option.metavar is None:
            continue
        if not equals:
            if not left:
                return _Read(command, tuple(arguments), frozenset(given), name, False)
            value = left.pop(0)
        if name == "--runtime":
            session.runtime_flag = value
        elif name == "--engine":
            session.engine_flag = value
    return _Read(command, tuple(arguments), frozenset(given), None, only_arguments=False)


def _option(command: str | None, name: str) -> Option | None:
    return next((one for one in _of(command) if name in one.names), None)


def _of(command: str | None) -> tuple[Option, ...]:
    return (*(COMMANDS[command].options if command in COMMANDS else ()), *GLOBAL)


def _options(read: _Read) -> Iterator[Candidate]:
    for option in _of(read.command):
        if option.many or not read.given.intersection(option.names):
            for name in option.names:
                if name.startswith("--"):
                    yield Candidate(name, option.help)


def _values(session: Session, command: str | None, name: str) -> Iterator[Candidate]:
    option = _option(command, name)
    if option is None:
        return iter(())
    if option.choices:
        return _plain(option.choices)
    look = {
        "--runtime": values.runtimes,
        "--image": values.images,
        "--profile": values.profiles,
    }.get(name)
    return _plain(look(session) if look else ())


def _arguments(session: Session, read: _Read, current: str) -> Iterator[Candidate]:
    command = COMMANDS.get(read.command or "")
    if command is None or not command.arguments:
        return
    at = len(read.arguments)
    last = command.arguments[-1]
    if at >= len(command.arguments) and not last.many:
        return
    argument = command.arguments[min(at, len(command.arguments) - 1)]
    if argument.choices:
        yield from _plain(argument.choices)
    elif argument.kind == "workspace":
        taken = read.arguments if argument.many else ()
        yield from _plain(name for name in values.workspaces(session) if name not in taken)
    elif argument.kind == "topic":
        yield from (Candidate(name, one.help) for name, one in COMMANDS.items())
        yield Candidate("exit-codes", "The table of exit codes.")
        yield Candidate("environment", "The variables that are read.")
    elif argument.kind == "path" and read.arguments[:1] == ("repo",):
        yield from _plain(values.repositories(session, read.arguments[1]))
    elif _is_local(argument.kind, read.arguments, current):
        yield Candidate(FILES)


def _is_local(kind: str, arguments: tuple[str, ...], current: str) -> bool:
    """Tell whether a path of this machine is meant, and not a name or a path in a workspace."""
    if kind == "repos":
        return current.startswith((".", "/", "~"))
    return (kind, arguments[:1]) in {("source", ("push",)), ("target", ("pull",))}


def _plain(words: Iterable[str]) -> Iterator[Candidate]:
    return (Candidate(word) for word in words)
