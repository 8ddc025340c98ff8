"""The score of a campaign: as a page for people, and as a document for gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.faults.hunt import Hunt

__all__ = ["Score"]


@frozen
class Score:
    """All hunts of a campaign. ``texts``: the text of each requirement by id; ``gaps``: how many
    requirements and kinds of checks have no fault (a draft).
    """

    hunts: tuple[Hunt, ...]
    texts: Mapping[str, str]
    digest: str
    seconds: float
    gaps: int = 0

    @property
    def survivors(self) -> tuple[Hunt, ...]:
        """The hunts that caught nothing."""
        return tuple(one for one in self.hunts if not one.caught)

    @property
    def faults(self) -> tuple[int, int]:
        """How many faults were caught in all of their runtimes, of how many."""
        every = {one.trail.fault.id for one in self.hunts}
        left = {one.trail.fault.id for one in self.survivors}
        return len(every - left), len(every)

    @property
    def exit(self) -> int:
        """0 only where everything was caught; 4 where nothing was hunted, and for a draft."""
        if self.survivors:
            return 1
        return 0 if self.hunts and not self.gaps else 4

    def document(self) -> dict[str, Any]:
        """The JSON form, one row for each fault and runtime."""
        caught, every = self.faults
        return {
            "schema_version": 1,
            "digest": self.digest,
            "faults": every,
            "caught": caught,
            "seconds": self.seconds,
            "hunts": [_row(one) for one in self.hunts],
        }

    def page(self) -> str:
        """Survivors with what may help, then the score."""
        lines: list[str] = []
        for one in self.survivors:
            lines += [*_survivor(one, self.texts), ""]
        caught, every = self.faults
        where = {"program": 0, "fake": 0, "wrap": 0}
        for fault in {one.trail.fault.id: one.trail.fault for one in self.hunts}.values():
            where[fault.place] += 1
        requirements = {one.trail.fault.breaks for one in self.hunts}
        checks = {one.check.split(" ")[0] for one in self.hunts if one.check and one.caught}
        played = sum(one.played for one in self.hunts)
        lines += [
            "  faults   " + ", ".join(f"{count} in the {name}" for name, count in where.items()),
            f"  break    {len(requirements)} requirements, in {len(self.hunts)} places",
            f"  played   {played} cells in {self.seconds:.0f} s",
            f"  seen by  {len(checks)} kinds of checks",
            "",
            f"score: {caught} of {every} faults caught"
            + (f", {len(self.survivors)} survive" if self.survivors else "")
            + (f"; a draft: {self.gaps} requirements or checks have no fault" if self.gaps else ""),
        ]
        return "\n".join(lines)


def _survivor(one: Hunt, texts: Mapping[str, str]) -> Iterator[str]:
    fault = one.trail.fault
    yield f"SURVIVES {one.trail.id}: {fault.text}"
    yield f"  breaks   {fault.breaks}: {texts.get(fault.breaks, '')}"
    seen = ", ".join(f"{count} {how}" for how, count in sorted(one.seen.items()))
    if one.void:
        yield f"  void     the good program fails {one.cell} too, so it proves nothing"
    elif not one.trail.cells:
        yield "  no cell  of a case that covers this requirement runs in this runtime"
    else:
        cut = f" of {len(one.trail.cells)}, then the time was over" if one.cut else ""
        yield f"  played   {one.played} cells{cut}: {seen or 'none'}"
    only = f" by a check of {fault.oracle!r}" if fault.oracle else ""
    yield f"  hint     a case that covers {fault.breaks} must fail{only}; none does."
    yield f"           Write it: awl-conformance explain {fault.breaks} shows those that there are."


def _row(one: Hunt) -> dict[str, Any]:
    fault = one.trail.fault
    return {
        "fault": fault.id,
        "runtime": one.trail.runtime,
        "place": fault.place,
        "text": fault.text,
        "breaks": fault.breaks,
        "caught": one.caught,
        "cell": one.cell,
        "check": one.check,
        "observed": one.observed,
        "played": one.played,
        "cells": len(one.trail.cells),
        "seen": one.seen,
        "cut": one.cut,
        "void": one.void,
        "seconds": one.seconds,
    }
