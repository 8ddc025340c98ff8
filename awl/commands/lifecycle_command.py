"""`start`, `stop`, `restart`, `status` and `logs` (LIFE-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awl import naming
from awl.errors import (
    AwlError,
    CommandUnsupported,
    PartialFailure,
    ValueInvalid,
)
from awl.executor import Lifecycle
from awl.runtimes import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from awl.runtimes.api import Runtime
    from awl.session import Session

__all__ = ["command", "logs", "restart", "start", "status", "stop"]

_SECONDS = 10
_LONGEST = 3600
_SHOWN = ("runtime", "engine", "status", "path", "container", "image", "provider", "mode")


class _Target(NamedTuple):
    name: str
    runtime: str
    life: Lifecycle


def start(session: Session, *, workspaces: tuple[str, ...]) -> None:
    """Start workspaces; one that runs already is a quiet success."""
    _change(session, "start", workspaces, "running", lambda life: life.start())


def stop(session: Session, *, workspaces: tuple[str, ...], time: str | None) -> None:
    """Stop workspaces, killed after `time` seconds; a stopped one is a quiet success."""
    seconds = _seconds(time)
    _change(session, "stop", workspaces, "stopped", lambda life: life.stop(seconds))


def restart(session: Session, *, workspaces: tuple[str, ...], time: str | None) -> None:
    """Stop workspaces as `stop` does, and start them."""
    seconds = _seconds(time)

    def again(life: Lifecycle) -> bool:
        life.stop(seconds)
        return life.start()

    _change(session, "restart", workspaces, "running", again)


def status(session: Session, *, workspace: str) -> None:
    """Show one workspace; the JSON form is its row of `ls`."""
    name = session.name(workspace)
    runtime = registry.locate(name, session.runtime_setting, session.context)
    known = {one.name: one for one in runtime.list().workspaces}
    if name not in known:
        raise naming.unknown(name, runtime.name, known, program=session.program)
    found = known[name]
    if session.console.json:
        session.console.document({"workspace": found.document()})
        return
    pairs = [("workspace", name), *((key, getattr(found, key)) for key in _SHOWN)]
    pairs += [("created", found.created_at), *(("repo", repo.path) for repo in found.repos)]
    session.console.result("\n".join(f"{key}: {value}" for key, value in pairs if value))


def logs(session: Session, *, workspace: str, follow: bool, tail: str | None) -> None:
    """Print what the first process of a workspace has printed."""
    if tail is not None and not (tail.isascii() and tail.isdigit()):
        raise ValueInvalid(f"--tail {tail!r} is not a number of lines", "such as --tail 20")
    target = _target(session, "logs", session.name(workspace))
    target.life.logs(follow=follow, tail=int(tail) if tail is not None else None)


def _seconds(text: str | None) -> int:
    if text is None:
        return _SECONDS
    if not (text.isascii() and text.isdigit()) or int(text) > _LONGEST:
        raise ValueInvalid(
            f"--time {text!r} is not a number of seconds", f"such as {_SECONDS}, at most {_LONGEST}"
        )
    return int(text)


def _target(session: Session, what: str, name: str) -> _Target:
    runtime: Runtime = registry.locate(name, session.runtime_setting, session.context)
    reason = runtime.capabilities().why_not(what)
    life: object = None if reason else runtime.executor(name)
    if not isinstance(life, Lifecycle):
        raise CommandUnsupported(
            f"runtime {runtime.name} does not support {what}:"
            f" {reason or 'its workspaces neither run nor stop'}",
            "choose another --runtime",
        )
    return _Target(name, runtime.name, life)


def _change(
    session: Session,
    what: str,
    workspaces: tuple[str, ...],
    status: str,
    act: Callable[[Lifecycle], bool],
) -> None:
    """Do `act` to each workspace, once all of them are known; one failure stops no other."""
    names = dict.fromkeys(session.name(one) for one in workspaces)
    targets = [_target(session, what, name) for name in names]
    rows: list[dict[str, object]] = []
    failed: list[tuple[str, AwlError]] = []
    for name, runtime, life in targets:
        try:
            changed = act(life)
        except AwlError as error:
            failed.append((name, error))
            continue
        rows.append({"name": name, "runtime": runtime, "status": status, "changed": changed})
        if not session.console.json:
            session.console.result(name)
    if session.console.json:
        session.console.document({"workspaces": rows})
    if len(failed) == len(targets) == 1:
        raise failed[0][1]
    if failed:
        raise PartialFailure(
            f"{what}: {len(rows)} done, {len(failed)} not: "
            + "; ".join(f"{name} ({error.message})" for name, error in failed),
            "see how they are: awl ls --json",
        )


def command(name: str) -> click.Command:
    """Return the click command `name`."""
    import click

    from awl.commands import options

    many = click.Argument(("workspaces",), nargs=-1, required=True, metavar="WORKSPACE...")
    one = click.Argument(("workspace",))
    time = click.Option(
        ("--time",), metavar="SECONDS", help=f"Kill it after so long (default: {_SECONDS})."
    )
    if name == "start":
        return options.command(name, start, [many], "Start workspaces that are stopped.")
    if name == "stop":
        return options.command(name, stop, [time, many], "Stop workspaces; what is in them stays.")
    if name == "restart":
        return options.command(name, restart, [time, many], "Stop workspaces and start them again.")
    if name == "status":
        return options.command(name, status, [one], "Show one workspace.")
    return options.command(
        name,
        logs,
        [
            click.Option(("--follow", "-f"), is_flag=True, help="Go on as more comes."),
            click.Option(("--tail",), metavar="LINES", help="Only the last lines."),
            one,
        ],
        "Print what the first process of a workspace has printed.",
    )
