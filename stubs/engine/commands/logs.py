"""`logs`: what a container's first process wrote."""

from __future__ import annotations

import time

from engine.errors import CliError
from engine.jsonlite import Doc, loads
from engine.render import seconds_of
from engine.streams import say

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.call import Call

__all__ = ["logs"]

_PAUSE = 0.05


def logs(call: Call) -> int:
    """Print the log, stdout and stderr each on its own; `--follow` until the container ends."""
    flags = call.flags(
        "details follow,f since=text tail,n=text timestamps,t until=text",
        "[OPTIONS] CONTAINER",
        "Fetch the logs of a container",
        at_least=1,
        at_most=1,
    )
    doc = call.store.container(flags.args[0])
    since, until = (_moment(flags.text(name), name) for name in ("since", "until"))
    tail = flags.text("tail", "all")
    count = int(tail) if tail.isdigit() else -1  # the engine takes anything else for "all"
    path = f"{call.store.folder(doc['Id'])}/log.jsonl"
    stamped = flags.on("timestamps")
    entries, offset = _entries(path, 0)
    entries = [entry for entry in entries if _within(entry, since, until)]
    if count >= 0:
        entries = entries[len(entries) - min(count, len(entries)) :]
    for entry in entries:
        _say(entry, stamped=stamped)
    if flags.on("follow"):
        for entry in _more(call, doc["Id"], path, offset):
            if _within(entry, since, until):
                _say(entry, stamped=stamped)
    return 0


def _more(call: Call, ident: str, path: str, offset: int) -> Iterator[Doc]:
    while True:
        alive = call.store.alive(ident)  # asked first: what is written before the end is read below
        entries, offset = _entries(path, offset)
        yield from entries
        if not alive:
            return
        time.sleep(_PAUSE)


def _entries(path: str, offset: int) -> tuple[list[Doc], int]:
    """The whole lines from `offset` on, and where the next will start."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    return [loads(line.decode()) for line in whole.splitlines()], offset + len(whole)


def _within(entry: Doc, since: float | None, until: float | None) -> bool:
    moment = seconds_of(entry["time"])
    return (since is None or moment >= since) and (until is None or moment <= until)


def _moment(text: str, flag: str) -> float | None:
    """Seconds since 1970 from RFC 3339, a number, or a duration before now (`90s`, `1h30m`)."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        if "T" in text:
            return seconds_of(text if text.endswith("Z") else text + "Z")
        return time.time() - _duration(text)
    except (ValueError, KeyError):
        raise CliError(f'invalid value for "{flag}": failed to parse value as time or duration: '
                       f'"{text}"') from None  # fmt: skip


def _duration(text: str) -> float:
    """Seconds of `90s`, `1h30m`; ValueError or KeyError."""
    total, number = 0.0, ""
    for letter in text:
        if letter.isdigit() or letter == ".":
            number += letter
        else:
            total += float(number) * {"s": 1, "m": 60, "h": 3600}[letter]
            number = ""
    if number:
        raise ValueError(text)
    return total


def _say(entry: Doc, *, stamped: bool) -> None:
    text = f"{entry['time']} {entry['log']}" if stamped else entry["log"]
    data = text.encode(errors="surrogatepass")
    say(2 if entry["stream"] == "stderr" else 1, data)
