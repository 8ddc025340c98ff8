"""Run one command of a case on a real terminal, following a script of what to see and to type.

``outcome = converse(lock, ["awl", "rm", "a"], script=(Expect(r"sure\\?"), Send("y\\n")), ...)``

The terminal belongs to the case (its own devpts) and is the controlling terminal of the command,
so that Ctrl-C, window size and ``ttyname`` work as for a person.
"""

from __future__ import annotations

import os
import re
import select
import termios
import time
from dataclasses import dataclass
from signal import SIGKILL
from typing import TYPE_CHECKING

import pexpect
from pexpect import fdpexpect

from conformance.drivers.process import Collector, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conformance.lock.client import CaseLock, Child

__all__ = ["Expect", "ExpectEOF", "Resize", "Send", "SendControl", "Step", "converse"]

_CHUNK = 65536
_HOPELESS = 0.2  # seconds to end by itself for a command whose script went wrong
_KILL_LIMIT = 10.0  # seconds for a killed process to be gone


@dataclass(frozen=True, slots=True)
class Expect:
    """Wait until ``pattern`` (a regular expression) comes, after what was matched before."""

    pattern: str
    timeout: float = 10.0

    def __post_init__(self) -> None:
        try:  # here, not in the middle of a run
            re.compile(self.pattern)
        except re.error as problem:
            raise ValueError(f"pattern {self.pattern!r}: {problem}") from problem


@dataclass(frozen=True, slots=True)
class Send:
    """Type ``text`` (a line end is ``\\n`` or ``\\r``, as the Enter key gives)."""

    text: str


@dataclass(frozen=True, slots=True)
class SendControl:
    """Press Ctrl and ``key``: ``c`` interrupts, ``d`` ends the input, ``z`` suspends."""

    key: str

    def __post_init__(self) -> None:
        if len(self.key) != 1 or not "@" <= self.key.upper() <= "_":
            raise ValueError(f"Ctrl-{self.key}: expected one of a-z @ [ \\ ] ^ _")


@dataclass(frozen=True, slots=True)
class Resize:
    """Change the window's size; the foreground group gets SIGWINCH."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class ExpectEOF:
    """Wait until the command lets go of the terminal."""

    timeout: float = 10.0


Step = Expect | ExpectEOF | Resize | Send | SendControl


def converse(
    lock: CaseLock,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    script: Sequence[Step],
    timeout: float,
    rows: int = 24,
    columns: int = 80,
    keep: int = 8 * 1024 * 1024,
) -> Outcome:
    """Run ``argv`` on a terminal, follow ``script``, then wait for its end.

    ``Outcome.stdout`` is the transcript (with echo and ``\\r\\n``). A step that is not met stops
    the script and is told in ``Outcome.unmet``; the command is then killed with its tree, unless
    it ended by itself. Everything together takes at most ``timeout`` seconds. Raises OSError where
    the command cannot start.
    """
    started = time.monotonic()
    master, slave = lock.openpty(rows, columns)
    try:
        try:
            child = lock.spawn(
                argv, env=env, cwd=cwd, stdin=slave, stdout=slave, stderr=slave, tty=True
            )
        finally:
            os.close(slave)
        session = _Session(master, keep, started + timeout)
        unmet = session.follow(script)
        code, timed_out = _end(child, session, hopeless=bool(unmet))
        transcript = session.transcript.stream()
    finally:
        os.close(master)
    return Outcome(
        argv=tuple(argv),
        exit=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        out=transcript,
        err=Collector(0).stream(),
        duration=time.monotonic() - started,
        timed_out=timed_out,
        unmet=unmet,
    )


class _Session:
    """The person at the terminal: ``limit`` is the moment at which patience ends."""

    def __init__(self, master: int, keep: int, limit: float) -> None:
        os.set_blocking(master, False)
        self.transcript = Collector(keep)
        self._master = master
        self._limit = limit
        self._screen = fdpexpect.fdspawn(master, use_poll=True, maxread=_CHUNK)
        self._screen.searchwindowsize = _CHUNK
        self._screen.logfile_read = _Log(self.transcript)
        # Made for terminals of 1990; each would cost a pause (pexpect's "common problems").
        self._screen.delaybeforesend = None
        self._screen.delayafterread = None

    def left(self) -> float:
        """Seconds of patience."""
        return max(self._limit - time.monotonic(), 0.0)

    def follow(self, script: Sequence[Step]) -> str:
        """Do the steps in order; words about the first that is not met, or nothing."""
        for number, step in enumerate(script, 1):
            if problem := self._do(step):
                return f"step {number} ({step}): {problem}"
        return ""

    def read_to_end(self, seconds: float) -> bool:
        """Read until nobody holds the terminal; False where that took longer."""
        limit = time.monotonic() + seconds
        readable = select.poll()
        readable.register(self._master, select.POLLIN)
        # Not by pexpect, which would hold all of an endless output in memory.
        while readable.poll(max(limit - time.monotonic(), 0.0) * 1000):
            try:
                data = os.read(self._master, _CHUNK)
            except OSError:  # EIO: the last holder of the other side has gone (pty(7))
                return True
            if not data:
                return True
            self.transcript.feed(data)
            if time.monotonic() > limit:
                break
        return False

    def _do(self, step: Step) -> str:
        match step:
            case Expect(pattern, timeout):
                return self._await(pattern.encode(), min(timeout, self.left()))
            case ExpectEOF(timeout):
                return "" if self.read_to_end(min(timeout, self.left())) else "it did not end"
            case Resize(rows, columns):
                termios.tcsetwinsize(self._master, (rows, columns))
                return ""
            case Send(text):
                return self._type(text.encode())
            case SendControl(key):
                return self._type(bytes([ord(key.upper()) & 0x1F]))

    def _await(self, pattern: bytes, seconds: float) -> str:
        words = ("", "the command ended before it came", f"it did not come in {seconds:g} s")
        found = self._screen.expect(
            [re.compile(pattern, re.DOTALL), pexpect.EOF, pexpect.TIMEOUT], timeout=seconds
        )
        return words[found]

    def _type(self, data: bytes) -> str:
        writable = select.poll()
        writable.register(self._master, select.POLLOUT)
        while data:
            if not writable.poll(self.left() * 1000):
                return "the command does not read its input"
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                continue
            except OSError:
                return "the terminal is closed"
        return ""


class _Log:
    """pexpect writes here all that it reads."""

    def __init__(self, transcript: Collector) -> None:
        self._transcript = transcript

    def write(self, data: bytes) -> None:
        self._transcript.feed(data)

    def flush(self) -> None:
        """Nothing is held back."""


def _end(child: Child, session: _Session, *, hopeless: bool) -> tuple[int, bool]:
    """Return code, and whether the time limit passed. ``hopeless``: the script went wrong."""
    patience = min(_HOPELESS, session.left()) if hopeless else session.left()
    ended = session.read_to_end(patience)
    try:
        left = _HOPELESS if hopeless else session.left()
        return child.wait(left if ended else 0.0), False
    except TimeoutError:
        child.signal(SIGKILL, "tree")
        code = child.wait(_KILL_LIMIT)
        session.read_to_end(_HOPELESS)
        return code, not hopeless or session.left() == 0.0
