"""Select cells with a boolean expression, as ``pytest -k`` does, but over names and not substrings.

RM-1c                    a requirement
rm and host and not json a command, a runtime, an output
rm-* or RT-?             shell patterns
brisk                    the short plan: every case in every runtime, with a part of its values
all                      every cell
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conformance.catalogue.case import Cell

__all__ = ["select", "unmatched"]

_ALL, _BRISK = "all", "brisk"
_Test = Callable[[frozenset[str]], bool]
_TOKEN = re.compile(r"[()]|[^\s()]+")


def select(expression: str, cells: Iterable[Cell]) -> Iterator[Cell]:
    """Yield the cells for which a boolean expression holds; ValueError for a bad expression.

    Words: cell id, case id, requirement id, profile, runtime, via, output, polarity, tag, need,
    command, feature, ``brisk`` or ``all``; ``*`` and ``?`` match as in a shell; ``not``, ``and``,
    ``or`` and parentheses combine. Nothing at all is selected if a word matches no cell, so that a
    typo behind ``not`` or ``or`` never widens what runs.
    """
    parsed = _Parser(expression)
    return _select(parsed, cells)


def unmatched(expression: str, cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return the words of an expression that match no cell, for the error message."""
    left = dict(_Parser(expression).words)
    for cell in cells:
        names = _names(cell)
        left = {word: test for word, test in left.items() if not test(names)}
        if not left:
            break
    return tuple(left)


def _select(parsed: _Parser, cells: Iterable[Cell]) -> Iterator[Cell]:
    unseen = dict(parsed.words)
    held: list[Cell] = []
    for cell in cells:
        names = _names(cell)
        if unseen:
            unseen = {word: test for word, test in unseen.items() if not test(names)}
        if parsed.test(names):
            held.append(cell)
        if not unseen:
            yield from held
            held.clear()


def _names(cell: Cell) -> frozenset[str]:
    case = cell.case
    own = (cell.id, case.id, cell.runtime, cell.via, cell.output, case.polarity, cell.plan)
    more = (name for name in (case.command, case.feature) if name is not None)
    known = case.contract.requirements
    profiles = (known[id_].profile for id_ in case.covers if id_ in known)
    plan = (_ALL, _BRISK) if cell.brisk else (_ALL,)
    return frozenset((*own, *more, *case.covers, *profiles, *case.tags, *case.needs, *plan))


class _Parser:
    """A recursive descent over: or < and < not < word."""

    def __init__(self, expression: str) -> None:
        self.words: dict[str, _Test] = {}
        self.expression = expression
        self.tokens: list[str] = _TOKEN.findall(expression)
        self.test = self._or()
        if self.tokens:
            raise self._error(f"{self.tokens[0]!r} is one too many")

    def _error(self, message: str) -> ValueError:
        return ValueError(
            f"selection {self.expression!r}: {message}; write for example 'RM-1c and host'"
        )

    def _take(self, token: str) -> bool:
        if self.tokens[:1] == [token]:
            del self.tokens[0]
            return True
        return False

    def _or(self) -> _Test:
        tests = [self._and()]
        while self._take("or"):
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else lambda names: any(t(names) for t in tests)

    def _and(self) -> _Test:
        tests = [self._not()]
        while self._take("and"):
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda names: all(t(names) for t in tests)

    def _not(self) -> _Test:
        if self._take("not"):
            test = self._not()
            return lambda names: not test(names)
        if self._take("("):
            test = self._or()
            if not self._take(")"):
                raise self._error("a closing parenthesis is missing")
            return test
        if not self.tokens or self.tokens[0] in (")", "and", "or"):
            found = repr(self.tokens[0]) if self.tokens else "the end"
            raise self._error(f"a name is missing before {found}")
        return self._word(self.tokens.pop(0))

    def _word(self, word: str) -> _Test:
        if "*" in word or "?" in word:
            # Not fnmatch: the brackets of a cell id are to be taken as they are.
            parts = (re.escape(c) if c not in "*?" else {"*": ".*", "?": "."}[c] for c in word)
            match = re.compile("".join(parts)).fullmatch
            self.words[word] = lambda names: any(match(name) for name in names)
        else:
            self.words[word] = lambda names: word in names
        return self.words[word]
