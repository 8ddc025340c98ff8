"""The root and what lies in the launcher's own folder: can it be written, is it private, is
anything left over (REL-1).
"""

# Plain strings and descriptors, as in awl.store.
# ruff: noqa: PTH101, PTH108, PTH112, PTH120, PTH208

from __future__ import annotations

import contextlib
import os
import stat
from functools import partial
from typing import TYPE_CHECKING

from awl.doctor.finding import Finding
from awl.paths import OWN
from awl.redact import shell_line
from awl.store import HALF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awl.store import Store

__all__ = ["entries", "examine", "private"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
#: Folders of records, each with the runtime whose lock guards them.
_RECORDS = {"container": "container", "kept": "container"}


def examine(store: Store) -> Iterator[Finding]:
    """Yield what is wrong with the root and the launcher's own folder in it."""
    root = store.root
    if reason := _why_unwritable(root):
        yield Finding(
            "root-not-writable",
            None,
            root,
            f"workspaces cannot be kept there: {reason}",
            "make it a folder that you may write to, or set AGENT_WORKSPACE_HOME=/a/folder",
        )
        return
    found = _mode(root)
    if found is not None and found & _OTHERS_WRITE and not found & stat.S_ISVTX:
        yield _too_open(root, ".", found, found & ~_OTHERS_WRITE)
    yield from private(root, OWN, None)
    yield from _leftovers(store)


def private(root: str, relative: str, runtime: str | None) -> Iterator[Finding]:
    """Yield a finding where others than its owner may use the folder or file at `relative`."""
    found = _mode(f"{root}/{relative}")
    if found is not None and found & _OTHERS:
        yield _too_open(root, relative, found, found & ~_OTHERS)._replace(runtime=runtime)


def entries(folder: str) -> tuple[str, ...]:
    """Return the names in a folder, in order; none where there is no such folder."""
    try:
        return tuple(sorted(os.listdir(folder)))
    except OSError:
        return ()


def _why_unwritable(root: str) -> str | None:
    path = root
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        return f"{path} is not a folder"
    if not os.access(path, os.W_OK | os.X_OK):
        return f"{path} may not be written to"
    return None


def _mode(path: str) -> int | None:
    """Return the permission bits of what is at `path`; `None` for a link, or nothing."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return None if stat.S_ISLNK(found.st_mode) else stat.S_IMODE(found.st_mode)


def _too_open(root: str, relative: str, found: int, wanted: int) -> Finding:
    path = os.path.normpath(f"{root}/{relative}")
    return Finding(
        "mode",
        None,
        path,
        f"others may use it: its mode is {found:04o}, and should be {wanted:04o}",
        shell_line(("chmod", f"{wanted:04o}", path)),
        partial(_set_mode, root, relative, wanted),
    )


def _set_mode(root: str, relative: str, mode: int) -> None:
    """Set a mode, through no link: what lies in a workspace belongs to whoever works there."""
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(root, os.O_PATH | os.O_CLOEXEC)
    try:
        for part in relative.split("/"):
            inner = os.open(part, flags, dir_fd=handle)
            os.close(handle)
            handle = inner
        if not stat.S_ISLNK(os.fstat(handle).st_mode):
            os.chmod(f"/proc/self/fd/{handle}", mode)
    finally:
        os.close(handle)


def _leftovers(store: Store) -> Iterator[Finding]:
    own = f"{store.root}/{OWN}"
    for entry in entries(f"{own}/{HALF}"):
        name = entry.rpartition(".")[0]
        if not store.busy("host", name):
            yield _leftover(f"{own}/{HALF}/{entry}", "host", partial(_sweep, store, name))
    for folder, runtime in _RECORDS.items():
        for entry in entries(f"{own}/{folder}"):
            name, half, _ = entry.partition(".json.")
            path = f"{own}/{folder}/{entry}"
            if half and not store.busy(runtime, name):
                yield _leftover(path, runtime, partial(_unlink, store, runtime, name, path))


def _leftover(path: str, runtime: str, repair: partial[None]) -> Finding:
    problem = "a call that was killed has left it, half made or half removed"
    return Finding("leftover", runtime, path, problem, "awl doctor --fix", repair, (path,))


def _sweep(store: Store, name: str) -> None:
    with store.lock("host", name):
        store.sweep(name)


def _unlink(store: Store, runtime: str, name: str, path: str) -> None:
    with store.lock(runtime, name), contextlib.suppress(FileNotFoundError):
        os.unlink(path)
