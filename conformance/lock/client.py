"""The suite's door to the lock: start a zygote, open a case, spawn programs in it.

    with Zygote() as zygote, zygote.open_case(sandbox) as lock:
        child = lock.spawn(["ls"], env={"PATH": "/bin"}, cwd=sandbox, stdout=fd)
        status = child.wait(10)

One zygote serves one worker; a case belongs to one thread at a time. Every call is bounded.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Self

from conformance.lock import wire
from conformance.lock.case import LIMIT, CaseLock, Child, LockedProcess, LockError
from conformance.lock.preload import Preload, WarmError, interpreter_of
from conformance.lock.room import SHARED_MEMORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = [
    "CONTROL_SOCKETS",
    "CaseLock",
    "Child",
    "LockError",
    "LockedProcess",
    "NoLock",
    "Preload",
    "Zygote",
]

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
    "import sys; path = [*filter(None, sys.path)]; sys.path.insert(0, sys.argv[1]); "
    "from conformance.lock.zygote import main; sys.path[:] = path; "
    "main(int(sys.argv[2]), *sys.argv[3:])"
)
_OWN_ROOMS = tuple(Path(path) for path in ("/dev", "/proc", "/sys"))


class Zygote:
    """The worker's helper process from which cases are opened. A context manager.

    With ``preload`` it imports that program, whose calls are then forked from it. Once started,
    ``warm`` says whether it did, and ``note`` why not, or which calls will be exec'd all the same.
    """

    locked = True
    _modes: tuple[str, ...] = ("user", "plain") if os.geteuid() == 0 else ("user",)

    def __init__(
        self,
        python: Sequence[str] = (sys.executable, "-IS"),
        *,
        preload: Preload | None = None,
    ) -> None:
        self.warm = False
        self.note = ""
        self._python = tuple(python)
        self._preload = preload
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
        if self._preload is not None:  # its interpreter may be what fails
            self._preload, self.note = None, "; ".join(problems)
            return self.start()
        raise LockError(
            f"this kernel does not give the lock ({'; '.join(problems)}). It takes user namespaces "
            "(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
            "kernel.apparmor_restrict_unprivileged_userns) or root; in a container, --privileged"
        )

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
                self._process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(LIMIT)
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
            python, env, preload = self._command()
            try:
                self._process = subprocess.Popen(
                    [*python, "-c", _START, str(_ROOT), str(fd), mode, *preload],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=env,
                    pass_fds=(fd,),
                    start_new_session=True,  # Ctrl-C is for the suite, which then closes
                )
            except OSError as problem:
                raise LockError(f"start: {problem}") from problem
        self._control.settimeout(LIMIT)
        ready = _expect_ready(self._control, "start")
        self.warm = bool(ready["warm"])
        self.note = self.note or str(ready["note"])

    def _command(self) -> tuple[Sequence[str], dict[str, str] | None, list[str]]:
        """Interpreter, its environment (None: the suite's own), and the zygote's last argument."""
        if self._preload is None:
            return self._python, None, []
        try:
            python = interpreter_of(self._preload.program)
        except WarmError as problem:
            raise LockError(str(problem)) from problem
        # No home: what the import would find in this person's is not what a case has.
        return python, {"HOME": "/nonexistent", **self._preload.env}, [self._preload.dumps()]

    def _open(self, writable: Sequence[Path], hidden: Sequence[Path]) -> CaseLock:
        if self._control is None:
            raise LockError("the zygote is not running; call start() first")
        mine, theirs = socket.socketpair()
        mine.settimeout(LIMIT)
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


def _expect_ready(channel: socket.socket, tried: str) -> wire.Message:
    try:
        message, _ = wire.receive(channel)
    except EOFError as problem:
        raise LockError(f"{tried}: the helper process ended; see its words on stderr") from problem
    if "refused" in message:
        raise LockError(f"{tried}: {message['refused']}")
    return message


def _refuse_place(path: Path, covered: list[Path]) -> None:
    if not path.is_dir():
        raise ValueError(f"sandbox {path}: not a folder")
    shared = path.is_relative_to(SHARED_MEMORY) and path != Path(SHARED_MEMORY)
    for room in _OWN_ROOMS:
        if path.is_relative_to(room) and not shared:
            raise ValueError(
                f"sandbox {path}: {room} is made anew for each case; choose one in TMPDIR"
            )
    for cover in covered:
        if path.is_relative_to(cover):
            raise ValueError(f"sandbox {path}: would be covered by the hidden {cover}")
    if path == Path("/"):
        raise ValueError("sandbox /: that would open the whole machine")
