"""Oracle on the engine calls that a command made, by the journal."""

from collections.abc import Iterator

from conformance.evidence import Evidence
from conformance.results import Check

__all__ = ["engine_calls"]


def engine_calls(evidence: Evidence) -> Iterator[Check]:
    """How many calls of the engine's client there were, and of which kind there may be none."""
    expect = evidence.step.expect.engine
    if expect is None:
        return
    calls = evidence.calls
    shown = f"{len(calls)} calls: " + "; ".join(" ".join(call.argv)[:120] for call in calls[:6])
    if expect.calls is not None:
        wanted = f"{expect.calls} engine calls"
        yield Check("engine calls", len(calls) == expect.calls, wanted, shown)
    if expect.max is not None:
        wanted = f"at most {expect.max} engine calls"
        yield Check("engine calls", len(calls) <= expect.max, wanted, shown)
    for word in expect.never:
        clean = all(call.subcommand != word for call in calls)
        yield Check("engine calls", clean, f"never `docker {word}`", shown)
