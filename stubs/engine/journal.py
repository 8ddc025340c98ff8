"""One record of each call: a line when it starts, a line when it ends, joined by `call`.

A call that was killed has only its first line. Each line is one `write` to a file opened for
appending, so that simultaneous calls never mix.
"""

from __future__ import annotations

import os
import time

from engine.jsonlite import Doc, dump_line, loads

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Journal", "read"]

_SHOWN = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG")


class Journal:
    """The lines of one call; does nothing where `path` is empty."""

    def __init__(self, path: str, argv: list[str], env: Mapping[str, str]) -> None:
        self._path = path
        self._start = time.monotonic()
        self._call = f"{os.getpid()}-{time.time_ns()}"
        if path:
            self._write(
                {
                    "call": self._call,
                    "time": time.time(),
                    "pid": os.getpid(),
                    "argv": argv,
                    "cwd": _cwd(),
                    "stdin_tty": os.isatty(0),
                    "env": {name: env[name] for name in _SHOWN if name in env},
                }
            )

    def end(self, code: int) -> None:
        """The call is over with this exit code."""
        if self._path:
            spent = round(time.monotonic() - self._start, 6)
            self._write({"call": self._call, "exit": code, "seconds": spent})

    def _write(self, doc: Doc) -> None:
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(fd, dump_line(doc))
        finally:
            os.close(fd)


def _cwd() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # the caller's folder was removed


def read(path: str) -> list[Doc]:
    """The calls in order of their start; `exit` and `seconds` are None where one never ended."""
    calls: dict[str, Doc] = {}
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        doc = loads(line)
        calls.setdefault(doc["call"], {"exit": None, "seconds": None}).update(doc)
    return list(calls.values())
