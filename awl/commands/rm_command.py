"""`rm`: remove workspaces (RM-1 to RM-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awl import gitops, naming
from awl.errors import (
    AwlError,
    Declined,
    PartialFailure,
    UsageError,
    WorkWouldBeLost,
)
from awl.runtimes import registry

if TYPE_CHECKING:
    import click

    from awl.model import Workspace
    from awl.runtimes.api import Runtime
    from awl.session import Session

__all__ = ["command", "rm"]

_LOOKED_AT = ("work", "private", "opt")


class _Target(NamedTuple):
    name: str
    runtime: Runtime
    workspace: Workspace | None  # None: half made


def rm(
    session: Session,
    *,
    workspaces: tuple[str, ...],
    everything: bool,
    yes: bool,
    force: bool,
    keep_volumes: bool,
) -> None:
    """Remove workspaces: all names are checked, and the person asked, before the first one goes."""
    if everything == bool(workspaces):
        raise UsageError(
            "give workspaces, or --all" + (", not both" if everything else ""),
            f"see what there is: {session.program} ls",
        )
    targets = _all(session) if everything else _named(session, workspaces)
    if keep_volumes:
        for runtime in {target.runtime.name: target.runtime for target in targets}.values():
            session.require(runtime, "rm.keep-volumes", "--keep-volumes")
        if not targets:
            session.require(session.runtime(), "rm.keep-volumes", "--keep-volumes")
    if not force and not keep_volumes:  # what is kept is not lost
        _refuse_loss(targets)
    named = [f"to be removed: {_what(target)}" for target in targets]
    if named and not session.console.confirm(f"remove {len(named)}?", named, yes=yes):
        raise Declined("not confirmed, so nothing was removed", "to skip the question: --yes")
    _remove(session, targets, keep_volumes=keep_volumes)


def _all(session: Session) -> list[_Target]:
    runtime = session.runtime()
    listing = runtime.list()
    whole = [_Target(found.name, runtime, found) for found in listing.workspaces]
    return [*whole, *(_Target(name, runtime, None) for name in listing.half_made)]


def _named(session: Session, raw: tuple[str, ...]) -> list[_Target]:
    targets: dict[str, _Target] = {}
    for name in dict.fromkeys(session.name(one) for one in raw):
        runtime = registry.locate(name, session.runtime_setting, session.context)
        listing = runtime.list()
        found = {workspace.name: workspace for workspace in listing.workspaces}
        if name not in found and name not in listing.half_made:
            so = ", so nothing was removed"
            raise naming.unknown(name, runtime.name, found, so=so, program=session.program)
        targets[name] = _Target(name, runtime, found.get(name))
    return list(targets.values())


def _refuse_loss(targets: list[_Target]) -> None:
    lost: list[dict[str, str]] = []
    for target in targets:
        if target.workspace is None:
            continue
        lost += [
            {"workspace": target.name, "reason": reason, "path": path}
            for reason, path in _at_risk(target.runtime, target.workspace)
        ]
    if lost:
        lines = "; ".join(f"{one['path']} ({one['reason']})" for one in lost)
        raise WorkWouldBeLost(
            f"repositories hold work that is nowhere else: {lines}",
            "commit and push it, or remove it all the same with --force",
            details={"repos": lost},
        )


def _at_risk(runtime: Runtime, workspace: Workspace) -> list[tuple[str, str]]:
    if workspace.status == "unknown" and workspace.path is None:
        # There is nothing left to look from; what was cloned may still lie in its volumes.
        return [("cannot be looked at", repo.path) for repo in workspace.repos]
    known = [repo.commit for repo in workspace.repos if repo.commit]
    return gitops.at_risk(runtime.executor(workspace.name), _LOOKED_AT, known)


def _remove(session: Session, targets: list[_Target], *, keep_volumes: bool) -> None:
    removed: list[dict[str, object]] = []
    failed: list[dict[str, object]] = []
    for name, runtime, _ in targets:
        where = {"name": name, "runtime": runtime.name}
        try:
            runtime.remove(name, keep_volumes=keep_volumes)
        except AwlError as error:
            failed.append({**where, "code": error.code, "message": error.message})
            only = error
            continue
        removed.append({**where, "kept_volumes": keep_volumes})
        if not session.console.json:
            session.console.result(name)
    if session.console.json:
        session.console.document({"removed": removed, "failed": failed})
    if len(failed) == 1 and len(targets) == 1:
        raise only
    if failed:
        raise PartialFailure(
            f"{len(removed)} removed, {len(failed)} left: "
            + "; ".join(f"{one['name']} ({one['message']})" for one in failed),
            "see what there is: awl ls",
            details={"failed": failed},
        )


def _what(target: _Target) -> str:
    if target.workspace is None:
        return f"{target.name} (runtime {target.runtime.name}, half made)"
    place = target.workspace.container or target.workspace.path
    return f"{target.name} (runtime {target.runtime.name}, {place})"


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "rm",
        rm,
        [
            click.Option(
                ("--all", "everything"), is_flag=True, help="Every workspace of the runtime."
            ),
            click.Option(("--yes", "-y"), is_flag=True, help="Do not ask."),
            click.Option(("--force",), is_flag=True, help="Also where work would be lost."),
            click.Option(("--keep-volumes",), is_flag=True, help="Keep the volumes (container)."),
            click.Argument(("workspaces",), nargs=-1, metavar="WORKSPACE..."),
        ],
        "Remove workspaces, with all that is in them.",
    )
