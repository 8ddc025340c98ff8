"""Results and verdicts: what one cell gave, and what all of them together mean (KIT-5).

A run writes one JSON line per cell as it goes (``results.jsonl``): a header, the results, a footer.
Everything that is shown later (terminal, reports, gates) is rendered from these values.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from attrs import asdict, field, frozen

__all__ = [
    "Check",
    "FileFact",
    "Result",
    "ResultsWriter",
    "Seen",
    "Status",
    "StepRecord",
    "StreamDigest",
    "Tally",
    "Verdict",
    "judge",
]


class Status(StrEnum):
    """What became of a planned cell. Only ``PASS`` scores."""

    PASS = "pass"  # noqa: S105 - a status, not a password
    FAIL = "fail"
    DIVERGED = "diverged"
    STALE = "stale"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    ERROR = "error"
    FLAKY = "flaky"
    NOT_RUN = "not-run"


@frozen
class Check:
    """One thing that an oracle looked at: what was expected, what was seen."""

    oracle: str
    ok: bool
    expected: str
    observed: str


@frozen
class FileFact:
    """What was at a path, links not followed. ``text`` only where the case asks for content."""

    kind: str
    mode: int | None = None
    text: str | None = None


@frozen
class StreamDigest:
    """Length and sha256 of a whole stream of which only a part could be kept as text."""

    length: int
    sha256: str


@frozen
class Seen:
    """What the suite's own eyes saw of the world around one step, as far as its oracles need it.

    ``before`` and ``after`` map a part of the world (``home``, ``engine`` …) to the sha256 of all
    that was seen of it, ``changes`` to the differences in words. ``workspaces`` and ``volumes`` are
    the names that were there afterwards, None where nobody looked. ``calls`` are the engine's
    journalled argument lists.
    """

    before: Mapping[str, str] = field(factory=dict)
    after: Mapping[str, str] = field(factory=dict)
    changes: Mapping[str, tuple[str, ...]] = field(factory=dict)
    workspaces: tuple[str, ...] | None = None
    volumes: tuple[str, ...] | None = None
    files: Mapping[str, FileFact] = field(factory=dict)
    calls: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Seen":
        """What ``attrs.asdict`` gave, read back."""

        def names(key: str) -> tuple[str, ...] | None:
            return None if data[key] is None else tuple(data[key])

        return cls(
            before=dict(data["before"]),
            after=dict(data["after"]),
            changes={part: tuple(lines) for part, lines in data["changes"].items()},
            workspaces=names("workspaces"),
            volumes=names("volumes"),
            files={path: FileFact(**fact) for path, fact in data["files"].items()},
            calls=tuple(tuple(call) for call in data["calls"]),
        )


@frozen
class StepRecord:
    """One command of a cell as evidence. ``exit`` is None where a signal or a limit ended it.

    ``role``: ``given``, ``step`` or ``suite``. ``env`` holds what was added to the sandbox's
    environment; streams are text with undecodable bytes escaped. Where a stream was longer than
    what is kept, or is no text, ``whole`` has its digest. ``unmet``: the step of a terminal's
    script that did not come true. ``seen`` is None for a given.
    """

    role: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    exit: int | None
    signal: int | None
    stdout: str
    stderr: str
    seconds: float
    stdin: str | None = None
    timed_out: bool = False
    unmet: str = ""
    whole: Mapping[str, StreamDigest] = field(factory=dict)
    seen: Seen | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "StepRecord":
        """What ``attrs.asdict`` gave, read back."""
        return cls(
            **{
                **data,
                "argv": tuple(data["argv"]),
                "whole": {name: StreamDigest(**d) for name, d in data["whole"].items()},
                "seen": None if data["seen"] is None else Seen.from_json(data["seen"]),
            }
        )


@frozen
class Result:
    """What one cell gave, with the evidence.

    ``sandbox`` is the name of the folder and the prefix of the containers that it was played in.
    """

    cell: str
    case: str
    runtime: str
    command: str
    requirements: tuple[str, ...]
    polarity: str
    status: Status
    reason: str = ""
    checks: tuple[Check, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    seconds: float = 0.0
    repro: str = ""
    sandbox: str = ""

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if not check.ok)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able mapping; ``from_json`` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Result":
        """A result from what ``to_json`` gave."""
        return cls(
            **{
                **data,
                "status": Status(data["status"]),
                "requirements": tuple(data["requirements"]),
                "checks": tuple(Check(**check) for check in data["checks"]),
                "steps": tuple(StepRecord.from_json(step) for step in data["steps"]),
            }
        )


@frozen
class Tally:
    """How many cells were planned and what became of them; the counts always sum to the plan."""

    planned: int
    counts: Mapping[Status, int]

    @classmethod
    def of(cls, planned: Iterable[str], results: Mapping[str, Result]) -> "Tally":
        """Count results by status; a planned cell without a result was not run."""
        return cls.of_statuses(
            results[cell].status if cell in results else Status.NOT_RUN for cell in planned
        )

    @classmethod
    def of_statuses(cls, statuses: Iterable[Status]) -> "Tally":
        """Count the statuses of all planned cells."""
        counts = Counter(statuses)
        kept = {status: counts[status] for status in Status if counts[status]}
        return cls(sum(counts.values()), kept)

    def __getitem__(self, status: Status) -> int:
        return self.counts.get(status, 0)


@frozen
class Verdict:
    """The word for a whole run and its exit code."""

    word: str
    exit: int
    because: str = field(default="")


def judge(tally: Tally, root_cause: str = "", *, gaps: int = 0, shards: int = 1) -> Verdict:
    """The verdict of a run (KIT-5, KIT-11): nothing is green by accident.

    ``gaps``: requirements and features in the data that no case checks (a draft). ``shards``: of
    how many parts this is one; a part alone proves nothing of the whole. Failures outweigh
    incompleteness: a cell that was seen to fail stays seen.
    """
    if root_cause:
        return Verdict("nonconformant", 1, root_cause)
    broken = [s for s in (Status.FAIL, Status.STALE, Status.FLAKY) if tally[s]]
    if broken:
        return Verdict("nonconformant", 1, ", ".join(f"{tally[s]} {s}" for s in broken))
    open_ = [s for s in (Status.ERROR, Status.BLOCKED, Status.NOT_RUN) if tally[s]]
    if open_:
        return Verdict("incomplete", 4, ", ".join(f"{tally[s]} {s}" for s in open_))
    if not tally[Status.PASS]:
        return Verdict("incomplete", 4, "no cell passed: nothing was proved")
    if gaps:
        return Verdict("incomplete", 4, f"a draft: {gaps} requirements or features have no case")
    if shards > 1:
        return Verdict("incomplete", 4, f"one shard of {shards}: merge it with the others")
    if tally[Status.DIVERGED]:
        return Verdict("conformant with declared divergences", 0)
    return Verdict("conformant", 0)


class ResultsWriter:
    """Writes ``results.jsonl`` as the run goes; each line is whole or absent."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("w", encoding="utf-8")
        self._write({"header": dict(header)})

    def _write(self, row: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n")
        self._file.flush()

    def plan(self, cells: Iterable[str]) -> None:
        """Append the plan, before the first result: what is lost later is seen to be lost."""
        self._write({"plan": list(cells)})

    def add(self, result: Result) -> None:
        """Append one result."""
        self._write({"result": result.to_json()})

    def close(self, tally: Tally, verdict: Verdict) -> None:
        """Append the footer and close the file."""
        counts = {str(status): count for status, count in tally.counts.items()}
        self._write(
            {"footer": {"planned": tally.planned, "counts": counts, "verdict": asdict(verdict)}}
        )
        self._file.close()
