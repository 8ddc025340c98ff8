"""Oracles on the world around a command, seen without the program: storage, engine, files."""

from collections.abc import Iterator

from conformance.catalogue.step import FileExpect, Presence
from conformance.evidence import Evidence
from conformance.results import Check, FileFact
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
        yield from _file(name, expect, evidence.files.get(name, FileFact("not looked at")))


def _file(path: str, expect: FileExpect, fact: FileFact) -> Iterator[Check]:
    yield Check("file", fact.kind == expect.kind, f"{path}: {expect.kind}", f"{path}: {fact.kind}")
    if fact.kind != expect.kind or fact.kind == "absent":
        return
    if expect.mode is not None:
        wanted = f"{path}: mode {expect.mode:04o}"
        seen = f"{path}: mode {fact.mode or 0:04o}"
        yield Check("file mode", fact.mode == expect.mode, wanted, seen)
    if expect.content is None and not expect.contains:
        return
    text = fact.text or ""
    if expect.content is not None:
        wanted = f"{path}: content {expect.content!r}"
        yield Check("file content", text == expect.content, wanted, repr(text[:300]))
    for part in expect.contains:
        yield Check("file content", part in text, f"{path}: contains {part!r}", repr(text[:300]))
