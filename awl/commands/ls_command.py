"""`ls`: list workspaces (LS-1 to LS-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.errors import AwlError
from awl.runtimes import registry

if TYPE_CHECKING:
    import click

    from awl.model import Workspace
    from awl.session import Session

__all__ = ["command", "ls"]


def ls(session: Session, *, everywhere: bool) -> None:
    """Print the workspaces of the chosen runtime, or of all.

    With `everywhere` a runtime that does not answer is reported and left out; where none answers,
    its error is raised.
    """
    names = registry.names() if everywhere else (registry.canonical(session.runtime_setting),)
    rows: list[Workspace] = []
    failed: list[tuple[str, AwlError]] = []
    for name in names:
        try:
            rows.extend(session.runtime(name).list().workspaces)
        except AwlError as error:
            failed.append((name, error))
    if len(failed) == len(names):
        raise failed[0][1]
    for name, reason in failed:
        session.console.warn(f"runtime {name} is not listed: {reason.message}")
    if not everywhere and session.is_migrating():
        session.notice_migration()
    rows.sort(key=lambda row: (row.name, row.runtime))
    if session.console.json:
        session.console.document(
            {
                "workspaces": [row.document() for row in rows],
                "unreachable": [
                    {"runtime": name, "code": reason.code, "message": reason.message}
                    for name, reason in failed
                ],
            }
        )
    elif rows:
        session.console.result("\n".join(row.name for row in rows))


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "ls",
        ls,
        [click.Option(("--all", "everywhere"), is_flag=True, help="Of every runtime.")],
        "List workspaces, by name, one a line.",
    )
