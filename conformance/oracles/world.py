"""Oracles on the world around a command, seen without the program: storage, engine, files."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from conformance.catalogue.step import FileExpect, Presence
from conformance.evidence import Evidence
from conformance.results import Check
from conformance.world.observe import difference

__all__ = ["files", "unchanged", "volumes", "workspaces"]

_SHOWN = 8


def _presence(name: str, expect: Presence, seen: frozenset[str]) -> Iterator[Check]:
    shown = f"there are: {', '.join(sorted(seen)) or 'none'}"
    for wanted in expect.present:
        yield Check(name, wanted in seen, f"{wanted} is there", shown)
    for unwanted in expect.absent:
        yield Check(name, unwanted not in seen, f"{unwanted} is not there", shown)


def workspaces(evidence: Evidence) -> Iterator[Check]:
    """NAME-2: which workspaces the runtime's own storage holds."""
    expect = evidence.step.expect.workspaces
    if expect is not None and evidence.after is not None:
        seen = evidence.after.workspaces.get(evidence.runtime, frozenset())
        yield from _presence(f"workspaces of {evidence.runtime}", expect, seen)


def volumes(evidence: Evidence) -> Iterator[Check]:
    """Which volumes the engine holds."""
    expect = evidence.step.expect.volumes
    if expect is not None and evidence.after is not None:
        yield from _presence("volumes", expect, evidence.after.engine.volumes)


def unchanged(evidence: Evidence) -> Iterator[Check]:
    """Nothing appeared, vanished or changed in the named parts of the world."""
    if evidence.before is None or evidence.after is None:
        return
    for part in evidence.step.expect.unchanged:
        changes = difference(evidence.before.part(part), evidence.after.part(part))
        shown = "\n".join(changes[:_SHOWN]) or "nothing changed"
        yield Check(f"unchanged {part}", not changes, f"{part}: nothing changes", shown)


def files(evidence: Evidence) -> Iterator[Check]:
    """What is at the named paths; links are not followed."""
    for name, expect in evidence.step.expect.files.items():
        yield from _file(Path(name), expect)


def _kind(path: Path) -> str:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return "absent"
    except OSError as error:
        return f"unreadable ({error.strerror})"
    kinds = ((stat.S_ISDIR, "dir"), (stat.S_ISREG, "file"), (stat.S_ISLNK, "link"))
    return next((kind for test, kind in kinds if test(mode)), "special")


def _file(path: Path, expect: FileExpect) -> Iterator[Check]:
    kind = _kind(path)
    yield Check("file", kind == expect.kind, f"{path}: {expect.kind}", f"{path}: {kind}")
    if kind != expect.kind or kind == "absent":
        return
    if expect.mode is not None:
        mode = stat.S_IMODE(path.lstat().st_mode)
        wanted = f"{path}: mode {expect.mode:04o}"
        yield Check("file mode", mode == expect.mode, wanted, f"{path}: mode {mode:04o}")
    if expect.content is None and not expect.contains:
        return
    text = path.read_bytes().decode("utf-8", "backslashreplace")
    if expect.content is not None:
        wanted = f"{path}: content {expect.content!r}"
        yield Check("file content", text == expect.content, wanted, repr(text[:300]))
    for part in expect.contains:
        yield Check("file content", part in text, f"{path}: contains {part!r}", repr(text[:300]))
