"""Run one command of a case by pipes and bring back all that was seen.

``outcome = run(lock, ["awl", "ls"], env=env, cwd=home, timeout=20)``
"""

from __future__ import annotations

import hashlib
import os
import selectors
import time
from dataclasses import dataclass
from signal import SIGKILL
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conformance.lock.client import CaseLock, Child

__all__ = ["Collector", "Interrupt", "Outcome", "Stream", "run"]

_CHUNK = 256 * 1024
_SEEN = 64 * 1024  # bytes of earlier output in which the words of an interrupt are looked for
_KILL_LIMIT = 10.0  # seconds for a killed process to be gone
_GLANCE = 0.01  # seconds between two looks for the file of an interrupt
_LEFTOVERS = 0.2  # seconds for the rest of the output after the command has ended


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A signal to send to the command's group: after some seconds, some output, or once a file is.

    Exactly one of ``after_seconds``, ``after_output`` (searched in stdout and stderr) and
    ``after_file`` is given.
    """

    signal: int
    after_seconds: float | None = None
    after_output: bytes | None = None
    after_file: Path | None = None

    def __post_init__(self) -> None:
        if [self.after_seconds, self.after_output, self.after_file].count(None) != 2:
            raise ValueError(
                "an interrupt takes exactly one of after_seconds, after_output and after_file"
            )


@dataclass(frozen=True, slots=True)
class Stream:
    """What came out of one stream: the kept beginning, and length and sha256 of all of it."""

    kept: bytes
    length: int
    sha256: str

    @property
    def truncated(self) -> bool:
        """Whether more came than was kept."""
        return self.length > len(self.kept)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. ``exit`` is its code, or None where ``signal`` ended it.

    ``duration`` is in seconds. ``timed_out``: the time limit passed and its tree was killed.
    ``held_open``: it ended, but a process that it left behind kept its output open.
    ``unmet``: the step of a terminal's script that did not come true, in words.
    """

    argv: tuple[str, ...]
    exit: int | None
    signal: int | None
    out: Stream
    err: Stream
    duration: float
    timed_out: bool = False
    held_open: bool = False
    unmet: str = ""

    @property
    def stdout(self) -> bytes:
        """The kept part of stdout."""
        return self.out.kept

    @property
    def stderr(self) -> bytes:
        """The kept part of stderr (empty for a terminal)."""
        return self.err.kept

    @property
    def truncated(self) -> bool:
        """Whether either stream was longer than what was kept."""
        return self.out.truncated or self.err.truncated


def run(
    lock: CaseLock,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float,
    stdin: bytes | None = None,
    interrupts: tuple[Interrupt, ...] = (),
    close_stdout_after: int | None = None,
    keep: int = 8 * 1024 * 1024,
) -> Outcome:
    """Run ``argv`` in the case with exactly ``env`` and wait for it, at most ``timeout`` seconds.

    ``stdin`` None is ``/dev/null``, bytes come through a pipe that is then closed. With
    ``close_stdout_after`` the reader goes away after that many bytes (0: at once), as ``head``
    does. Of each stream ``keep`` bytes are kept. Raises OSError where the command cannot start.
    """
    started = time.monotonic()
    with _Pipes(stdin, keep, close_stdout_after) as pipes:
        child = lock.spawn(
            argv,
            env=env,
            cwd=cwd,
            stdin=pipes.given[0],
            stdout=pipes.given[1],
            stderr=pipes.given[2],
        )
        pipes.let_go()
        code = _follow(child, lock, pipes, started, timeout, list(interrupts))
        timed_out = code is None
        if code is None:
            child.signal(SIGKILL, "tree")
            code = child.wait(_KILL_LIMIT)
        duration = time.monotonic() - started
        held_open = not pipes.drain(_LEFTOVERS)
        return Outcome(
            argv=tuple(argv),
            exit=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            out=pipes.out.stream(),
            err=pipes.err.stream(),
            duration=duration,
            timed_out=timed_out,
            held_open=held_open,
        )


class Collector:
    """Gathers one stream: keeps the beginning, counts and digests all."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._kept = bytearray()
        self._digest = hashlib.sha256()
        self.length = 0
        self.recent = b""

    def feed(self, data: bytes) -> None:
        """Take what came next."""
        self._kept += data[: max(self._keep - len(self._kept), 0)]
        self._digest.update(data)
        self.length += len(data)
        self.recent = self.recent[-_SEEN:] + data

    def stream(self) -> Stream:
        """What was gathered so far, as a frozen value."""
        return Stream(bytes(self._kept), self.length, self._digest.hexdigest())


class _Pipes:
    """Our ends and the command's ends of its three streams; all closed at the end."""

    def __init__(self, stdin: bytes | None, keep: int, close_stdout_after: int | None) -> None:
        self.out, self.err = Collector(keep), Collector(keep)
        self.selector = selectors.DefaultSelector()
        self._mine: set[int] = set()
        self._input = memoryview(stdin or b"")
        self._close_after = close_stdout_after
        out, err = os.pipe(), os.pipe()
        self.given: list[int | None] = [None, out[1], err[1]]
        self._out = out[0]
        self._watch(out[0], selectors.EVENT_READ, self.out)
        self._watch(err[0], selectors.EVENT_READ, self.err)
        if stdin is not None:
            self.given[0], mine = os.pipe()
            self._watch(mine, selectors.EVENT_WRITE, None)
        self._close_early()  # before the command starts: it may be faster than we are

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        for fd in list(self._mine):
            self._close(fd)
        self.selector.close()

    def let_go(self) -> None:
        """Close the command's ends, and ours where there is nothing (more) to do."""
        for fd in self.given:
            if fd is not None:
                os.close(fd)
        self.given = [None, None, None]
        self._close_early()

    def move(self, fd: int, collector: Collector | None) -> None:
        """Carry some bytes through a pipe that is ready; close it at its end."""
        if collector is None:
            self._feed(fd)
            return
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._close(fd)
            return
        collector.feed(data)
        self._close_early()

    def drain(self, seconds: float) -> bool:
        """Read what is left after the command's end; False where another process holds a pipe."""
        limit = time.monotonic() + seconds
        while reading := self._reading():
            left = limit - time.monotonic()
            if left <= 0:
                return False
            for key, _ in self.selector.select(left):
                if key.fd in reading:
                    self.move(key.fd, key.data)
        return True

    def _reading(self) -> set[int]:
        """Pipes still to be read; the writing one is of no use any more."""
        for fd in list(self._mine):
            if self.selector.get_key(fd).data is None:
                self._close(fd)
        return set(self._mine)

    def _watch(self, fd: int, events: int, collector: Collector | None) -> None:
        os.set_blocking(fd, False)
        self._mine.add(fd)
        self.selector.register(fd, events, collector)

    def _feed(self, fd: int) -> None:
        try:
            if self._input:
                self._input = self._input[os.write(fd, self._input[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want the rest, which is its right
            self._input = memoryview(b"")
        if not self._input:
            self._close(fd)

    def _close_early(self) -> None:
        enough = self._close_after is not None and self.out.length >= self._close_after
        if enough and self._out in self._mine:
            self._close(self._out)

    def _close(self, fd: int) -> None:
        self._mine.discard(fd)
        self.selector.unregister(fd)
        os.close(fd)


def _follow(
    child: Child,
    lock: CaseLock,
    pipes: _Pipes,
    started: float,
    timeout: float,
    waiting: list[Interrupt],
) -> int | None:
    """Carry bytes and send signals until the command ends: its code, or None at the time limit."""
    news = lock.fileno()
    pipes.selector.register(news, selectors.EVENT_READ)
    try:
        while (code := child.poll()) is None:
            now = time.monotonic() - started
            if now >= timeout:
                return None
            for interrupt in [each for each in waiting if _is_due(each, now, pipes)]:
                waiting.remove(interrupt)
                child.signal(interrupt.signal)
            moments = [i.after_seconds for i in waiting if i.after_seconds is not None]
            moments += [now + _GLANCE for i in waiting if i.after_file is not None]
            for key, _ in pipes.selector.select(max(min([timeout, *moments]) - now, 0.0)):
                if key.fd != news:
                    pipes.move(key.fd, key.data)
        return code
    finally:
        pipes.selector.unregister(news)


def _is_due(interrupt: Interrupt, now: float, pipes: _Pipes) -> bool:
    if interrupt.after_seconds is not None:
        return now >= interrupt.after_seconds
    if interrupt.after_file is not None:
        return os.path.lexists(interrupt.after_file)
    words = interrupt.after_output or b""
    return words in pipes.out.recent or words in pipes.err.recent
