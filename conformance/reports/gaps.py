"""``matrices/known_gaps.yaml``: what is known to fail, with an owner and a day when it must not."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

from conformance.catalogue.contract import Contract
from conformance.catalogue.dataerror import DataError, DataErrors
from conformance.catalogue.schema import check_schema
from conformance.catalogue.yamlstrict import Document, load_yaml

__all__ = ["Gap", "load_gaps"]


@frozen
class Gap:
    """One known gap; ``cells`` are patterns of ids in which ``*`` and ``?`` stand for anything."""

    id: str
    requirement: str
    cells: tuple[str, ...]
    reason: str
    owner: str
    expires: dt.date

    def covers(self, cell: str) -> bool:
        """Whether a cell is one of this gap's."""
        return any(_pattern(pattern).fullmatch(cell) for pattern in self.cells)


def _pattern(text: str) -> re.Pattern[str]:
    # Not fnmatch: the brackets of a cell id are to be taken as they are.
    known = {"*": ".*", "?": "."}
    return re.compile("".join(known.get(c) or re.escape(c) for c in text))


def load_gaps(path: Path, contract: Contract, cells: Iterable[str]) -> tuple[Gap, ...]:
    """Read the file; DataErrors with every defect: unknown keys, ids that dangle, dead patterns."""
    document = load_yaml(path, shown=f"{path.parent.name}/{path.name}", dates=("expires",))
    check_schema(document, "known_gaps")
    every = tuple(cells)
    gaps = tuple(
        Gap(
            **{
                **row,
                "cells": tuple(row["cells"]),
                "expires": dt.date.fromisoformat(row["expires"]),
            }
        )
        for row in document.data["gaps"]
        if _is_day(row["expires"])
    )
    if errors := [*_defects(document, gaps, contract, every)]:
        raise DataErrors(errors)
    return gaps


def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _defects(
    document: Document, gaps: tuple[Gap, ...], contract: Contract, cells: tuple[str, ...]
) -> Iterator[DataError]:
    seen: set[str] = set()
    for number, row in enumerate(document.data["gaps"]):
        route = ("gaps", number)
        if not _is_day(row["expires"]):
            yield document.error((*route, "expires"), f"{row['expires']!r} is no day")
        if row["id"] in seen:
            yield document.error((*route, "id"), f"{row['id']!r} is defined twice")
        seen.add(row["id"])
        place = (*route, "requirement")
        known = contract.requirements
        yield from document.dangling(place, "requirement", row["requirement"], known)
    for number, gap in enumerate(gaps):
        for place_, pattern in enumerate(gap.cells):
            if not any(_pattern(pattern).fullmatch(cell) for cell in cells):
                message = f"{pattern!r} matches no cell"
                yield document.error(("gaps", number, "cells", place_), message)
