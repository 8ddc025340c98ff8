"""`exec`: run a command in a workspace (EXEC-1 to EXEC-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.errors import UsageError, ValueInvalid
from awl.model import ExecSpec
from awl.runtimes import registry

if TYPE_CHECKING:
    import click

    from awl.session import Session

__all__ = ["command", "execute"]


def execute(
    session: Session,
    *,
    workspace: str,
    words: tuple[str, ...],
    root: bool,
    user: str | None,
    cwd: str | None,
    env: tuple[str, ...],
) -> int:
    """Run `words` in a workspace and return the child's exit code."""
    if root and user is not None:
        raise UsageError("--root and --user contradict each other", "give one of them")
    if user is not None and (not user.strip() or not user.isprintable() or user.startswith("-")):
        raise ValueInvalid(f"--user {user!r} is not a user", "such as --user agent or --user 1000")
    if cwd is not None and (not cwd or "\0" in cwd):
        raise ValueInvalid("--cwd is empty", "such as --cwd acme/tool, from the work folder")
    name = session.name(workspace)
    runtime = registry.locate(name, session.runtime_setting, session.context)
    executor = runtime.executor(name)
    if root:
        session.require(runtime, "exec.root", "--root")
    if user is not None:
        session.require(runtime, "exec.user", "--user")
    spec = ExecSpec(
        command=words[1:] if words[:1] == ("--",) else words,
        cwd=cwd,
        env=tuple(_variables(env, session)),
        user="root" if root else user,
    )
    return executor.execute(spec)


def _variables(given: tuple[str, ...], session: Session) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not name or not name.isprintable() or " " in name:
            raise ValueInvalid(
                f"--env {name + equals!r}… is not NAME or NAME=VALUE",
                "such as -e TERM or -e LANG=C.UTF-8",
            )
        if equals:
            found[name] = value
        elif name in session.environment:  # one that is not set stays so, as engines have it
            found[name] = session.environment[name]
    return list(found.items())


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "exec",
        execute,
        [
            click.Option(("--root",), is_flag=True, help="As root (container)."),
            click.Option(("--user",), metavar="USER", help="As this user (container)."),
            click.Option(
                ("--cwd",), metavar="DIR", help="In this directory, from the work folder."
            ),
            click.Option(
                ("--env", "-e"), metavar="K[=V]", multiple=True, help="With this variable."
            ),
            click.Argument(("workspace",)),
            click.Argument(
                ("words",), nargs=-1, metavar="[--] [COMMAND]...", type=click.UNPROCESSED
            ),
        ],
        "Run COMMAND in a workspace; without one, a login shell.",
        words_after=True,
    )
