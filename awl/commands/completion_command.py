"""`completion`: the script of a shell, and its place in the start-up file (COMP-1c, COMP-1d)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from awl.completion import startup
from awl.errors import UsageError

if TYPE_CHECKING:
    import click

    from awl.session import Session

__all__ = ["command", "completion"]


def completion(session: Session, *, what: str, shell: str | None) -> None:
    """Print the script of a shell, or put a line that evaluates it into the start-up file."""
    if what in startup.SHELLS:
        if shell is not None:
            raise UsageError(f"{what} takes no further argument", f"leave {shell} out")
        from importlib import import_module

        script: str = import_module(f"awl.completion.{what}").script(session.program)
        session.console.result(script.removesuffix("\n"))
        return
    chosen = shell or _shell_of(session)
    path = startup.path_of(chosen, session.environment)
    if what == "install":
        changed = startup.install(path, chosen, session.program)
        session.console.note(f"open a new {chosen} to use it" if changed else "it was there before")
    else:
        changed = startup.uninstall(path)
        session.console.note("it is gone from new shells" if changed else "it was not there")
    session.console.result(path)


def _shell_of(session: Session) -> str:
    shell = os.path.basename(session.environment.get("SHELL", ""))  # noqa: PTH119 - text
    if shell not in startup.SHELLS:
        raise UsageError(
            f"which shell? SHELL is {session.environment.get('SHELL')!r}",
            f"say which one: {', '.join(startup.SHELLS)}",
        )
    return shell


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "completion",
        completion,
        [
            click.Argument(("what",), type=click.Choice([*startup.SHELLS, "install", "uninstall"])),
            click.Argument(
                ("shell",), type=click.Choice(startup.SHELLS), required=False, metavar="[SHELL]"
            ),
        ],
        "Print the script of a shell with completion and short commands, or put it into the"
        " shell's start-up file (install, uninstall).",
    )
