"""JSON without the `json` package, whose import alone costs as much as starting the interpreter.

CPython's own accelerators do the work where they are there; `json` is the fallback.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from typing import Any, TypeAlias

__all__ = ["Doc", "dump_line", "dumps", "loads", "pretty"]

Doc: TypeAlias = (
    "dict[str, Any]"  # a JSON object; Any because its shape belongs to whoever wrote it
)


class _Context:
    """What the C scanner asks of its decoder."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


_scan: Any = None
_encode: Any = None
try:
    import _json

    _json_parts: Any = _json
    _quote = _json_parts.encode_basestring_ascii
    _encode = _json_parts.make_encoder(None, None, _quote, None, ":", ",", False, False, True)
    _scan = _json_parts.make_scanner(_Context)
except (ImportError, AttributeError, TypeError):  # another interpreter: `json` it is
    _scan = None


def loads(text: str) -> Any:
    """The value written in `text`; ValueError where it is not one JSON value."""
    text = text.strip(" \t\r\n")  # the scanner wants its value at the first character
    try:
        value, end = _scan(text, 0)
    except (TypeError, StopIteration, SystemError):  # no scanner, or it cannot say what is wrong
        end = -1
    if end == len(text):
        return value
    import json

    return json.loads(text)


def dumps(value: Any) -> str:
    """`value` on one line, without spaces, in ASCII."""
    if _scan is None:
        import json

        return json.dumps(value, separators=(",", ":"))
    return "".join(_encode(value, 0))


def dump_line(value: Any) -> bytes:
    """`value` as one line of a JSON-lines file."""
    return dumps(value).encode() + b"\n"


def _html_safe(text: str) -> str:
    # Go's encoder escapes these three, and writes all other characters as they are.
    out = dumps(text) if not text.isascii() else None
    if out is not None:
        out = '"' + "".join(_plain(character) for character in text) + '"'
    else:
        out = dumps(text)
    return out.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _plain(character: str) -> str:
    return character if ord(character) > 127 else dumps(character)[1:-1]


def pretty(value: Any, indent: str = "    ", margin: str = "") -> str:
    """`value` as Go's `json.MarshalIndent` writes it (docker inspect: four spaces).

    An empty `indent` gives the one-line form that `{{json .}}` prints.
    """
    inner = margin + indent
    newline, colon = ("\n", ": ") if indent else ("", ":")
    if isinstance(value, dict):
        if not value:
            return "{}"
        body = ("," + newline).join(
            f"{inner}{_html_safe(str(key))}{colon}{pretty(item, indent, inner)}"
            for key, item in value.items()
        )
        return "{" + newline + body + newline + margin + "}"
    if isinstance(value, (list, tuple)):
        if not value:
            return "[]"
        body = ("," + newline).join(f"{inner}{pretty(item, indent, inner)}" for item in value)
        return "[" + newline + body + newline + margin + "]"
    if isinstance(value, str):
        return _html_safe(value)
    return dumps(value)
