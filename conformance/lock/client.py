"""The suite's door to the lock: start a zygote, open a case, spawn programs in it.

    with Zygote() as zygote, zygote.open_case(sandbox) as lock:
        child = lock.spawn(["ls"], env={"PATH": "/bin"}, cwd=sandbox, stdout=fd)
        status = child.wait(10)

One zygote serves one worker; a case belongs to one thread at a time. Every call is bounded.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from conformance.lock import wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

__all__ = ["CONTROL_SOCKETS", "CaseLock", "Child", "LockError", "LockedProcess", "NoLock", "Zygote"]

CONTROL_SOCKETS = tuple(
    Path(path)
    for path in (
        "/run/docker.sock",
        "/run/containerd",
        "/run/crio",
        "/run/podman",
        "/run/dbus/system_bus_socket",
        "/run/systemd/private",
    )
)
"""Whoever may talk to one of these as root owns the machine; covered up unless asked otherwise."""

_ROOT = Path(__file__).resolve().parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from conformance.lock.zygote import main; main(int(sys.argv[2]), sys.argv[3])"
)
_OWN_ROOMS = tuple(Path(path) for path in ("/dev", "/proc", "/sys"))
_LIMIT = 30.0  # seconds for an answer of the lock itself, which is a matter of milliseconds


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
    """A program spawned by ``CaseLock.spawn``. ``pid`` is its pid as the case sees it."""

    def __init__(self, case: CaseLock, pid: int) -> None:
        self._case = case
        self.pid = pid

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
        return Child(self, answer["pid"])

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

    def kill_all(self) -> None:
        """Kill every process of the case and wait until they are gone; the case stays open."""
        answer, _ = self._ask({"op": "kill"})
        _no_survivors(answer)

    def close(self) -> None:
        """Kill everything, wait until it is gone, drop the namespaces. Twice is fine."""
        if not self._open:
            return
        self._open = False
        with self._channel:
            answer, _ = self._ask({"op": "close"})
            self._expect_end()
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
            self._channel.settimeout(_LIMIT)
            self._note(self._receive()[0])
        return self._codes[pid]

    def _ask(
        self, request: wire.Message, fds: list[int] | None = None
    ) -> tuple[wire.Message, list[int]]:
        self._asked += 1
        self._channel.settimeout(_LIMIT)
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


class Zygote:
    """The worker's helper process from which cases are opened. A context manager."""

    locked = True
    _modes: tuple[str, ...] = ("user", "plain") if os.geteuid() == 0 else ("user",)

    def __init__(self, python: Sequence[str] = (sys.executable, "-IS")) -> None:
        self._python = tuple(python)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._cases: weakref.WeakSet[CaseLock] = weakref.WeakSet()

    def start(self) -> Self:
        """Start the process; ``LockError`` with the reason where the kernel forbids the lock."""
        problems = []
        for mode in self._modes:
            try:
                self._start(mode)
                self._open((), ()).close()
            except LockError as problem:
                problems.append(f"{mode}: {problem}")
                self.close()
            else:
                return self
        raise LockError("; ".join(problems))

    def open_case(
        self, sandbox: Path, *, writable: Sequence[Path] = (), hidden: Sequence[Path] | None = None
    ) -> CaseLock:
        """Open a case in which only ``sandbox`` (and ``writable``, normally none) can be written.

        ``hidden`` paths are covered up; by default the control sockets of engines and of the
        system's own manager (``CONTROL_SOCKETS``), since whoever talks to these owns the machine.
        """
        opened = [path.resolve(strict=True) for path in (sandbox, *writable)]
        covered = [path.resolve() for path in (CONTROL_SOCKETS if hidden is None else hidden)]
        for path in opened:
            _refuse_place(path, covered)
        return self._open(opened, covered)

    def close(self) -> None:
        """End the process and every case still open. Twice is fine."""
        for case in list(self._cases):
            with contextlib.suppress(LockError):  # its keeper has gone already
                case.close()
        if self._control:
            self._control.close()
            self._control = None
        if self._process:
            try:
                self._process.wait(_LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(_LIMIT)
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self, mode: str) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            fd = theirs.fileno()
            self._process = subprocess.Popen(
                [*self._python, "-c", _START, str(_ROOT), str(fd), mode],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(fd,),
                start_new_session=True,  # the person's Ctrl-C is for the suite, which then closes
            )
        self._control.settimeout(_LIMIT)
        _expect_ready(self._control, "start")

    def _open(self, writable: Sequence[Path], hidden: Sequence[Path]) -> CaseLock:
        if self._control is None:
            raise LockError("the zygote is not running; call start() first")
        mine, theirs = socket.socketpair()
        mine.settimeout(_LIMIT)
        order = {"writable": [str(p) for p in writable], "hidden": [str(p) for p in hidden]}
        try:
            with theirs:
                wire.send(self._control, order, [theirs.fileno()])
            _expect_ready(mine, "open a case")
        except OSError as problem:
            mine.close()
            raise LockError(f"the zygote has gone ({problem}); start a new one") from problem
        except LockError:
            mine.close()
            raise
        case = CaseLock(mine, writable[0] if writable else Path("/"), locked=self.locked)
        self._cases.add(case)
        return case


class NoLock(Zygote):
    """The same interface without namespaces, for cases that destroy nothing.

    Processes still start in sessions of their own, leaks are still found and killed.
    """

    locked = False
    _modes = ("none",)


def _expect_ready(channel: socket.socket, tried: str) -> None:
    try:
        message, _ = wire.receive(channel)
    except EOFError as problem:
        raise LockError(f"{tried}: the helper process ended; see its words on stderr") from problem
    if "refused" in message:
        raise LockError(f"{tried}: {message['refused']}")


def _refuse_place(path: Path, covered: list[Path]) -> None:
    if not path.is_dir():
        raise ValueError(f"sandbox {path}: not a folder")
    for room in _OWN_ROOMS:
        if path.is_relative_to(room):
            raise ValueError(
                f"sandbox {path}: {room} is made anew for each case; choose one in TMPDIR"
            )
    for cover in covered:
        if path.is_relative_to(cover):
            raise ValueError(f"sandbox {path}: would be covered by the hidden {cover}")
    if path == Path("/"):
        raise ValueError("sandbox /: that would open the whole machine")


def _no_survivors(answer: wire.Message) -> None:
    if answer["left"]:
        raise LockError(f"processes {answer['left']} could not be killed (stuck in the kernel?)")
