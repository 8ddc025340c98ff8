"""`tunnel`: an editor tunnel into a workspace (TUNNEL-1 to TUNNEL-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl import tunnels
from awl.errors import AwlError, UsageError
from awl.runtimes import registry

if TYPE_CHECKING:
    import click

    from awl.session import Session
    from awl.tunnels import Tunnel

__all__ = ["command", "tunnel"]


def tunnel(
    session: Session, *, workspace: str, name: str | None, detach: bool, end: bool
) -> int | None:
    """Open, detach or end a tunnel; in the foreground return the exit code of `code`."""
    if end and (detach or name is not None):
        other = "--detach" if detach else "--name"
        raise UsageError(f"--stop contradicts {other}", "leave one of them out")
    where = session.name(workspace)
    runtime = registry.locate(where, session.runtime_setting, session.context)
    executor = runtime.executor(where)
    code = None
    try:
        if end:
            with session.context.store.lock(runtime.name, where):
                found = tunnels.stop(executor)
        else:
            shown = tunnels.service_name(
                where if name is None else name, "workspace" if name is None else "--name"
            )
            session.console.note(f"log: {executor.path(tunnels.LOG)}")
            if detach:
                with session.context.store.lock(runtime.name, where):
                    found = tunnels.detach(executor, shown)
            else:
                code, found = tunnels.attend(executor, shown, aside=session.console.json)
    except AwlError as error:
        error.message = f"tunnel {where}, runtime {runtime.name}: {error.message}"
        error.hint = tuple(hint.replace(" WORKSPACE", f" {where}") for hint in error.hint)
        raise
    if session.console.json or code is None:
        _show(session, runtime.name, where, found)
    return code


def _show(session: Session, runtime: str, workspace: str, found: Tunnel) -> None:
    row = {"workspace": workspace, "runtime": runtime, **found._asdict()}
    if session.console.json:
        session.console.document(row)
        return
    for key, value in row.items():
        if value is not None:
            session.console.result(f"{key}: {value}")
    if found.status == "running" and found.login is None:
        session.console.note("it has not asked for a login yet; if it does, the log says so")


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "tunnel",
        tunnel,
        [
            click.Option(
                ("--name",), metavar="NAME", help="The tunnel's name (default: the workspace's)."
            ),
            click.Option(("--detach",), is_flag=True, help="Go on in the background."),
            click.Option(("--stop", "end"), is_flag=True, help="End the detached tunnel."),
            click.Argument(("workspace",)),
        ],
        "Open an editor tunnel into a workspace, by `code tunnel`.",
    )
