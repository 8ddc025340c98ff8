"""Copying between this machine and a workspace, as tar streams over `Executor` (LIFE-2).

Both sides are looked at before anything is written, and what is to be copied is read whole before
the first change, into a temporary file: a source that cannot be read leaves the target as it was.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from awl import archive, places
from awl.archive import Entry
from awl.errors import AwlError, NoSpace, PathInvalid, PathNotFound, ToolMissing, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO

    from awl.executor import Executor
    from awl.proc import Completed

__all__ = ["Plan", "pull", "push"]

#: Seconds that a look at a tree, and a copy, may take.
_LOOK_LIMIT = 300.0
_COPY_LIMIT = 3600.0
_ENV = {"LC_ALL": "C"}
_COPIED = frozenset("dfl")
_REFUSED = 65
# $1 is the folder; the rest is for find: where to begin, and how deep.
_LIST = """cd -- "$1" 2>/dev/null || exit 0
shift
[ -e "$1" ] || [ -L "$1" ] || exit 0
exec find "$@" -printf '%y %s %m %p\\0'
"""
_OPEN = 'cd -- "$1" && exec xargs -0 chmod u+rwx --'
_REMOVE = 'cd -- "$1" && exec xargs -0 rm -rf --'
# Owners are not restored, modes are, whatever the umask.
_UNPACK = 'mkdir -p -- "$1" && cd -- "$1" || exit 65; exec tar -xpof -'
_PACK = 'cd -- "$1" && exec tar --format=gnu -cf - -- "$2"'


class Plan(NamedTuple):
    """What a copy does: paths below the target folder, in order; `size` is in bytes."""

    copied: tuple[str, ...]
    deleted: tuple[str, ...]
    size: int
    skipped: tuple[str, ...]


class _Side(NamedTuple):
    """One end: a folder, and the one name in it that is meant, or `None` for all of it."""

    folder: str
    only: str | None
    there: bool


def push(executor: Executor, source: str, target: str, *, delete: bool, dry_run: bool) -> Plan:
    """Copy `source`, of this machine, to `target`, in the workspace.

    Of a folder the content is copied. Raises `PathNotFound`, `PathInvalid`, `AwlError`, `OSError`.
    """
    begin = _here(source)
    place = places.locate(executor, target)
    if not place.shown:
        raise _refuse_top(target)
    name = os.path.basename(os.path.abspath(source))  # noqa: PTH100, PTH119 - text
    end = _end(begin, place.path, place.kind, target, name)
    have = _scan(begin)
    there = _list(executor, end)
    plan = _plan(have, there, begin, end, delete=delete)
    if dry_run:
        return plan
    with tempfile.TemporaryFile() as file:
        names = {path: _renamed(begin, end)(path) for path in have if have[path].kind in _COPIED}
        if begin.only is None and not end.there:
            names[""] = ""  # a folder that is made gets the mode of the source
        archive.pack(file, begin.folder, {key: name or "" for key, name in names.items()})
        file.seek(0)
        # Folders that nobody may write to: they go, or get their mode with the copy.
        closed = [path for path in {*plan.copied, *plan.deleted} if _is_closed(there.get(path))]
        for script, paths in ((_OPEN, sorted(closed)), (_REMOVE, _outermost(plan.deleted))):
            if paths:
                _run(executor, script, end.folder, stdin=b"".join(map(_zero, paths)))
        _run(executor, _UNPACK, end.folder, stdin=file)
    return plan


def pull(
    executor: Executor,
    source: str,
    target: str,
    *,
    delete: bool,
    dry_run: bool,
    warn: Callable[[str], None],
) -> Plan:
    """Copy `source`, in the workspace, to `target`, of this machine; raises what `push` does."""
    place = places.locate(executor, source)
    if not place.shown:
        raise _refuse_top(source)
    if place.kind == "absent":
        raise PathNotFound(f"there is no {source} in the workspace")
    if place.kind == "other":
        raise PathInvalid(f"{source} is neither a folder nor a file")
    whole = place.kind == "folder"
    above, name = os.path.split(place.path)
    begin = _Side(place.path if whole else above, None if whole else name, there=True)
    real = os.path.realpath(target)
    kind = "folder" if os.path.isdir(real) else "other" if os.path.lexists(real) else "absent"  # noqa: PTH112
    end = _end(begin, real, "file" if os.path.isfile(real) else kind, target, name)  # noqa: PTH113
    have = _list(executor, begin)
    plan = _plan(have, _scan(end), begin, end, delete=delete)
    if dry_run:
        return plan
    rename = _renamed(begin, end)
    with tempfile.TemporaryFile() as file:
        what = "." if begin.only is None else f"./{begin.only}"
        done = _run(executor, _PACK, begin.folder, what, stdout=file, good=(0, 1))
        if done.code:
            warn(f"something changed while it was copied: {done.words}")
        file.seek(0)
        archive.remove(end.folder, _outermost(plan.deleted))
        archive.unpack(
            file, end.folder, lambda path: None if not path and end.there else rename(path)
        )
    return plan


def _here(text: str) -> _Side:
    real = os.path.realpath(text)
    if not os.path.lexists(real):
        raise PathNotFound(f"there is no {text}")
    if os.path.isdir(real):  # noqa: PTH112 - text
        return _Side(real, None, there=True)
    if not os.path.isfile(real):  # noqa: PTH113 - text
        raise PathInvalid(f"{text} is neither a folder nor a file")
    return _Side(*os.path.split(real), there=True)


def _end(begin: _Side, path: str, kind: str, text: str, name: str) -> _Side:
    """Return where the copy goes: a folder to `path` itself, a file to it or into it."""
    into = kind == "folder" or text.endswith("/")
    if (into or begin.only is None) and kind not in {"folder", "absent"}:
        raise PathInvalid(f"{text} is not a folder", "give a folder, or a path that is free")
    if begin.only is None:
        return _Side(path, None, there=kind == "folder")
    if kind == "other":
        raise PathInvalid(f"{text} is neither a folder nor a file")
    if into:
        return _Side(path, name, there=kind == "folder")
    above, last = os.path.split(path)
    return _Side(above, last, there=True)


def _scan(side: _Side) -> dict[str, Entry]:
    if side.only is None:
        return archive.scan(side.folder) if side.there else {}
    path = f"{side.folder}/{side.only}"
    return {side.only: archive.look(path)} if os.path.lexists(path) else {}


def _list(executor: Executor, side: _Side) -> dict[str, Entry]:
    where = (".", "-mindepth", "1") if side.only is None else (f"./{side.only}", "-maxdepth", "0")
    looked = executor.run(
        ("sh", "-c", _LIST, "awl", side.folder, *where), limit=_LOOK_LIMIT, env=_ENV
    )
    if looked.code != 0:
        raise AwlError(f"not everything in the workspace can be looked at: {looked.words}")
    found = {}
    for line in os.fsdecode(looked.out).split("\0")[:-1]:
        kind, size, mode, path = line.split(" ", 3)
        found[path.removeprefix("./")] = Entry(kind, int(size), int(mode, 8))
    return found


def _plan(
    have: Mapping[str, Entry],
    there: Mapping[str, Entry],
    begin: _Side,
    end: _Side,
    *,
    delete: bool,
) -> Plan:
    if delete and begin.only is not None:
        raise UsageError("--delete is for folders", "leave it out")
    rename = _renamed(begin, end)
    new = {rename(path) or "": entry for path, entry in have.items()}
    in_the_way = [
        path
        for path, entry in new.items()
        if path in there
        and entry.kind in _COPIED
        and (entry.kind == "d") != (there[path].kind == "d")
    ]
    if in_the_way and not delete:
        raise PathInvalid(
            f"{in_the_way[0]} is a folder on one side only",
            "remove it, or have it replaced: --delete",
        )
    doomed = [path for path in there if path not in new] if delete else []
    return Plan(
        copied=tuple(sorted(path for path, entry in new.items() if entry.kind in _COPIED)),
        deleted=tuple(sorted({*doomed, *in_the_way})),
        size=sum(entry.size for entry in new.values() if entry.kind == "f"),
        skipped=tuple(sorted(path for path, entry in new.items() if entry.kind not in _COPIED)),
    )


def _renamed(begin: _Side, end: _Side) -> Callable[[str], str | None]:
    """Return what things are called at the other end: a single file may get another name."""
    if begin.only is None:
        return lambda path: path
    return lambda path: end.only if path == begin.only else None


def _outermost(paths: Sequence[str]) -> list[str]:
    """Return those of sorted paths that lie below no other one."""
    found: list[str] = []
    whole: set[str] = set()
    for path in sorted(paths, key=lambda one: one.count("/")):
        parts = path.split("/")
        if not any("/".join(parts[:n]) in whole for n in range(1, len(parts))):
            whole.add(path)
            found.append(path)
    return found


def _zero(path: str) -> bytes:
    return os.fsencode(f"./{path}") + b"\0"


def _is_closed(entry: Entry | None) -> bool:
    return entry is not None and entry.kind == "d" and entry.mode & 0o700 != 0o700


def _refuse_top(text: str) -> PathInvalid:
    return PathInvalid(
        f"{text} is the whole workspace, with the launcher's own files",
        "give a part of it, such as work",
    )


def _run(
    executor: Executor,
    script: str,
    *words: str,
    stdin: bytes | IO[bytes] = b"",
    stdout: IO[bytes] | None = None,
    good: tuple[int, ...] = (0,),
) -> Completed:
    argv = ("sh", "-c", script, "awl", *words)
    done = executor.run(argv, limit=_COPY_LIMIT, env=_ENV, stdin=stdin, stdout=stdout)
    if done.code == _REFUSED:
        raise PathInvalid(f"the folder cannot be made: {done.words}")
    if done.code == 127:
        raise ToolMissing(f"the workspace has not what copying needs: {done.words}", "install tar")
    if done.code not in good:
        if done.is_full:
            raise NoSpace(f"the copy failed: {done.words}", "see what could go: df -h")
        raise AwlError(f"the copy failed: {done.words}")
    return done
