"""What the person sees: results on standard output, all else on standard error (CLI-4 to CLI-7)."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from awl.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Console", "silence"]

# Seconds between two states of the line that is kept up to date, and its width where the terminal
# does not tell its own.
_OFTEN = 0.1
_WIDTH = 80


class Console:
    """The streams of one call.

    With `json`, standard error must stay one document where the call fails, so what is said on the
    side is kept and comes out at the end.
    """

    def __init__(self) -> None:
        self.json = False
        self.quiet = False
        self._kept: list[str] = []
        # The length of the line that is kept up to date, and when it was written.
        self._shown = 0
        self._moment = 0.0

    def result(self, text: str) -> None:
        """Print one line of the result: byte for byte, but for what would steer a terminal."""
        on_terminal = sys.stdout is not None and sys.stdout.isatty()
        self._write(sys.stdout, _plain(text) if on_terminal else text)

    def document(self, document: dict[str, Any]) -> None:
        """Print the result as one JSON document of schema version 1."""
        import json

        self._write(sys.stdout, json.dumps({"schema_version": 1, **document}, indent=2))

    def note(self, text: str) -> None:
        """Say what is going on; `--quiet` and JSON output silence it."""
        if not self.quiet and not self.json:
            self._write(sys.stderr, _plain(redact(text)))

    def progress(self, text: str) -> None:
        """Say what is going on, to a person who looks: on a terminal only (CLI-9)."""
        if self.watched:
            self.note(text)

    def update(self, text: str) -> None:
        """Say how far it is, on one line that is written over, a few times a second.

        It goes when anything else is said. Without escape sequences, which not every terminal
        obeys; so it must not be longer than a line.
        """
        now = time.monotonic()
        if self.watched and now - self._moment >= _OFTEN:
            line = _plain(redact(text))[: _width(sys.stderr) - 1]
            _put(sys.stderr, f"\r{line:<{self._shown}}")
            self._shown, self._moment = len(line), now

    @property
    def watched(self) -> bool:
        """Tell whether progress is shown."""
        stream = sys.stderr
        return not self.quiet and not self.json and stream is not None and stream.isatty()

    def warn(self, text: str) -> None:
        """Say what the person should know though the call goes on."""
        line = _plain(redact(f"warning: {text}"))
        if self.json:
            self._kept.append(line)
        else:
            self._write(sys.stderr, line)

    def flush_warnings(self) -> None:
        """Print the warnings that were kept: the call has not failed."""
        for line in self.take_warnings():
            self._write(sys.stderr, line)

    def take_warnings(self) -> list[str]:
        """Return the warnings that were kept, and keep them no longer."""
        kept, self._kept = self._kept, []
        return kept

    def error(self, text: str) -> None:
        """Print an error in its final form."""
        self._write(sys.stderr, _plain(text))

    def confirm(self, question: str, about: Sequence[str], *, yes: bool) -> bool:
        """Note what it is about and ask, with no as the default; the end of input declines.

        `yes` is the answer given beforehand. With JSON output the question is shown to a person at
        a terminal only. Whoever is asked sees what it is about, `--quiet` or not.
        """
        asked = sys.stderr is not None and (not self.json or sys.stderr.isatty())
        for line in about:
            if yes:
                self.note(line)
            elif asked:
                self._write(sys.stderr, _plain(redact(line)))
        if yes:
            return True
        if asked:
            _put(sys.stderr, f"{_plain(redact(question))} [y/N] ")
        try:
            answer = sys.stdin.readline() if sys.stdin is not None else ""
        except ValueError:  # bytes that are no text
            answer = ""
        return answer.strip().lower() in {"y", "yes"}

    def _write(self, stream: TextIO | None, text: str) -> None:
        if self._shown:
            _put(sys.stderr, f"\r{'':<{self._shown}}\r")
            self._shown = 0
        _put(stream, f"{text}\n")


def _plain(text: str) -> str:
    """Return `text` without what a terminal would obey: names of files can hold anything."""
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in text
    )


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _WIDTH
    except OSError:
        return _WIDTH


def _put(stream: TextIO | None, text: str) -> None:
    """Write at once; whoever has closed the other end does not want it, and hears no complaint."""
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        silence(stream)
    except OSError:
        silence(stream)
        raise


def silence(stream: TextIO) -> None:
    """Send what is left in the stream's buffer, and all that follows, nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
