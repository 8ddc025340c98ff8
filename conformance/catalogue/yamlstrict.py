"""YAML without surprises: one document, every key once, plain words mean what they say.

YAML 1.1 reads ``no`` as false, ``1:20`` as 80 and ``010`` as 8; later keys win over earlier ones.
Here each of these is an error with its place, and every value keeps the place it came from, so that
whoever finds fault with it later can point at it. Anchors and aliases are allowed, merge keys not.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import yaml
from attrs import field, frozen

from conformance.catalogue.dataerror import DataError, DataErrors, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

__all__ = ["Document", "Route", "digest_of", "load_yaml"]

# The way from the top of a document to a value: keys and list indices.
Route = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+(e[-+][0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What YAML 1.1 takes for text and YAML 1.2, or another 1.1 reader, does not.
_AMBIGUOUS = re.compile(
    r"y|Y|n|N|0o[0-7]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[0-9]+(:[0-9]+)+"
)
_MAX_DEPTH = 60
_MAX_NODES = 500_000


@frozen
class Document:
    """A file's data with the place (line, column; from 1) of every value and every key."""

    file: str
    data: Any
    values: Mapping[Route, tuple[int, int]] = field(repr=False)
    keys: Mapping[Route, tuple[int, int]] = field(repr=False)

    def error(
        self,
        route: Iterable[str | int],
        message: str,
        *,
        word: str | None = None,
        valid: Iterable[str] = (),
        key: bool = False,
    ) -> DataError:
        """Return an error at ``route``, or at the nearest place above it that the file has.

        ``word`` and ``valid``: the nearest valid name is looked up. ``key``: point at the key.
        """
        route = tuple(route)
        places = self.keys if key and route in self.keys else self.values
        while route not in places and route:
            route = route[:-1]
        line, column = places.get(route, (1, 1))
        guess = None if word is None else nearest(word, valid)
        return DataError(self.file, line, column, message, guess)

    def dangling(
        self,
        route: Iterable[str | int],
        kind: str,
        word: str,
        valid: Collection[str],
        *,
        key: bool = False,
    ) -> list[DataError]:
        """Return an error where ``word`` is not one of the ``valid`` names of its kind."""
        if word in valid:
            return []
        return [self.error(route, f"no {kind} {word!r}", word=word, valid=valid, key=key)]


def load_yaml(path: Path, *, shown: str | None = None, dates: Iterable[str] = ()) -> Document:
    """Read one file; DataErrors with every defect. ``shown`` is its name in errors.

    A plain YYYY-MM-DD is allowed under the keys ``dates`` only, and stays text.
    """
    name = shown if shown is not None else str(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise DataErrors([DataError(name, 1, 1, f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        column = error.start - error.object.rfind(b"\n", 0, error.start)
        raise DataErrors([DataError(name, line, column, "is not UTF-8")]) from error
    if "\0" in text:
        before = text[: text.index("\0")]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise DataErrors([DataError(name, line, column, "holds a NUL character")])
    return _Reader(name, frozenset(dates)).read(text)


def digest_of(data: object) -> str:
    """Return the sha256 (hex) of data in its order; comments and layout of a file do not count."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class _Reader:
    """Walks the nodes of one document; defects are collected, not raised one by one."""

    def __init__(self, file: str, dates: frozenset[str]) -> None:
        self.file = file
        self.dates = dates
        self.errors: list[DataError] = []
        self.values: dict[Route, tuple[int, int]] = {}
        self.keys: dict[Route, tuple[int, int]] = {}

    def read(self, text: str) -> Document:
        roots = []
        try:
            roots = list(yaml.compose_all(text, Loader=yaml.CSafeLoader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self.errors.append(DataError(self.file, *place, f"not YAML: {error.problem}"))
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
            self.errors.append(DataError(self.file, *place, f"not YAML: {error.reason}"))
        else:
            if not roots:
                self.errors.append(DataError(self.file, 1, 1, "is empty"))
            for extra in roots[1:]:
                self._report(extra, "a second document; a file holds exactly one")
        data = self._value(roots[0], ()) if roots else None
        if self.errors:
            raise DataErrors(self.errors)
        return Document(self.file, data, self.values, self.keys)

    def _report(self, node: yaml.Node, message: str) -> None:
        line, column = _place(node)
        self.errors.append(DataError(self.file, line, column, message))

    def _value(self, node: yaml.Node, route: Route) -> Any:
        self.values[route] = _place(node)
        if len(route) > _MAX_DEPTH or len(self.values) > _MAX_NODES:
            # An alias inside its own anchor, or aliases of aliases, would never end.
            self._report(node, f"nested deeper than {_MAX_DEPTH} levels, or without end")
            raise DataErrors(self.errors)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, route)
        if isinstance(node, yaml.SequenceNode):
            if node.tag != _TAG + "seq":
                self._report(node, f"tag {node.tag!r} is not allowed")
            return [self._value(item, (*route, n)) for n, item in enumerate(node.value)]
        return self._scalar(node, route)

    def _mapping(self, node: yaml.MappingNode, route: Route) -> dict[str, Any]:
        if node.tag != _TAG + "map":
            self._report(node, f"tag {node.tag!r} is not allowed")
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                self._report(key_node, "merge keys (<<) are not allowed; write the keys out")
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._report(key_node, "a key must be text")
                continue
            if key_node.tag != _TAG + "str":
                self._report(key_node, f"a key must be text: write {json.dumps(key_node.value)}")
            else:
                self._scalar(key_node, (*route, key_node.value))
            key = key_node.value
            if key in data:
                line = self.keys[*route, key][0]
                self._report(key_node, f"duplicate key {key!r} (first on line {line})")
                continue
            self.keys[*route, key] = _place(key_node)
            data[key] = self._value(value_node, (*route, key))
        return data

    def _scalar(self, node: Any, route: Route) -> Any:
        text, tag = node.value, node.tag.removeprefix(_TAG)
        if "\0" in text:
            self._report(node, "holds a NUL character")
        if node.style not in (None, ""):  # quoted or a block: text, whatever it looks like
            return text
        plain, value = _PLAIN.get(tag, _not_plain)(text)
        if not plain and tag == "timestamp" and route[-1:] and route[-1] in self.dates:
            plain = _DATE.fullmatch(text) is not None
        if not plain:
            self._report(node, _surprise(text, node.tag))
        return value


def _plain_text(text: str) -> tuple[bool, Any]:
    return not _AMBIGUOUS.fullmatch(text), text


def _plain_bool(text: str) -> tuple[bool, Any]:
    return text in ("true", "false"), text == "true"


def _plain_null(text: str) -> tuple[bool, Any]:
    return text == "null", None


def _plain_int(text: str) -> tuple[bool, Any]:
    return (True, int(text)) if _INTEGER.fullmatch(text) else (False, text)


def _plain_float(text: str) -> tuple[bool, Any]:
    return (True, float(text)) if _FLOAT.fullmatch(text) else (False, text)


def _not_plain(text: str) -> tuple[bool, Any]:
    return False, text


_PLAIN = {
    "str": _plain_text,
    "bool": _plain_bool,
    "null": _plain_null,
    "int": _plain_int,
    "float": _plain_float,
}


def _surprise(text: str, tag: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    kind = tag.removeprefix(_TAG)
    if tag.startswith("!") or kind not in {*_PLAIN, "timestamp", "value", "merge"}:
        return f"tag {tag!r} is not allowed"
    if text == "":
        return 'an empty value; write null, "", [] or {} (in {…} a comma ends a text: quote it)'
    if kind == "bool":
        return f"{text} is a truth value in YAML 1.1: write {quoted}, true or false"
    if kind == "null":
        return f"{text} is null in YAML 1.1: write {quoted} or null"
    if kind in {"int", "float"}:
        number = yaml.safe_load(text)
        return f"{text} is the number {number!r} in YAML 1.1: write {quoted} or the plain number"
    if kind == "timestamp":
        return f"{text} is a date in YAML 1.1: write {quoted}"
    return f"{text} means different things to different YAML readers: write {quoted}"


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
