"""Workspaces of the host: half made, not private, and what is in the root besides."""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH118

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from awl import gitops, proc
from awl.credentials import AUTH, CODEX
from awl.doctor.files import entries, private
from awl.doctor.finding import Finding
from awl.errors import WorkWouldBeLost
from awl.executor import LocalExecutor
from awl.paths import AREAS, OWN
from awl.redact import shell_line
from awl.runtimes.host import HostRuntime
from awl.store import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awl.runtimes.api import Context

__all__ = ["REPOSITORIES", "examine", "refuse_loss"]

#: Where repositories are looked for before anything is removed.
REPOSITORIES = ("work", "private", "opt")
_PRIVATE = tuple(area for area, mode in AREAS if mode == 0o700)


def examine(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the workspaces of the host."""
    root = context.store.root
    if proc.on_path("git", context.environment) is None:
        yield Finding(
            "git-missing",
            "host",
            "git",
            "git is not on PATH; create and reset need it",
            "install git",
        )
    listing = HostRuntime(context).list()
    whole = [workspace.name for workspace in listing.workspaces]
    for workspace in listing.workspaces:
        yield from _open_to_others(root, workspace.name)
        if workspace.status == "unknown":
            yield Finding(
                "record-spoilt",
                "host",
                workspace.name,
                f"its metadata, {OWN}/workspace.json, cannot be read; there may be work in it",
                f"awl rm {workspace.name} --runtime host",
            )
    for name in listing.half_made:
        if not context.store.busy("host", name):
            yield _half_made(context, name)
    for name in entries(root):
        if name not in {OWN, *whole, *listing.half_made}:
            path = f"{root}/{name}"
            yield Finding(
                "foreign",
                "host",
                path,
                "it is in the root and not a workspace; it stays as it is",
                shell_line(("mv", path, "ELSEWHERE")),
            )


def refuse_loss(risks: list[tuple[str, str]]) -> None:
    """Raise `WorkWouldBeLost` where `risks`, as `awl.gitops.at_risk` has them, hold work."""
    held = [path for reason, path in risks if reason != "unreadable"]
    if held:
        raise WorkWouldBeLost(f"it holds work that is nowhere else: {', '.join(held)}")


def _open_to_others(root: str, name: str) -> Iterator[Finding]:
    for area in (*_PRIVATE, OWN):
        yield from private(root, f"{name}/{area}", "host")
    for folder, folders, files in os.walk(f"{root}/{name}/{AUTH}"):
        for entry in sorted((*folders, *files)):
            yield from private(root, os.path.relpath(f"{folder}/{entry}", root), "host")
    yield from private(root, os.path.join(name, *CODEX), "host")


def _half_made(context: Context, name: str) -> Finding:
    problem = "its creation failed, and it was kept for a look"
    mend = f"awl rm {name} --runtime host"
    repair = partial(_remove, context, name)
    removes = (f"{context.store.root}/{name}",)
    return Finding("half-made", "host", name, problem, mend, repair, removes)


def _remove(context: Context, name: str) -> None:
    folder = f"{context.store.root}/{name}"
    executor = LocalExecutor(folder, context.environment)
    with context.store.lock("host", name):
        document = read_document(f"{folder}/{OWN}/workspace.json")
        if document is None or document.get("failed") is not True:
            return  # another call has been here meanwhile
        refuse_loss(gitops.at_risk(executor, REPOSITORIES, ()))
        context.store.discard(folder)
