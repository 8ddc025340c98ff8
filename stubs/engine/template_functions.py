"""The functions that `--format` templates may call, and how Go prints a value."""

from __future__ import annotations

from engine.jsonlite import pretty

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["FUNCTIONS", "NOTHING", "is_true", "show"]

NOTHING = object()  # what a missing key of a free map is


def show(value: object) -> str:
    """A value as Go prints it."""
    if value is NOTHING:
        return "<no value>"
    if value is None:
        return "<nil>"
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{show(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(show(item) for item in value) + "]"
    return str(value)


def is_true(value: object) -> bool:
    """What `if` takes for true: neither missing nor empty."""
    return value is not NOTHING and bool(value)


def _index(value: Any, *keys: Any) -> object:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key, "")
        elif value is None:
            raise ValueError("index of untyped nil")
        else:
            value = value[key]
    return value


def _printf(form: str, *values: object) -> str:
    shown = [value if isinstance(value, (int, float)) else show(value) for value in values]
    return form.replace("%v", "%s").replace("%q", '"%s"') % tuple(shown)


FUNCTIONS: dict[str, Callable[..., object]] = {
    "and": lambda *values: next((value for value in values if not is_true(value)), values[-1]),
    "eq": lambda first, *others: any(first == other for other in others),
    "index": _index,
    "join": lambda items, mark: mark.join(items or ()),
    "json": lambda value: pretty(None if value is NOTHING else value, ""),
    "len": len,
    "lower": lambda text: text.lower(),
    "ne": lambda first, second: first != second,
    "not": lambda value: not is_true(value),
    "or": lambda *values: next((value for value in values if is_true(value)), values[-1]),
    "pad": lambda text, left, right: " " * left + text + " " * right if text else text,
    "print": lambda *values: "".join(show(value) for value in values),
    "printf": _printf,
    "println": lambda *values: " ".join(show(value) for value in values) + "\n",
    "split": lambda text, mark: text.split(mark),
    "title": lambda text: text.title(),
    "truncate": lambda text, length: text[:length],
    "upper": lambda text: text.upper(),
}
