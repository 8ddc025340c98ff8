"""Placeholders: ``{name}`` and ``{axis.key}`` in any string, ``{{`` and ``}}`` for the braces.

A string that is one placeholder and nothing else becomes the value itself, with its type; anything
else becomes text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from conformance.catalogue.yamlstrict import Route

__all__ = ["VARIABLES", "TemplateError", "fill", "holes", "text_of", "texts_of"]

# What every cell has, beside its axes. `other` is the other built-in runtime, `ws` the first
# workspace of `given`, `work` its work directory as seen inside.
VARIABLES = (
    "address",
    "canary",
    "home",
    "image",
    "other",
    "output",
    "prefix",
    "program",
    "remote",
    "repos",
    "root",
    "runtime",
    "sandbox",
    "tmp",
    "via",
    "work",
    "ws",
)

_NAME = r"[a-z][a-z0-9-]*(?:\.[a-z0-9_-]+)?"
_HOLE = re.compile(r"\{(" + _NAME + r")\}")
_PART = re.compile(r"\{\{|\}\}|" + _HOLE.pattern + r"|[{}]")


class TemplateError(ValueError):
    """A template cannot be filled in; ``route`` leads to the place, ``word`` is not ``valid``."""

    def __init__(
        self, route: Route, message: str, word: str | None = None, valid: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        self.route = route
        self.message = message
        self.word = word
        self.valid = tuple(valid)


def holes(tree: Any, route: Route = ()) -> Iterator[tuple[Route, str]]:
    """Yield every placeholder with the way to it; TemplateError for a brace that stands alone."""
    if isinstance(tree, str):
        for part in _PART.finditer(tree):
            if part[0] in ("{", "}"):
                raise TemplateError(
                    route,
                    f"a single {part[0]!r} in {_short(tree)}: write {part[0] * 2!r} for the brace, "
                    "or {name} for a placeholder",
                )
            if part[1] is not None:
                yield route, part[1]
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from holes(key, (*route, key))
            yield from holes(value, (*route, key))
    elif isinstance(tree, list):
        for n, item in enumerate(tree):
            yield from holes(item, (*route, n))


def fill(tree: Any, look_up: Callable[[str], Any]) -> Any:
    """Return the tree with every placeholder replaced by what ``look_up`` gives for its name."""
    if isinstance(tree, str):
        if "{" not in tree and "}" not in tree:
            return tree
        if whole := _HOLE.fullmatch(tree):
            return look_up(whole[1])
        return _PART.sub(lambda part: _replace(part, look_up), tree)
    if isinstance(tree, dict):
        return {text_of(fill(key, look_up)): fill(value, look_up) for key, value in tree.items()}
    if isinstance(tree, list):
        return [fill(item, look_up) for item in tree]
    return tree


def text_of(value: Any) -> str:
    """Return a scalar as it is written in YAML: ``true`` and ``null``, not Python's words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def texts_of(values: Iterable[Any]) -> tuple[str, ...]:
    """Return the texts of scalars; a placeholder that became a list stands for all its items."""
    return tuple(
        text_of(item)
        for value in values
        for item in (value if isinstance(value, list) else (value,))
    )


def _replace(part: re.Match[str], look_up: Callable[[str], Any]) -> str:
    return text_of(look_up(part[1])) if part[1] is not None else part[0][0]


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
