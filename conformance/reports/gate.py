"""``gate``: may this be released? A report is held to the baseline of the last release.

A gate is stricter than a verdict in one way, and milder in another: it refuses what is worse than
last time even where all that is left passes (lost coverage, a weaker contract under an old number,
a lower fault score), and it lets pass what failed then too, if it stands in ``known_gaps.yaml``.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import asdict, frozen

from conformance.reports.baseline import Standing, standing_of
from conformance.reports.gaps import Gap
from conformance.reports.standing import BAD, first_failure
from conformance.results import Status

__all__ = ["Refusal", "document_of", "gate", "text_of"]

_SHOWN = 6


@frozen
class Refusal:
    """One reason against a release: its kind, what changed, and whom it concerns."""

    kind: str
    change: str
    requirements: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()


def gate(
    report: Mapping[str, Any], baseline: Standing, gaps: Sequence[Gap], today: dt.date
) -> tuple[Refusal, ...]:
    """Every reason against a release; none: it may be released."""
    new = standing_of(report)
    return (
        *_failures(report, baseline, gaps),
        *_coverage(baseline, new),
        *_divergences(report),
        *_gaps(new, gaps, today),
        *_faults(baseline, new),
        *_contract(baseline, new),
        *_whole(report),
    )


# ---------------------------------------------------------------------- what fails
def _failures(
    report: Mapping[str, Any], baseline: Standing, gaps: Sequence[Gap]
) -> Iterator[Refusal]:
    """What is not good and was, or is new; and what failed then too, where no gap says so."""
    for row in report["rows"]:
        cell, status = row["cell"], row["status"]
        # Stale has a kind of its own below.
        if status not in BAD or status == Status.STALE or any(gap.covers(cell) for gap in gaps):
            continue
        before = baseline.statuses.get(cell, "not there")
        kind = "old failure" if before == status else "new failure"
        if row["plan"] == "diverged" and before == Status.DIVERGED:
            kind = "expired divergence"
        oracle, expected, observed = first_failure(row)
        why = f"{oracle}: expected {expected}, observed {observed}" if oracle else observed
        told = row["reason"] if kind == "expired divergence" else why
        change = f"{before} -> {status}; {' '.join(told.split())[:200]}"
        yield Refusal(kind, change, tuple(row["requirements"]), (cell,))


def _coverage(old: Standing, new: Standing) -> Iterator[Refusal]:
    """Cells and requirements that nobody looks at any more."""
    gone: dict[tuple[str, ...], list[str]] = {}
    for cell, (_, requirements) in old.cells.items():
        if cell not in new.cells:
            gone.setdefault(requirements, []).append(cell)
    for requirements, cells in sorted(gone.items()):
        change = f"{len(cells)} cells of the baseline are not in the report"
        yield Refusal("lost coverage", change, requirements, tuple(sorted(cells)))
    for id_ in sorted(old.requirements.keys() - new.requirements.keys()):
        yield Refusal("lost coverage", "the requirement is not looked at any more", (id_,))
    # A cell that passed and is now skipped, or said to be unsupported, proves nothing either.
    for cell, (status, requirements) in sorted(new.cells.items()):
        before = old.statuses.get(cell)
        if before == Status.PASS and status in (Status.SKIPPED, Status.UNSUPPORTED):
            yield Refusal("lost coverage", f"{before} -> {status}", requirements, (cell,))


# ---------------------------------------------------------------------- what is excused
def _divergences(report: Mapping[str, Any]) -> Iterator[Refusal]:
    for row in report["rows"]:
        if row["status"] == Status.STALE:
            yield Refusal(
                "stale divergence", row["reason"], tuple(row["requirements"]), (row["cell"],)
            )


def _gaps(new: Standing, gaps: Sequence[Gap], today: dt.date) -> Iterator[Refusal]:
    for gap in gaps:
        cells = tuple(cell for cell in new.cells if gap.covers(cell))
        bad = tuple(cell for cell in cells if new.statuses[cell] in BAD)
        if gap.expires < today:
            told = f"known gap {gap.id!r} expired {gap.expires} (owner: {gap.owner})"
            yield Refusal("expired gap", told, (gap.requirement,), bad)
        elif cells and not bad:
            told = f"known gap {gap.id!r} is closed: take it out of known_gaps.yaml"
            yield Refusal("stale gap", told, (gap.requirement,), cells)


# ---------------------------------------------------------------------- what it is held to
def _faults(old: Standing, new: Standing) -> Iterator[Refusal]:
    if old.fault_score is None:
        return
    if new.fault_score is None:
        yield Refusal("lower fault score", f"{old.fault_score:g} -> not measured")
    elif new.fault_score < old.fault_score:
        yield Refusal("lower fault score", f"{old.fault_score:g} -> {new.fault_score:g}")


def _contract(old: Standing, new: Standing) -> Iterator[Refusal]:
    if new.contract_version < old.contract_version:
        told = f"version {old.contract_version} -> {new.contract_version}"
        yield Refusal("older contract", told)
    if new.contract_version == old.contract_version and new.contract_digest != old.contract_digest:
        worded = tuple(
            id_
            for id_, entry in old.requirements.items()
            if id_ in new.requirements and new.requirements[id_] != entry
        )
        told = (
            f"the contract has changed (digest {old.contract_digest[:12]} -> "
            f"{new.contract_digest[:12]}) and is still version {new.contract_version}"
        )
        yield Refusal("contract changed without a new version", told, worded)


def _whole(report: Mapping[str, Any]) -> Iterator[Refusal]:
    """A part of a run releases nothing."""
    shard = report["header"]["selection"]["shard"]
    if shard is not None:
        yield Refusal("incomplete", f"one shard of {shard[1]}: merge it with the others first")
    if not report["footer"]["counts"].get("pass"):
        yield Refusal("incomplete", "no cell passed: nothing was proved")
    if report["header"]["data"]["gaps"]:
        yield Refusal("incomplete", "the data is a draft: requirements without a case")


# ---------------------------------------------------------------------- telling
def text_of(refusals: Sequence[Refusal], baseline: Standing) -> str:
    """The gate's answer in words; alike refusals stand together."""
    held = f"baseline  {baseline.program}, contract {baseline.contract_version}, "
    held += f"{len(baseline.cells)} cells, {baseline.verdict}"
    if not refusals:
        return f"{held}\ngate: open\n"
    groups: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for one in refusals:
        key = (one.kind, one.change, one.requirements)
        groups.setdefault(key, []).extend(one.cells)
    lines = [held]
    for (kind, change, requirements), cells in groups.items():
        lines.append(f"{kind}: {change}")
        if requirements:
            more = len(requirements) - 12
            named = ", ".join(requirements[:12]) + (f" and {more} more" if more > 0 else "")
            lines.append(f"    requirement  {named}")
        lines += [f"    cell         {cell}" for cell in cells[:_SHOWN]]
        if len(cells) > _SHOWN:
            lines.append(f"                 and {len(cells) - _SHOWN} more")
    lines.append(f"gate: shut ({len(refusals)} reasons)")
    return "\n".join(lines) + "\n"


def document_of(refusals: Sequence[Refusal]) -> dict[str, Any]:
    """The gate's answer as one JSON document."""
    return {
        "schema_version": 1,
        "open": not refusals,
        "refusals": [asdict(refusal) for refusal in refusals],
    }
