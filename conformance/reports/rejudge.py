"""Judge a row again from its evidence and the contract alone, without the program.

The cell is bound anew from the data, with the fixed names of reports in place of a run's own; each
step's evidence is rebuilt from its record and shown to the same oracles as in the run. So a changed
status, a check that was turned, an expectation that was loosened or a command that was another
does not agree with the rest of its row any more.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.matrix import bind
from conformance.catalogue.step import Step
from conformance.drivers.process import Outcome, Stream
from conformance.evidence import Evidence
from conformance.execute import status_of
from conformance.invoke import invocation
from conformance.oracles import examine
from conformance.reports.document import facts_of, step_of
from conformance.reports.normal import PROGRAM, SECRET, variables
from conformance.results import Check, Seen, Status, StepRecord
from conformance.world.engines import Call
from conformance.world.observe import EngineState, Snapshot

__all__ = ["Rejudged", "rejudge"]

# What a run says where nothing was proved: there is no evidence to hold it to, and it never scores.
_UNPROVEN = (Status.BLOCKED, Status.ERROR, Status.SKIPPED, Status.NOT_RUN)
# Found by looking at the machine after the last step, not at a step.
_BESIDE = ("leaks", "privileges")


@frozen
class Rejudged:
    """What became of a row: ``problems`` (none where it holds), and how many of its checks had to
    be taken as they stand, since a stream was too long to be kept whole.
    """

    problems: tuple[str, ...]
    trusted: int = 0


def rejudge(
    row: Mapping[str, Any], cell: Cell, suite: Suite, header: Mapping[str, Any], day: dt.date
) -> Rejudged:
    """Hold one row to data, header and its own evidence; ``day`` is that of the run."""
    problems = [
        f"{key} is {row.get(key)!r}, by the data {value!r}"
        for key, value in facts_of(suite, cell, header).items()
        if row.get(key) != value
    ]
    status = Status(row["status"])
    recorded = tuple(Check(**check) for check in row["checks"])
    if status in _UNPROVEN:
        if status is not Status.ERROR and any(not check.ok for check in recorded):
            problems.append(f"{status}, but a check of it failed")
        return Rejudged(tuple(problems))
    steps = [step_of(step) for step in row["steps"]]
    played = [step for step in steps if step.role == "step"]
    bound = bind(cell, variables(cell.runtime, header["image"]["name"]))
    evidence = [
        _evidence(cell, step, record, suite)
        for step, record in zip(bound.steps, played, strict=False)
    ]
    problems += _commands(cell, bound.steps, played)
    found, trusted = _examined(evidence, played, recorded)
    beside = tuple(check for check in recorded if check.oracle in _BESIDE)
    problems += _differences(recorded, (*found, *beside))
    good = all(check.ok for check in (*found, *beside))
    if good and len(played) != len(bound.steps):
        problems.append(f"{len(played)} of {len(bound.steps)} steps have evidence")
    first = evidence[0] if evidence else None
    expected = status_of(cell, good=good, first=first, today=day)[0]
    if status is not expected and (status, expected) != (Status.FLAKY, Status.FAIL):
        problems.append(f"status {status}, by its evidence {expected}")
    return Rejudged(tuple(problems), trusted)


def _commands(cell: Cell, steps: tuple[Step, ...], played: list[StepRecord]) -> Iterator[str]:
    for number, (step, record) in enumerate(zip(steps, played, strict=False)):
        call = invocation(
            (PROGRAM,),
            step.argv,
            runtime=cell.runtime,
            via=cell.via,
            output=cell.output if number == 0 else "text",
        )
        if record.argv != call.argv:
            yield f"step {number + 1} ran {list(record.argv)}, by the data {list(call.argv)}"


def _examined(
    evidence: list[Evidence], played: list[StepRecord], recorded: tuple[Check, ...]
) -> tuple[tuple[Check, ...], int]:
    """The checks of all steps, and how many of them are those that were recorded."""
    checks: list[Check] = []
    trusted = 0
    known = {(check.oracle, check.expected): check for check in recorded}
    for one, record in zip(evidence, played, strict=True):
        cut = [
            name
            for name, text in (("stdout", record.stdout), ("stderr", record.stderr))
            if name in record.whole and record.whole[name].length > len(text.encode())
        ]
        for check in examine(one):
            taken = known.get((check.oracle, check.expected))
            if taken is not None and cut and _reads(check, cut):
                trusted += 1
                checks.append(taken)
            else:
                checks.append(check)
    return tuple(checks), trusted


def _reads(check: Check, streams: list[str]) -> bool:
    """Whether a check looks at one of the streams, beyond what was kept of it."""
    readers = {"stdout": ("stdout", "json"), "stderr": ("stderr", "error")}
    return any(check.oracle.startswith(readers[name]) for name in streams)


def _differences(recorded: tuple[Check, ...], found: tuple[Check, ...]) -> Iterator[str]:
    def plain(checks: tuple[Check, ...]) -> list[tuple[str, str, bool]]:
        return sorted((check.oracle, check.expected, check.ok) for check in checks)

    old, new = plain(recorded), plain(found)
    if old == new:
        return
    for oracle, expected, ok in [row for row in new if row not in old][:2]:
        yield f"by its evidence {oracle} ({expected}) {'holds' if ok else 'does not hold'}"
    for oracle, expected, ok in [row for row in old if row not in new][:2]:
        held = "holds" if ok else "does not hold"
        yield f"it says that {oracle} ({expected}) {held}; its evidence does not"
    if len(old) != len(new):
        yield f"it has {len(old)} checks, by its evidence {len(new)}"


# ---------------------------------------------------------------------- evidence from a record
def _evidence(cell: Cell, step: Step, record: StepRecord, suite: Suite) -> Evidence:
    seen = record.seen or Seen()
    return Evidence(
        step=step,
        runtime=cell.runtime,
        prefix="",
        argv=record.argv,
        env=record.env,
        outcome=Outcome(
            argv=record.argv,
            exit=record.exit,
            signal=record.signal,
            out=_stream(record, "stdout", record.stdout),
            err=_stream(record, "stderr", record.stderr),
            duration=record.seconds,
            timed_out=record.timed_out,
            unmet=record.unmet,
        ),
        calls=tuple(Call(argv) for argv in seen.calls),
        contract=suite.contract,
        before=_snapshot(cell.runtime, seen, seen.before) if step.expect.unchanged else None,
        after=_snapshot(cell.runtime, seen, seen.after),
        files=seen.files,
        secrets=(SECRET,),
    )


def _stream(record: StepRecord, name: str, text: str) -> Stream:
    kept = text.encode()
    whole = record.whole.get(name)
    if whole is None:
        return Stream(kept, len(kept), hashlib.sha256(kept).hexdigest())
    return Stream(kept, whole.length, whole.sha256)


def _snapshot(runtime: str, seen: Seen, digests: Mapping[str, str]) -> Snapshot:
    """A world that has one thing in each part: the digest of all that was in it."""

    def part(name: str) -> dict[str, str]:
        return {"digest": digests.get(name, "")}

    return Snapshot(
        workspaces={runtime: frozenset(seen.workspaces or ())},
        engine=EngineState(
            {"digest": ("", digests.get("engine", ""))}, frozenset(seen.volumes or ())
        ),
        root=part("workspaces"),
        home=part("home"),
        decoys=part("decoys"),
    )
