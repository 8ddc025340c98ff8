"""`create`: make a workspace (CREATE-1 to CREATE-9, NAME-5)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from awl import config, naming
from awl.errors import UsageError
from awl.model import CreateSpec

if TYPE_CHECKING:
    import click

    from awl.executor import Executor
    from awl.model import RepoSpec, RepoState, Workspace
    from awl.session import Session

__all__ = ["command", "create"]

_FOLDERS = {"work": "work", "private": "private", "extra": "opt"}


class _Wanted(NamedTuple):
    kind: str
    repo: RepoSpec
    path: str
    ref: str | None


def create(
    session: Session,
    *,
    repos: tuple[str, ...],
    name: str | None,
    ref: str | None,
    private_repo: tuple[str, ...],
    no_work_repos: bool,
    no_extras: bool,
    image: str | None,
    no_pull: bool,
    keep_failed: bool,
    dry_run: bool,
) -> None:
    """Check everything that can be checked, make the workspace, and say what it is."""
    if no_work_repos and repos:
        raise UsageError(
            "--no-work-repos contradicts the repositories given", "leave one of them out"
        )
    if ref is not None and not repos:
        raise UsageError("--ref needs a repository to check it out in", "give one: OWNER/REPO")
    runtime = session.runtime()
    if image is not None:
        session.require(runtime, "create.image", "--image")
    if no_pull:
        session.require(runtime, "create.no-pull", "--no-pull")
    extras = () if no_extras else config.extra_repos(session.environment)
    wanted = [
        *_wanted(session, "work", repos, ref),
        *_wanted(session, "private", private_repo, None),
        *_wanted(session, "extra", extras, None),
    ]
    _refuse_same_places(wanted)

    def populate(executor: Executor) -> tuple[RepoState, ...]:
        if not wanted:
            return ()
        from awl import gitops

        done = []
        for kind, repo, path, wanted_ref in wanted:
            session.console.progress(f"cloning {repo.url} to {path}")
            told = session.console.update if session.console.watched else None
            done.append(gitops.clone(executor, repo, kind, path, wanted_ref, told))
        return tuple(done)

    spec = CreateSpec(
        name=_name(session, name, wanted), image=image, pull=not no_pull, keep_failed=keep_failed
    )
    if dry_run:
        from awl.commands.rehearsal import rehearse

        rehearse(session, runtime, spec, populate)
        return
    migrating = session.is_migrating()
    _show(session, runtime.create(spec, populate))
    if migrating:
        session.notice_migration()


def _wanted(session: Session, kind: str, texts: tuple[str, ...], ref: str | None) -> list[_Wanted]:
    if not texts:
        return []
    from awl import repospec

    if ref is not None:
        repospec.check_ref(ref)
    host = config.github_host(session.environment)
    here = os.getcwd() if any(text.startswith(".") for text in texts) else "/"  # noqa: PTH109 - text
    specs = [repospec.parse(text, github_host=host, cwd=here) for text in texts]
    return [
        _Wanted(kind, spec, f"{_FOLDERS[kind]}/{spec.owner}/{spec.name}", ref) for spec in specs
    ]


def _refuse_same_places(wanted: list[_Wanted]) -> None:
    taken: dict[str, str] = {}
    for item in wanted:
        # Some file systems take `Tool` and `tool` for one.
        if other := taken.get(item.path.lower()):
            raise UsageError(
                f"{other} and {item.repo.url} would both be cloned to {item.path}",
                "leave one of them out",
            )
        taken[item.path.lower()] = item.repo.url


def _name(session: Session, given: str | None, wanted: list[_Wanted]) -> str:
    if given is not None:
        return session.name(given, source="--name")
    named = [item.repo.name for item in wanted if item.kind != "extra"]
    if named:
        return session.name(named[0], source="the repository's name")
    return naming.generate()


def _show(session: Session, workspace: Workspace) -> None:
    console = session.console
    if console.json:
        console.document({"workspace": workspace.document()})
        return
    for key in ("name", "runtime", "path", "container", "image"):
        if (value := getattr(workspace, key)) is not None:
            console.result(f"{'workspace' if key == 'name' else key}: {value}")
    for repo in workspace.repos:
        console.result(f"repo: {repo.path} {repo.ref or '-'} {repo.commit or 'empty'} {repo.url}")


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "create",
        create,
        [
            click.Option(("--name",), metavar="NAME", help="Its name (default: the repository's)."),
            click.Option(("--ref",), metavar="REF", help="Branch, tag or commit to check out."),
            click.Option(
                ("--private-repo",), metavar="REPO", multiple=True, help="Clone it under private/."
            ),
            click.Option(
                ("--no-work-repos", "--no-clone"), is_flag=True, help="Clone no work repository."
            ),
            click.Option(("--no-extras",), is_flag=True, help="Clone no extra repositories."),
            click.Option(("--image",), metavar="IMAGE", help="The container's image."),
            click.Option(("--no-pull",), is_flag=True, help="Never pull an image."),
            click.Option(
                ("--keep-failed",), is_flag=True, help="Leave a failed workspace for a look."
            ),
            click.Option(
                ("--dry-run", "-n"), is_flag=True, help="Print the commands and make nothing."
            ),
            click.Argument(("repos",), nargs=-1, metavar="[REPO]..."),
        ],
        "Make a workspace, with repositories cloned into it.",
    )
