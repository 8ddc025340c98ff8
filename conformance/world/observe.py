"""Look at the world with the suite's own eyes: trees, workspaces and engine objects.

What a launcher says of itself is never the only evidence: a snapshot before and after each command
is taken from the file system and from the engine, without the program under test.
"""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import field, frozen

__all__ = ["EngineState", "Snapshot", "difference", "kind_of", "tree"]

# Digests would cost a read of every file; what was rewritten has another inode or time.
_LIMIT = 200_000


@frozen
class EngineState:
    """The engine's objects. ``containers`` maps a name to ``(id, state)``."""

    containers: Mapping[str, tuple[str, str]] = field(factory=dict)
    volumes: frozenset[str] = frozenset()


@frozen
class Snapshot:
    """The observable world of a case at one moment.

    ``workspaces`` maps a built-in runtime to the names found in its storage: directories of the
    root, containers named PREFIX-NAME (NAME-2). ``root``, ``home`` and ``decoys`` map relative
    paths to a short description. ``root`` leaves out its entries that begin with a dot, which are
    the launcher's own; ``home`` leaves out the root.
    """

    workspaces: Mapping[str, frozenset[str]]
    engine: EngineState
    root: Mapping[str, str]
    home: Mapping[str, str]
    decoys: Mapping[str, str]

    def part(self, name: str) -> Mapping[str, object]:
        """One part by the name that ``unchanged:`` uses, as a flat mapping for comparison."""
        match name:
            case "workspaces":
                named = {f"{kind} {n}": "" for kind, ns in self.workspaces.items() for n in ns}
                return {**named, **self.root}
            case "engine":
                volumes = {f"volume {name}": True for name in self.engine.volumes}
                return {
                    **{f"container {k}": v for k, v in self.engine.containers.items()},
                    **volumes,
                }
            case "home":
                return self.home
            case "decoys":
                return self.decoys
        raise ValueError(f"no such part of a snapshot: {name}")


def _describe(entry: os.stat_result, path: str) -> str:
    mode = stat.S_IMODE(entry.st_mode)
    if stat.S_ISLNK(entry.st_mode):
        return f"link to {Path(path).readlink()}"
    if stat.S_ISDIR(entry.st_mode):
        return f"dir {mode:04o}"
    if stat.S_ISREG(entry.st_mode):
        return f"file {mode:04o} {entry.st_size} bytes {entry.st_ino} {entry.st_mtime_ns}"
    return f"special {entry.st_mode:o}"


def tree(root: Path, ignore: Callable[[str], bool] = lambda _: False) -> dict[str, str]:
    """``relative path -> description`` of everything below ``root``; links are not followed.

    A directory for whose absolute path ``ignore`` is true is left out with all below it.
    """
    found: dict[str, str] = {}
    base = len(str(root)) + 1
    pending = [str(root)]
    while pending and len(found) < _LIMIT:
        folder = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            found[folder[base:] or "."] = f"unreadable: {error.strerror}"
            continue
        for entry in entries:
            if ignore(entry.path):
                continue
            found[entry.path[base:]] = _describe(entry.stat(follow_symlinks=False), entry.path)
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
    return found


def difference(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[str, ...]:
    """What changed from one flat mapping to another, a line each, in order."""
    lines = [f"gone: {key}" for key in before if key not in after]
    lines += [f"new: {key} ({after[key]})" for key in after if key not in before]
    lines += [
        f"changed: {key} ({before[key]} -> {after[key]})"
        for key in before
        if key in after and before[key] != after[key]
    ]
    return tuple(sorted(lines))


def kind_of(path: Path) -> str:
    """``absent``, ``dir``, ``file``, ``link``, ``special``, or why it cannot be seen."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return "absent"
    except OSError as error:
        return f"unreadable ({error.strerror})"
    kinds = ((stat.S_ISDIR, "dir"), (stat.S_ISREG, "file"), (stat.S_ISLNK, "link"))
    return next((kind for test, kind in kinds if test(mode)), "special")
