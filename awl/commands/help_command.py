"""`help`: help on a command, and the tables of exit codes and variables (CLI-2, CLI-10, CLI-11)."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from awl import commands, variables
from awl.errors import UnknownCommand
from awl.exits import EXIT_TABLE

if TYPE_CHECKING:
    import click

    from awl.session import Session

__all__ = ["command", "show_help"]

_EXIT_CODES = "exit-codes"
_ENVIRONMENT = "environment"


def show_help(session: Session, *, topic: str | None) -> None:
    """Print help on `topic`: a command, a table, or nothing for the whole."""
    import click

    if topic == _EXIT_CODES:
        _exit_codes(session)
        return
    if topic == _ENVIRONMENT:
        _environment(session)
        return
    root = click.get_current_context().find_root()
    if topic is None:
        session.console.result(root.get_help())
        return
    if topic not in commands.NAMES:
        topics = (*commands.NAMES, _EXIT_CODES, _ENVIRONMENT)
        near = difflib.get_close_matches(topic, topics, 1)
        raise UnknownCommand(
            f"no help on {topic!r}; topics: {', '.join(topics)}",
            *(f"did you mean: {session.program} help {match}" for match in near),
        )
    found = commands.load(topic)
    with click.Context(
        found, info_name=topic, parent=root, help_option_names=["-h", "--help"]
    ) as context:
        session.console.result(found.get_help(context))


def _exit_codes(session: Session) -> None:
    if session.console.json:
        rows = [{"exit": number, "text": text} for number, text in EXIT_TABLE]
        session.console.document({"exit_codes": rows})
        return
    for number, text in EXIT_TABLE:
        session.console.result(f"{number:>3}  {text}")


def _environment(session: Session) -> None:
    table = (*variables.CONTRACT, *variables.OWN)
    if session.console.json:
        rows = [{"name": name, "text": text} for name, text in table]
        session.console.document({"environment": rows})
        return
    width = max(len(name) for name, _ in table)
    for name, text in table:
        session.console.result(f"{name:<{width}}  {text}")


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "help",
        show_help,
        [click.Argument(("topic",), required=False)],
        "Show help on a command, or the table of exit codes or of variables (TOPIC exit-codes,"
        " environment).",
    )
