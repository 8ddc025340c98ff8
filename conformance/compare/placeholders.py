"""Names in place of what is nobody's promise: times, ids, and where a runtime keeps things.

A report has fixed names for a run's own already (``reports/normal.py``). Here goes what differs
between two sides that do the same: identifiers and times always, and between two runtimes their
own names and the places that stand for each other: ``/work`` and ``/home/agent`` in a container,
``ROOT/NAME/work`` and ``ROOT/NAME`` on the host.
"""

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

__all__ = ["OTHER", "OWN", "Placeholders"]

OWN, OTHER = "<runtime>", "<other>"
"""What the name of a side's own runtime becomes, and that of the one it is compared with."""

_ANYWHERE = (
    (re.compile(r"\b(?:sha256:)?[0-9a-f]{64}\b"), "<id>"),
    # Shorter ones, down to those that engines show; commits (40) are the same on both sides.
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{12,39}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
)
_END = r"(?![\w-])"
_START = r"(?<![\w./-])"
_IN_CONTAINER = ((f"{_START}/work{_END}", "<work>"), (f"{_START}/home/agent{_END}", "<workspace>"))

Rules = tuple[tuple[re.Pattern[str], str], ...]


@frozen
class Placeholders:
    """What is replaced in every text of one side. ``rules`` apply in their order; ``names`` are
    those of runtimes, and replaced where they are all of a value or of a key.
    """

    rules: Rules = _ANYWHERE
    names: Mapping[str, str] = field(factory=dict)

    @classmethod
    def of_side(cls, image: str) -> "Placeholders":
        """Those of a side whose workspaces are made of ``image``."""
        return cls((*_image(image), *_ANYWHERE))

    @classmethod
    def of_runtime(cls, runtime: str, other: str, words: Mapping[str, str]) -> "Placeholders":
        """Those of one runtime that is compared with another; ``words`` is what the placeholders
        of its cell stand for (``reports.normal.variables``).
        """
        root, home, prefix = (re.escape(words[name]) for name in ("root", "home", "prefix"))
        directory = f"{root}/[a-z0-9_-]+"
        places: tuple[tuple[str, str], ...]
        if runtime == "host":
            places = ((f"{directory}/work{_END}", "<work>"), (directory, "<workspace>"))
        else:
            places = ((directory, "<other workspace>"), *_IN_CONTAINER)
        rest = ((root, "<root>"), (home, "<home>"), (prefix, "<prefix>"))
        rules = [(re.compile(pattern), token) for pattern, token in (*places, *rest)]
        return cls((*rules, *_image(words["image"]), *_ANYWHERE), {runtime: OWN, other: OTHER})

    def __call__(self, text: str) -> str:
        """``text`` with the placeholders in it."""
        if text in self.names:
            return self.names[text]
        for pattern, token in self.rules:
            text = pattern.sub(token, text)
        return text

    def within(self, tree: Any) -> Any:
        """A JSON tree with the placeholders in its texts, and in the keys that name runtimes."""
        if isinstance(tree, dict):
            named = bool(tree) and tree.keys() <= self.names.keys()
            return {self(k) if named else k: self.within(value) for k, value in tree.items()}
        if isinstance(tree, list):
            return [self.within(value) for value in tree]
        return self(tree) if isinstance(tree, str) else tree


def _image(name: str) -> Rules:
    """What replaces the operator's image; nothing where a report does not name one."""
    return ((re.compile(f"{_START}{re.escape(name)}{_END}"), "<image>"),) if name else ()
