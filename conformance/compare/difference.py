"""Where two trees differ: path by path, with both values as JSON."""

import json
import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from conformance.compare.placeholders import OTHER

__all__ = ["MISSING", "Difference", "differences"]

MISSING = "missing"
"""Stands for the value where a side has none; no JSON value is spelt so."""

_PLAIN_KEY = re.compile(r"[A-Za-z_<][\w<>-]*")


@frozen
class Difference:
    """One place at which two trees differ; ``left`` and ``right`` are JSON texts, or MISSING.

    ``crossed``: both sides speak there of the runtime that they are not, so that the left one
    shows what is the right one's way, and the reverse.
    """

    path: str
    left: str
    right: str
    crossed: bool = False


def differences(
    left: Any, right: Any, path: str = "", *, crossed: bool = False
) -> Iterator[Difference]:
    """Every difference of two JSON trees, the first at the top; types count (``1`` is no ``true``).

    A key that only one side has is one difference, whatever is below it. So is a list of another
    length; elements that both have are compared all the same.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        crossed = crossed or left.get("runtime") == right.get("runtime") == OTHER
        for key in [*left, *(key for key in right if key not in left)]:
            place = _below(path, key)
            if key in left and key in right:
                yield from differences(left[key], right[key], place, crossed=crossed)
            else:
                yield Difference(place, _shown(left, key), _shown(right, key), crossed)
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            yield Difference(f"{_root(path)}.length", str(len(left)), str(len(right)), crossed)
        for number, (one, other) in enumerate(zip(left, right, strict=False)):
            yield from differences(one, other, f"{_root(path)}[{number}]", crossed=crossed)
    else:
        one, other = _json(left), _json(right)
        if one != other:
            yield Difference(path, one, other, crossed)


def _below(path: str, key: str) -> str:
    """The path of a key: at the top the name of what was observed, below it as in JSONPath."""
    if not path:
        return key
    plain = _PLAIN_KEY.fullmatch(key)
    return f"{_root(path)}.{key}" if plain else f"{_root(path)}[{_json(key)}]"


def _root(path: str) -> str:
    return path if "$" in path else f"{path} $"


def _shown(tree: dict[str, Any], key: str) -> str:
    return _json(tree[key]) if key in tree else MISSING


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
