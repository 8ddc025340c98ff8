"""The form of the command line: what `table` is written in."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Argument", "Command", "Option"]


class Option(NamedTuple):
    """An option with all its names; `metavar` is `None` for one that takes no value."""

    names: tuple[str, ...]
    metavar: str | None
    help: str
    many: bool = False
    choices: tuple[str, ...] = ()


class Argument(NamedTuple):
    """An argument: one of its choices where it has some, else what its kind says."""

    kind: str
    many: bool = False
    choices: tuple[str, ...] = ()


class Command(NamedTuple):
    """A command with its one line of help."""

    help: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
