"""`auth`: hand credentials to a workspace (AUTH-1 to AUTH-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.errors import AwlError, UsageError, WorkspaceNotChosen
from awl.runtimes import registry

if TYPE_CHECKING:
    import click

    from awl.auth import Handed
    from awl.executor import Executor
    from awl.runtimes.api import Runtime
    from awl.session import Session

__all__ = ["auth", "command"]

_OPTIONS = {"github": "host", "codex": "profile", "gpg": "key"}


def auth(
    session: Session,
    *,
    provider: str,
    workspace: str | None,
    host: str | None,
    profile: str | None,
    key: str | None,
) -> None:
    """Find the credentials of `provider` and hand them to a workspace, the only one by default."""
    given = {"host": host, "profile": profile, "key": key}
    for name, value in given.items():
        if value is not None and name != _OPTIONS[provider]:
            raise UsageError(
                f"auth {provider} has no use for --{name}",
                f"leave it out; what it takes is --{_OPTIONS[provider]}",
            )
    try:
        if workspace is None:
            runtime = session.runtime()
            name = _only(session, runtime)
        else:
            name = session.name(workspace)
            runtime = registry.locate(name, session.runtime_setting, session.context)
        handed = _hand(session, runtime.executor(name), provider, given[_OPTIONS[provider]])
    except AwlError as error:
        chosen = registry.canonical(session.runtime_setting)
        error.message = f"auth {provider}, runtime {chosen}: {error.message}"
        if workspace is not None:
            error.hint = tuple(hint.replace(" WORKSPACE", f" {workspace}") for hint in error.hint)
        error.details = {**(error.details or {}), "provider": provider, "runtime": chosen}
        raise
    _show(session, runtime.name, name, handed)


def _only(session: Session, runtime: Runtime) -> str:
    names = [workspace.name for workspace in runtime.list().workspaces]
    if len(names) == 1:
        return names[0]
    if not names:
        raise WorkspaceNotChosen(
            "no workspace was named, and there is none",
            f"make one: {session.program} create --name NAME --runtime {runtime.name}",
        )
    raise WorkspaceNotChosen(
        f"no workspace was named, and there are {len(names)}: {', '.join(names)}",
        "say which one, as the last argument",
        details={"workspaces": names},
    )


def _hand(session: Session, executor: Executor, provider: str, value: str | None) -> Handed:
    if provider == "github":
        from awl.auth import github

        return github.hand(executor, session.environment, value)
    if provider == "codex":
        from awl.auth import codex

        return codex.hand(executor, session.environment, value, session.console.warn)
    from awl.auth import gpg

    return gpg.hand(executor, session.environment, value)


def _show(session: Session, runtime: str, name: str, handed: Handed) -> None:
    if session.console.json:
        session.console.document({"workspace": name, "runtime": runtime, **handed._asdict()})
        return
    session.console.result(f"workspace: {name}")
    session.console.result(f"runtime: {runtime}")
    for key, value in handed._asdict().items():
        session.console.result(f"{key}: {value}")


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "auth",
        auth,
        [
            click.Option(
                ("--host",),
                metavar="HOST",
                help="github: the host (default: GITHUB_HOST or github.com).",
            ),
            click.Option(("--profile",), metavar="NAME", help="codex: the profile."),
            click.Option(("--key",), metavar="KEY", help="gpg: the secret key."),
            click.Argument(("provider",), type=click.Choice(list(_OPTIONS))),
            click.Argument(("workspace",), required=False),
        ],
        "Hand credentials to a workspace; without WORKSPACE, to the only one.",
    )
