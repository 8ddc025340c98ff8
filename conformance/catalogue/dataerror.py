"""What can be wrong with the data files: positioned errors, collected and told together."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DataError", "DataErrors", "nearest"]


@frozen(order=True)
class DataError:
    """One defect: ``file:line:column: message (nearest: 'name')``; lines and columns from 1."""

    file: str
    line: int
    column: int
    message: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f" (nearest: {self.nearest!r})" if self.nearest is not None else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{hint}"


class DataErrors(Exception):  # noqa: N818  (the plural of DataError)
    """The data cannot be used; ``errors`` holds every defect found, in order of place."""

    def __init__(self, errors: Iterable[DataError]) -> None:
        # Aliased nodes are seen once for each use; a reader wants to be told once.
        self.errors = tuple(sorted(set(errors), key=_place))
        super().__init__("\n".join(str(error) for error in self.errors))


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """Return the valid name most like ``word``, or None where none is at all like it."""
    found = difflib.get_close_matches(word, sorted(valid), n=1, cutoff=0.5)
    return found[0] if found else None


def _place(error: DataError) -> tuple[str, int, int, str]:
    return (error.file, error.line, error.column, error.message)
