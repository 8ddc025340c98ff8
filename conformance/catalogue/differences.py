"""``differences`` of ``parity.yaml``: in what two sides may differ, each with exact signature.

A side is a runtime, an engine or a program. What a declaration says nothing of must be the same.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from conformance.catalogue.contract import Contract
    from conformance.catalogue.dataerror import DataError
    from conformance.catalogue.yamlstrict import Document, Route

__all__ = ["KINDS", "DeclaredDifference", "Kind", "dangling_cases", "read_differences"]

Kind = Literal["runtimes", "engines", "programs", "plays"]

KINDS: tuple[Kind, ...] = ("runtimes", "engines", "programs", "plays")
"""What two sides may be; ``plays``: any, since two plays of one program differ there already."""


@frozen
class DeclaredDifference:
    """One difference that is allowed.

    ``cases``: patterns of case ids. ``paths``: where, as ``compare`` names it; ``[*]`` stands for
    any index or quoted key, ``*`` for any key. ``values``: for each side the regular expression
    that all of its value's JSON text (or the word ``missing``) matches; of ``plays`` there is one,
    for both. ``owner`` and ``expires`` as in a divergence; a play's difference has neither.
    """

    id: str
    cases: tuple[str, ...]
    paths: tuple[str, ...]
    kind: Kind
    values: Mapping[str, str] = field(hash=False)
    reason: str
    owner: str | None = None
    expires: dt.date | None = None

    def speaks_of(self, case: str) -> bool:
        """Whether a case is one of its own."""
        return any(fnmatchcase(case, pattern) for pattern in self.cases)

    def is_between(self, kind: Kind, left: Collection[str], right: Collection[str]) -> bool:
        """Whether it is about these two sides, each given by all of its names."""
        return self.kind == "plays" or (kind == self.kind and bool(self._pairs(left, right)))

    def covers(
        self,
        case: str,
        path: str,
        left: tuple[Collection[str], str],
        right: tuple[Collection[str], str],
    ) -> bool:
        """Whether this is the difference declared. ``left``, ``right``: the names of a side, and
        its value as text.
        """
        if not self.speaks_of(case) or not any(_place(one).fullmatch(path) for one in self.paths):
            return False
        return any(
            _value(one).fullmatch(left[1]) and _value(other).fullmatch(right[1])
            for one, other in self._pairs(left[0], right[0])
        )

    def _pairs(self, left: Collection[str], right: Collection[str]) -> list[tuple[str, str]]:
        """The expressions for the two sides; none where it is about others."""
        if self.kind == "plays":
            (both,) = self.values.values()
            return [(both, both)]
        (one, first), (other, second) = self.values.items()
        found = [(first, second)] if one in left and other in right else []
        return found or ([(second, first)] if one in right and other in left else [])


@functools.cache
def _place(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\[\*\]", r'\[(?:\d+|"[^"]*")\]').replace(r"\*", r"[^.\[]*")
    return re.compile(text)


@functools.cache
def _value(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


def read_differences(
    document: Document, contract: Contract, errors: list[DataError]
) -> tuple[DeclaredDifference, ...]:
    """Return what a matrix that its schema has passed declares; defects go to ``errors``."""
    found = []
    seen: set[str] = set()
    for n, row in enumerate(document.data.get("differences", ())):
        route: Route = ("differences", n)
        if row["id"] in seen:
            errors.append(document.error((*route, "id"), f"difference {row['id']!r} twice"))
        seen.add(row["id"])
        kind: Kind = next(kind for kind in KINDS if kind in row["between"])
        sides = row["between"][kind]
        values = {"": sides} if kind == "plays" else dict(sides)
        place: Route = (*route, "between", kind)
        for name, pattern in values.items():
            where = (*place, name) if name else place
            try:
                re.compile(pattern)
            except re.error as error:
                errors.append(document.error(where, f"no regular expression: {error}"))
            if kind == "runtimes":
                errors.extend(
                    document.dangling(where, "runtime", name, contract.runtimes, key=True)
                )
        errors.extend(_ownership(document, route, row, kind))
        found.append(
            DeclaredDifference(
                row["id"],
                tuple(row["at"]["cases"]),
                tuple(row["at"]["paths"]),
                kind,
                values,
                row["reason"],
                row.get("owner"),
                _day(row),
            )
        )
    return tuple(found)


def _ownership(
    document: Document, route: Route, row: Mapping[str, str], kind: Kind
) -> Iterator[DataError]:
    """Somebody answers for a difference of two sides until a day; nobody for one of two plays."""
    for key in ("owner", "expires"):
        if (key in row) == (kind == "plays"):
            wanted = f"key {key!r} does not go with plays" if key in row else f"missing key {key!r}"
            yield document.error((*route, key) if key in row else route, wanted)
    if "expires" in row and _day(row) is None:
        yield document.error((*route, "expires"), f"{row['expires']!r} is no day")


def _day(row: Mapping[str, str]) -> dt.date | None:
    try:
        return dt.date.fromisoformat(row.get("expires", ""))
    except ValueError:
        return None


def dangling_cases(document: Document, cases: Collection[str]) -> Iterator[DataError]:
    """Yield an error for each pattern of a declaration that fits no case."""
    for n, row in enumerate(document.data.get("differences", ())):
        for m, pattern in enumerate(row["at"]["cases"]):
            if not any(fnmatchcase(case, pattern) for case in cases):
                route: Route = ("differences", n, "at", "cases", m)
                yield document.error(route, f"no case {pattern!r}", word=pattern, valid=cases)
