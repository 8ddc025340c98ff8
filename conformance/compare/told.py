"""A comparison in words and as a document."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from conformance.catalogue.differences import DeclaredDifference
from conformance.compare.comparison import Comparison, Found
from conformance.reports.normal import PROGRAM

__all__ = ["document_of", "text_of"]

_SHOWN = 12
_LONG = 300
_INDEX = re.compile(r"\[\d+\]")
_WORDS = {0: "the same, but for what is declared", 1: "not the same", 4: "incomplete"}


def text_of(one: Comparison, *, everything: bool = False) -> str:
    """What a comparison gave, the gravest first; like differences are shown once."""
    known = Counter(found.declared.id for found in one.found if found.declared)
    agreed = f"{one.agreed} agree, {len({f.cells for f in one.undeclared})} differ undeclared"
    lines = [
        f"compared  {one.left} ↔ {one.right}: {one.pairs} pairs, {agreed}",
        f"declared  {sum(known.values())} differences by {len(known)} declarations",
    ]
    if one.beside:
        lines.append(f"beside    {one.beside} cells that the other side has not")
    groups = _groups(one.undeclared)
    for found in groups if everything else groups[:_SHOWN]:
        lines += _told(one, found)
    if not everything and len(groups) > _SHOWN:
        lines.append(f"… and {len(groups) - _SHOWN} more kinds of difference (--all)")
    lines += [
        f"✗ stale: {_entry(d)}: all its pairs were compared, and none differs" for d in one.stale
    ]
    lines += [f"✗ expired: {_entry(d)}: it was declared until {d.expires}" for d in one.expired]
    lines += [f"✗ not played: {cell}" for cell in one.unplayed[:_SHOWN]]
    if len(one.unplayed) > _SHOWN:
        lines.append(f"… and {len(one.unplayed) - _SHOWN} more that were not played")
    if one.unjudged:
        names = [d.id for d in one.unjudged]
        shown = names if everything else [*names[:3], *(["…"] if names[3:] else [])]
        lines.append(
            f"unjudged  {len(names)} declarations, not seen, and not all of their pairs compared:"
            f" {', '.join(shown)}"
        )
    if not one.pairs and not one.unplayed:
        lines.append("nothing was compared: no cell has its like on the other side")
    return "\n".join([*lines, f"verdict: {_WORDS[one.exit]}"]) + "\n"


def _groups(undeclared: Iterable[Found]) -> list[list[Found]]:
    """Differences of the same place, case apart, with the same values, are told as one."""
    groups: dict[tuple[str, ...], list[Found]] = {}
    for found in undeclared:
        place = found.difference
        key = (_INDEX.sub("[*]", place.path), place.left, place.right)
        groups.setdefault(key, []).append(found)
    return sorted(groups.values(), key=len, reverse=True)


def _told(one: Comparison, group: list[Found]) -> Iterator[str]:
    found = group[0]
    place = found.difference
    width = max(len(one.left), len(one.right), len("replay"))
    yield f"✗ {place.path}"
    yield f"    {one.left:{width}}  {_cut(place.left)}"
    yield f"    {one.right:{width}}  {_cut(place.right)}"
    for command in dict.fromkeys(filter(None, found.commands)):
        words = shlex.join("awl" if word == PROGRAM else word for word in command)
        yield f"    {'step':{width}}  {found.step}  {_cut(words)}"
    for replay in dict.fromkeys(found.replays):
        yield f"    {'replay':{width}}  {shlex.join(replay)}"
    others = len(group) - 1
    if others:
        cases = list(Counter(f.case for f in group))
        yield f"    {'also':{width}}  {others} more, in {len(cases)} cases: {', '.join(cases[:6])}"


def _entry(declared: DeclaredDifference) -> str:
    return f"parity.yaml, difference {declared.id!r} ({declared.reason})"


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}… ({len(text) - _LONG} more)"


def document_of(one: Comparison) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        "schema_version": 1,
        "kind": one.kind,
        "left": one.left,
        "right": one.right,
        "pairs": one.pairs,
        "agreed": one.agreed,
        "differences": [
            {
                "case": found.case,
                "cells": list(found.cells),
                "replay": [shlex.join(words) for words in found.replays],
                "step": found.step,
                "path": found.difference.path,
                "left": found.difference.left,
                "right": found.difference.right,
                "declared": found.declared.id if found.declared else None,
            }
            for found in one.found
        ],
        "stale": [d.id for d in one.stale],
        "unjudged": [d.id for d in one.unjudged],
        "expired": [d.id for d in one.expired],
        "unplayed": list(one.unplayed),
        "beside": one.beside,
        "verdict": _WORDS[one.exit],
        "exit": one.exit,
    }
