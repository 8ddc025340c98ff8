"""The command line as it was typed, read again for the sake of errors.

An error may come before click has seen `--json`, and the hint of an engine error is the person's
own command with another runtime (RT-5). Both need to know which words are the launcher's own and
which belong to the command given to `exec`. Only errors pay for this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awl import commands
from awl.commands.options import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import click

__all__ = ["command_of", "is_json", "with_runtime"]

_VARIABLE = frozenset({"-e", "--env"})


class _Word(NamedTuple):
    """One word of the launcher's own: an option with its value, or an argument."""

    start: int
    end: int  # past its value, where that is a word of its own
    option: str | None
    value: str | None


def command_of(arguments: Sequence[str]) -> str | None:
    """Return the subcommand that was typed, whether or not there is such a one."""
    return next((arguments[word.start] for word in _own(arguments) if word.option is None), None)


def is_json(arguments: Sequence[str]) -> bool:
    """Tell whether errors are to be JSON; the last of several options counts."""
    json = False
    for word in _own(arguments):
        if word.option == "--json":
            json = True
        elif word.option == "--output" and word.value in {"json", "text"}:
            json = word.value == "json"
    return json


def with_runtime(program: str, arguments: Sequence[str], runtime: str) -> list[str]:
    """Return the same command line with another runtime, values of variables masked (SEC-1)."""
    kept = list(arguments)
    for word in _own(arguments):
        if word.option in _VARIABLE and word.value:
            name, equals, _ = word.value.partition("=")
            kept[word.end - 1] = kept[word.end - 1].removesuffix(word.value) + name
            kept[word.end - 1] += f"{equals}***" if equals else ""
    # The host has no use for an engine, and refuses to be told one.
    gone = {"--engine", "--runtime"} if runtime == "host" else {"--runtime"}
    for word in reversed([word for word in _own(arguments) if word.option in gone]):
        del kept[word.start : word.end]
    return [program, "--runtime", runtime, *kept]


def _own(arguments: Sequence[str]) -> Iterator[_Word]:
    takes_value = _with_value(GLOBAL)
    command: str | None = None
    at = 0
    while at < len(arguments):
        text = arguments[at]
        if text == "--":
            return
        if not text.startswith("-") or text == "-":
            yield _Word(at, at + 1, None, text)
            if command == "exec":
                return  # that was the workspace; what follows is not the launcher's
            if command is None:
                command = text
                if text in commands.NAMES:
                    takes_value |= _with_value(commands.load(text).params)
            at += 1
            continue
        option, equals, value = text.partition("=")
        end = at + 1
        if not equals and option in takes_value:
            end, value = at + 2, "".join(arguments[at + 1 : at + 2])
        yield _Word(at, min(end, len(arguments)), option, value)
        at = end


def _with_value(params: Iterable[click.Parameter]) -> set[str]:
    return {
        name
        for param in params
        if param.param_type_name == "option" and not getattr(param, "is_flag", False)
        for name in param.opts
    }
