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

__all__ = ["Check", "Result", "ResultsWriter", "Status", "StepRecord", "Tally", "Verdict", "judge"]


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
class StepRecord:
    """One command of a cell as evidence. ``exit`` is None where a signal or a limit ended it.

    ``env`` holds what was added to the sandbox's environment; streams are text with undecodable
    bytes escaped, cut to a few thousand characters.
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


@frozen
class Result:
    """What one cell gave, with the evidence."""

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
                "steps": tuple(
                    StepRecord(**{**step, "argv": tuple(step["argv"])}) for step in data["steps"]
                ),
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
        cells = list(planned)
        counts = Counter(
            results[cell].status if cell in results else Status.NOT_RUN for cell in cells
        )
        return cls(len(cells), {status: counts[status] for status in Status if counts[status]})

    def __getitem__(self, status: Status) -> int:
        return self.counts.get(status, 0)


@frozen
class Verdict:
    """The word for a whole run and its exit code."""

    word: str
    exit: int
    because: str = field(default="")


def judge(tally: Tally, root_cause: str = "", *, gaps: int = 0) -> Verdict:
    """The verdict of a run (KIT-5, KIT-11): nothing is green by accident.

    ``gaps``: requirements and features in the data that no case checks (a draft). Failures
    outweigh incompleteness: a cell that was seen to fail stays seen.
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
