"""`sync`: copy files into or out of a workspace (LIFE-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.errors import UsageError
from awl.runtimes import registry

if TYPE_CHECKING:
    import click

    from awl.session import Session

__all__ = ["command", "sync"]


def sync(
    session: Session,
    *,
    direction: str,
    workspace: str,
    source: str,
    target: str,
    delete: bool,
    dry_run: bool,
) -> None:
    """Copy a folder's content, or a file; with `dry_run` only say what would be done."""
    from awl import transfer

    if not source or not target:
        raise UsageError("a path is empty", f"see {session.program} sync --help")
    name = session.name(workspace)
    runtime = registry.locate(name, session.runtime_setting, session.context)
    executor = runtime.executor(name)
    console = session.console
    if direction == "push":
        plan = transfer.push(executor, source, target, delete=delete, dry_run=dry_run)
    else:
        plan = transfer.pull(
            executor, source, target, delete=delete, dry_run=dry_run, warn=console.warn
        )
    if plan.skipped:
        first = ", ".join(plan.skipped[:3])
        console.warn(
            f"{len(plan.skipped)} not copied, being neither file, folder nor link: {first}"
        )
    if console.json:
        console.document(
            {
                "workspace": name,
                "runtime": runtime.name,
                "direction": direction,
                "copied": len(plan.copied),
                "deleted": len(plan.deleted),
                "bytes": plan.size,
                "dry_run": dry_run,
            }
        )
        return
    if dry_run:
        for what, paths in (("delete", plan.deleted), ("copy", plan.copied)):
            for path in paths:
                console.result(f"{what} {path}")
    would = "would be " if dry_run else ""
    console.result(
        f"{len(plan.copied)} {would}copied ({plan.size} bytes), {len(plan.deleted)} {would}deleted"
    )


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "sync",
        sync,
        [
            click.Option(("--delete",), is_flag=True, help="Remove in DST what SRC has not."),
            click.Option(("--dry-run", "-n"), is_flag=True, help="Only say what would be done."),
            click.Argument(("direction",), type=click.Choice(["push", "pull"])),
            click.Argument(("workspace",)),
            click.Argument(("source",), metavar="SRC"),
            click.Argument(("target",), metavar="DST"),
        ],
        "Copy SRC, a file or the content of a folder, to DST: push into the workspace, pull out of"
        " it. The path inside is absolute, begins with an area (opt/…), or starts from work.",
    )
