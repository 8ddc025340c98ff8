"""How docker shows things to people: tables, ages, sizes; and how `--format` picks the fast way."""

from __future__ import annotations

import time

from engine.errors import CliError
from engine.jsonlite import Doc, pretty

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.call import Call

__all__ = ["age", "image_size", "mapping", "matches", "now", "rows", "seconds_of", "show_docs"]

_LEAST_WIDTH = 10  # of a column, its gap included, in docker's table writer
_TYPES = {"ps": "*formatter.ContainerContext", "volume ls": "*formatter.volumeContext",
          "image ls": "*formatter.imageContext", "images": "*formatter.imageContext"}  # fmt: skip
_MINUTE, _HOUR, _DAY, _WEEK, _MONTH, _YEAR = 60, 3600, 86400, 604800, 2592000, 31536000


def seconds_of(stamp: str) -> float:
    """An engine's timestamp (RFC 3339, UTC) as seconds since 1970."""
    date, _, clock = stamp.rstrip("Z").partition("T")
    year, month, day = (int(part) for part in date.split("-"))
    hour, minute, second = clock.split(":")
    # Days of the civil calendar, years counted from March; `calendar` would import half of `re`.
    year -= month < 3
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    return days * _DAY + int(hour) * _HOUR + int(minute) * _MINUTE + float(second)


def age(seconds: float) -> str:
    """A duration in docker's words (docker/go-units, HumanDuration)."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < _MINUTE:
        return f"{whole} seconds"
    if whole < 2 * _MINUTE:
        return "About a minute"
    if whole < _HOUR:
        return f"{whole // _MINUTE} minutes"
    hours = int(seconds / _HOUR + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    for unit, name in ((_YEAR, "years"), (_MONTH, "months"), (_WEEK, "weeks")):
        if hours * _HOUR >= unit * 2:
            return f"{hours * _HOUR // unit} {name}"
    return f"{hours // 24} days"


def image_size(size: int) -> str:
    """A size in decimal units with three digits, as `docker images` shows it."""
    value, unit = float(size), "B"
    for following in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, following
    return f"{value:.3g}{unit}"


def mapping(labels: dict[str, str] | None) -> str:
    """Labels as one field."""
    return ",".join(f"{key}={value}" for key, value in (labels or {}).items())


def matches(pattern: str, text: str) -> bool:
    """A name filter: a regular expression found anywhere, or the plain text."""
    if pattern in text:
        return True
    plain = pattern.replace("-", "").replace("_", "")
    if plain.isalnum():
        return False
    import re  # a costly import, wanted by patterns only

    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def rows(
    call: Call,
    form: str,
    items: list[Doc],
    table: list[tuple[str, str]],
    methods: dict[str, Callable[..., object]],
) -> None:
    """Print a list: a table, `json`, `{{json .}}`, or a template for each item.

    `items` hold the fields that templates may name, `table` (field, heading) what a person sees.
    """
    if call.is_podman:
        from engine.podman import row

        items, methods = [row(item) for item in items], {}
    if form in ("", "table"):
        lines = [[heading for _, heading in table]]
        lines += [[str(item[field]) for field, _ in table] for item in items]
        widths = [
            max(_LEAST_WIDTH, *(len(line[index]) + 3 for line in lines))
            for index in range(len(table))
        ]
        for cells in lines:
            padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
            call.out("".join([*padded[:-1], cells[-1]]))
        return
    if form in ("json", "{{json .}}"):
        for item in items:
            shown = {key: item[key] for key in sorted(item) if not key.startswith("_")}
            call.out(pretty(shown, ""))
        return
    from engine.template import Template, TemplateError

    headings = form.startswith("table ")
    text = form.removeprefix("table ").replace("\\t", "\t").replace("\\n", "\n")
    try:
        template = Template(text)
        shown_lines = [template.run(item, strict=True, methods=methods) for item in items]
        if headings:
            names = dict(table)
            head = {
                key: names.get(key, key.upper())
                for item in items[:1] or [dict(table)]
                for key in item
            }
            shown_lines.insert(
                0, template.run(head, strict=True, methods=dict.fromkeys(methods, _heading))
            )
    except TemplateError as error:
        what = "parse" if error.parsing else "execute"
        raise CliError(f"failed to {what} template: {_typed(call, str(error))}") from None
    if headings:
        shown_lines = _columns(shown_lines)
    for line in shown_lines:
        call.out(line)


def _typed(call: Call, words: str) -> str:
    """The client's rows are of a type, and it is named where a field is not there."""
    before, lacks, field = words.partition("map has no entry for key ")
    kind = _TYPES.get(call.command)
    if not lacks or kind is None:
        return words
    name = field.strip('"')
    return f"{before}can't evaluate field {name} in type {kind}"


def _heading(_item: object, key: str) -> str:
    return key


def _columns(lines: list[str]) -> list[str]:
    cells = [line.split("\t") for line in lines]
    count = max(len(row) for row in cells)
    widths = [
        max(_LEAST_WIDTH, *(len(row[i]) + 3 for row in cells if i < len(row))) for i in range(count)
    ]
    return [
        "".join([cell.ljust(widths[i]) for i, cell in enumerate(row[:-1])] + row[-1:])
        for row in cells
    ]


def show_docs(call: Call, form: str, docs: list[Doc]) -> None:
    """Print inspected objects: a JSON list, or a template for each."""
    if form in ("", "json"):
        call.out(pretty(docs) if not form else pretty(docs, ""))
        return
    from engine.template import Template, TemplateError

    try:
        template = Template(form)
    except TemplateError as error:
        raise CliError(f"template parsing error: {error}", 64) from None
    for doc in docs:
        try:
            call.out(template.run(doc, strict=True, methods={}))
        except TemplateError as error:
            call.out("")
            raise CliError(f"template parsing error: {error}") from None


def now() -> float:
    """The time, in seconds since 1970."""
    return time.time()
