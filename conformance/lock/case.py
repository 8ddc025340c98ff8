"""An open case as the suite sees it: spawn, wait, signal, look, kill. Opened by ``client``."""

from __future__ import annotations

import contextlib
import os
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from conformance.lock import wire

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = ["LIMIT", "CaseLock", "Child", "LockError", "LockedProcess"]

LIMIT = 30.0
"""Seconds for an answer of the lock itself, which is a matter of milliseconds."""

_PAUSE = 0.005


class LockError(RuntimeError):
    """The lock itself failed (not the program in it): says what was tried and what to do."""


@dataclass(frozen=True, slots=True)
class LockedProcess:
    """One live process of a case. Pids are those which the case itself sees."""

    pid: int
    ppid: int
    state: str
    argv: tuple[str, ...]


class Child:
    """A program spawned by ``CaseLock.spawn``. ``pid`` is its pid as the case sees it.

    ``forked``: it came from a warmed interpreter and not by exec.
    """

    def __init__(self, case: CaseLock, pid: int, *, forked: bool = False) -> None:
        self._case = case
        self.pid = pid
        self.forked = forked

    def poll(self) -> int | None:
        """Return code if it has ended (negative: the signal that ended it), else None. No wait."""
        return self._case._ended(self.pid, 0.0)

    def wait(self, timeout: float) -> int:
        """Return code, waiting at most ``timeout`` seconds; ``TimeoutError`` after that."""
        code = self._case._ended(self.pid, timeout)
        if code is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout:g} s")
        return code

    def signal(self, number: int, scope: str = "group") -> bool:
        """Send a signal to it: ``scope`` is ``one``, ``group`` or ``tree`` (all descendants).

        False where nothing was left to get it.
        """
        if scope not in ("one", "group", "tree"):
            raise ValueError(f"scope {scope!r}: expected one, group or tree")
        request = {"op": "signal", "pid": self.pid, "number": int(number), "scope": scope}
        answer, _ = self._case._ask(request)
        return bool(answer["sent"])


class CaseLock:
    """An open case: its namespaces, its init, its processes. A context manager that closes."""

    def __init__(self, channel: socket.socket, sandbox: Path, *, locked: bool) -> None:
        self.sandbox = sandbox
        self.locked = locked
        self._channel = channel
        self._asked = 0
        self._codes: dict[int, int] = {}
        self._open = True
        self._news = select.poll()
        self._news.register(channel, select.POLLIN)

    def fileno(self) -> int:
        """Readable when news (an exit) may have come: select on it, then ``Child.poll``."""
        return self._channel.fileno()

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        tty: bool = False,
    ) -> Child:
        """Start ``argv`` in a session of its own with exactly ``env``; None is ``/dev/null``.

        The descriptors are duplicated into the case, the caller closes its own copies. With
        ``tty`` stdin becomes the controlling terminal. ``argv[0]`` is looked up in env's PATH.
        Raises the OSError that exec or chdir gave (``FileNotFoundError``, ``PermissionError``...).
        """
        if not argv:
            raise ValueError("an empty argv: name the program to start")
        request = {
            "op": "spawn",
            "argv": list(argv),
            "env": dict(env),
            "cwd": str(cwd),
            "tty": tty,
        }
        with contextlib.ExitStack() as stack:
            null = os.open(os.devnull, os.O_RDWR)
            stack.callback(os.close, null)
            fds = [null if fd is None else fd for fd in (stdin, stdout, stderr)]
            answer, _ = self._ask(request, fds)
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]), answer["path"])
        return Child(self, answer["pid"], forked=answer["forked"])

    def openpty(self, rows: int = 24, columns: int = 80) -> tuple[int, int]:
        """(master, slave) of a new terminal that belongs to the case; the caller closes both."""
        _, (master, slave) = self._ask({"op": "openpty", "rows": rows, "columns": columns})
        return master, slave

    def ps(self) -> tuple[LockedProcess, ...]:
        """The live processes of the case (leaks included), by pid."""
        answer, _ = self._ask({"op": "ps"})
        return tuple(
            LockedProcess(pid, ppid, state, tuple(argv))
            for pid, ppid, state, argv in answer["processes"]
        )

    def leaks(self, patience: float = 0.5) -> tuple[LockedProcess, ...]:
        """What still lives after ``patience`` seconds: to ask when the case's commands have ended.

        A member of a pipeline or of a killed group may take a moment longer than its leader, and
        is no leak.
        """
        limit = time.monotonic() + patience
        while (found := self.ps()) and time.monotonic() < limit:
            time.sleep(_PAUSE)
        return found

    def kill(self, pids: Sequence[int]) -> None:
        """Kill these processes of the case, by the pids which it sees itself; no wait."""
        self._ask({"op": "strike", "pids": list(pids)})

    def kill_all(self) -> None:
        """Kill every process of the case and wait until they are gone; the case stays open."""
        answer, _ = self._ask({"op": "kill"})
        _no_survivors(answer)

    def close(self) -> None:
        """Kill everything, wait until it is gone, drop the namespaces. Twice is fine."""
        if not self._open:
            return
        with self._channel:
            try:
                answer, _ = self._ask({"op": "close"})
                self._expect_end()
            finally:
                self._open = False
        _no_survivors(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ended(self, pid: int, timeout: float) -> int | None:
        limit = time.monotonic() + timeout
        while pid not in self._codes:
            # Wait for the first byte only: a message that has begun is read to its end.
            if not self._news.poll(max(limit - time.monotonic(), 0.0) * 1000):
                return None
            self._channel.settimeout(LIMIT)
            self._note(self._receive()[0])
        return self._codes[pid]

    def _ask(
        self, request: wire.Message, fds: list[int] | None = None
    ) -> tuple[wire.Message, list[int]]:
        if not self._open:
            raise LockError(f"the case in {self.sandbox} is closed; open the case anew")
        self._asked += 1
        self._channel.settimeout(LIMIT)
        try:
            wire.send(self._channel, {"id": self._asked, **request}, fds)
            while True:
                message, received = self._receive()
                if message.get("id") == self._asked:
                    return message, received
                self._note(message)
        except OSError as problem:
            raise LockError(
                f"the case in {self.sandbox} did not answer {request['op']!r} ({problem}): "
                "its keeper was killed or hangs; open the case anew"
            ) from problem

    def _receive(self) -> tuple[wire.Message, list[int]]:
        try:
            return wire.receive(self._channel)
        except EOFError as problem:
            raise LockError(
                f"the keeper of the case in {self.sandbox} has gone, and its processes with it; "
                "open the case anew"
            ) from problem

    def _note(self, message: wire.Message) -> None:
        if "exited" in message:
            self._codes[message["exited"]] = os.waitstatus_to_exitcode(message["status"])

    def _expect_end(self) -> None:
        """The socket's end is the keeper's end."""
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                wire.receive(self._channel)


def _no_survivors(answer: wire.Message) -> None:
    if answer["left"]:
        raise LockError(f"processes {answer['left']} could not be killed (stuck in the kernel?)")
