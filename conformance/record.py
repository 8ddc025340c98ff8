"""Evidence as records: what is kept of a step, so that it can be judged again without the program.

A record holds what the oracles looked at, and no more: the streams (as text, and by digest where
they are no text or too long), digests of what must not change, names of what must be there.
"""

import hashlib
import json
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance.catalogue.step import FileExpect
from conformance.drivers.process import Outcome
from conformance.evidence import Evidence
from conformance.results import FileFact, Seen, StepRecord, StreamDigest
from conformance.world.observe import difference, kind_of

__all__ = ["file_fact", "seen_of", "step_record"]

# Bytes of a stream. A step is judged again from its record, so more is kept of it than of a given.
_KEPT = {"step": 64 * 1024}
_KEPT_ELSE = 4000
_CHANGES_KEPT = 20


def step_record(
    role: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    outcome: Outcome,
    *,
    stdin: bytes | None = None,
) -> StepRecord:
    """The record of one command, without what was seen of the world."""
    kept = _KEPT.get(role, _KEPT_ELSE)
    streams = {"stdout": outcome.out, "stderr": outcome.err}
    texts = {name: _text(stream.kept, kept) for name, stream in streams.items()}
    return StepRecord(
        role=role,
        argv=tuple(argv),
        env=env,
        exit=outcome.exit,
        signal=outcome.signal,
        stdout=texts["stdout"],
        stderr=texts["stderr"],
        seconds=round(outcome.duration, 4),
        stdin=_text(stdin, kept) if stdin is not None else None,
        timed_out=outcome.timed_out,
        unmet=outcome.unmet,
        whole={
            name: StreamDigest(stream.length, stream.sha256)
            for name, stream in streams.items()
            if stream.truncated or texts[name].encode() != stream.kept
        },
    )


def _text(data: bytes, kept: int) -> str:
    return data[:kept].decode("utf-8", "backslashreplace")


def file_fact(path: Path, expect: FileExpect) -> FileFact:
    """What is at a path of which a step expects something; its text only if that is asked for."""
    kind = kind_of(path)
    if kind not in ("dir", "file", "link"):
        return FileFact(kind)
    mode = stat.S_IMODE(path.lstat().st_mode)
    if kind != "file" or (expect.content is None and not expect.contains):
        return FileFact(kind, mode)
    return FileFact(kind, mode, path.read_bytes().decode("utf-8", "backslashreplace"))


def seen_of(evidence: Evidence) -> Seen:
    """The world of a step as a record: digests of what must not change, names of what is there."""
    before, after, expect = evidence.before, evidence.after, evidence.step.expect
    parts = expect.unchanged if before is not None and after is not None else ()
    old = {part: before.part(part) for part in parts} if before is not None else {}
    new = {part: after.part(part) for part in parts} if after is not None else {}
    there = after.workspaces.get(evidence.runtime, ()) if after is not None else ()
    return Seen(
        before={part: _digest(seen) for part, seen in old.items()},
        after={part: _digest(seen) for part, seen in new.items()},
        changes={
            part: tuple(map(_printable, found[:_CHANGES_KEPT]))
            for part in parts
            if (found := difference(old[part], new[part]))
        },
        workspaces=tuple(sorted(there)) if expect.workspaces is not None else None,
        volumes=(
            tuple(sorted(after.engine.volumes))
            if after is not None and expect.volumes is not None
            else None
        ),
        files=evidence.files,
        calls=tuple(call.argv for call in evidence.calls),
    )


def _printable(line: str) -> str:
    # File names may hold bytes that are no UTF-8.
    return line.encode("utf-8", "backslashreplace").decode()


def _digest(part: Mapping[str, object]) -> str:
    text = json.dumps(part, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
