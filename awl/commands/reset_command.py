"""`reset`: bring repositories back to a remote branch (RESET-1 to RESET-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl import gitreset, places
from awl.errors import (
    AwlError,
    Declined,
    PartialFailure,
    PathNotFound,
    UsageError,
    ValueInvalid,
)
from awl.runtimes import registry

if TYPE_CHECKING:
    import click

    from awl.executor import Executor
    from awl.gitreset import Ref
    from awl.places import Place
    from awl.session import Session

__all__ = ["command", "reset"]

_FOLDERS = {"work-repos": "work", "opt-repos": "opt", "private-repo": "private"}
_REF = "origin/main"
_DEPTH = 3
_DEEPEST = 100


def reset(
    session: Session,
    *,
    what: str,
    workspace: str,
    path: str | None,
    ref: str,
    root: str | None,
    depth: str | None,
    yes: bool,
) -> None:
    """Reset repositories: all are found, and the person asked, before the first one changes."""
    if (what == "repo") != (path is not None):
        raise UsageError(
            "reset repo takes one path" if path is None else f"reset {what} takes no path",
            f"such as {session.program} reset repo WORKSPACE OWNER/REPO",
        )
    if what != "work-repos" and (root is not None or depth is not None):
        raise UsageError(
            f"{'--root' if root is not None else '--depth'} is for reset work-repos only",
            f"such as {session.program} reset work-repos WORKSPACE --root OWNER --depth 1",
        )
    wanted, deep = gitreset.Ref.parse(ref), _depth(depth)
    name = session.name(workspace)
    runtime = registry.locate(name, session.runtime_setting, session.context)
    executor = runtime.executor(name)
    if path is not None:
        repos = [gitreset.only(executor, places.locate(executor, path))]
    else:
        where = _FOLDERS[what] if root is None else root
        repos = gitreset.find(executor, _place(executor, where, root), deep)
    if not repos:
        session.console.warn(f"no repository found in {where} of workspace {name}")
    named = [
        f"to be reset: {repo.shown} to {ref}; uncommitted work there is lost" for repo in repos
    ]
    if named and not session.console.confirm(f"reset {len(named)}?", named, yes=yes):
        raise Declined("not confirmed, so nothing was reset", "to skip the question: --yes")
    _reset(session, executor, repos, wanted, {"workspace": name, "runtime": runtime.name})


def _depth(text: str | None) -> int:
    if text is None:
        return _DEPTH
    if not (text.isascii() and text.isdigit()) or not int(text):
        raise ValueInvalid(f"--depth {text!r} is not a positive integer", f"such as {_DEPTH}")
    return min(int(text), _DEEPEST)


def _place(executor: Executor, folder: str, root: str | None) -> Place:
    place = places.locate(executor, folder)
    if root is not None and place.kind != "folder":
        raise PathNotFound(f"--root {root}: no such folder in the workspace")
    return place


def _reset(
    session: Session, executor: Executor, repos: list[Place], ref: Ref, head: dict[str, str]
) -> None:
    done: list[dict[str, object]] = []
    failed: list[dict[str, object]] = []
    for repo in repos:
        try:
            found = gitreset.reset(executor, repo, ref)
        except AwlError as error:
            error.message = f"{repo.shown} is not reset: {error.message}"
            failed.append({"path": repo.shown, "code": error.code, "message": error.message})
            only = error
            continue
        if found.fallback:
            session.console.warn(
                f"{repo.shown}: the remote has no branch {ref.branch},"
                f" so its default branch was taken: {found.ref}"
            )
        done.append({"path": repo.shown, **found._asdict()})
        if not session.console.json:
            session.console.result(f"{repo.shown} {found.ref} {found.commit}")
    if session.console.json:
        session.console.document({**head, "reset": done, "failed": failed})
    if len(failed) == 1 and len(repos) == 1:
        raise only
    if failed:
        raise PartialFailure(
            f"{len(done)} reset, {len(failed)} not: "
            + "; ".join(str(one["message"]) for one in failed),
            details={"failed": failed},
        )


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "reset",
        reset,
        [
            click.Option(
                ("--ref",),
                metavar="REMOTE/BRANCH",
                default=_REF,
                help=f"What to reset to (default: {_REF}; where it is absent, the default branch).",
            ),
            click.Option(("--root",), metavar="DIR", help="work-repos: search here."),
            click.Option(
                ("--depth",), metavar="N", help=f"work-repos: so deep (default: {_DEPTH})."
            ),
            click.Option(("--yes", "-y"), is_flag=True, help="Do not ask."),
            click.Argument(("what",), type=click.Choice(["repo", *_FOLDERS])),
            click.Argument(("workspace",)),
            click.Argument(("path",), required=False),
        ],
        "Bring repositories of a workspace back to a branch of their remote. Uncommitted work and"
        " untracked files are lost; ignored files stay.",
    )
