"""The suite's door to the lock: start a zygote, open a case, spawn programs in it.

    with Zygote() as zygote, zygote.open_case(sandbox) as lock:
        child = lock.spawn(["ls"], env={"PATH": "/bin"}, cwd=sandbox, stdout=fd)
        status = child.wait(10)

One zygote serves one worker; a case belongs to one thread at a time. Every call is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self
from collections.abc import Mapping, Sequence

__all__ = ["CaseLock", "Child", "LockError", "LockedProcess", "NoLock", "Zygote"]


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

    pid: int

    def poll(self) -> int | None:
        """Return code if it has ended (negative: the signal that ended it), else None. No wait."""
        ...

    def wait(self, timeout: float) -> int:
        """Return code, waiting at most ``timeout`` seconds; ``TimeoutError`` after that."""
        ...

    def signal(self, number: int, scope: str = "group") -> None:
        """Send a signal to it: ``scope`` is ``one``, ``group`` or ``tree`` (all descendants)."""
        ...


class CaseLock:
    """An open case: its namespaces, its init, its processes. A context manager that closes."""

    sandbox: Path

    def fileno(self) -> int:
        """Readable when news (an exit) may have come: select on it, then ``Child.poll``."""
        ...

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
        ...

    def openpty(self, rows: int = 24, columns: int = 80) -> tuple[int, int]:
        """(master, slave) of a new terminal that belongs to the case; the caller closes both."""
        ...

    def ps(self) -> tuple[LockedProcess, ...]:
        """The live processes of the case (leaks included), by pid."""
        ...

    def kill_all(self) -> None:
        """Kill every process of the case and wait until they are gone; the case stays open."""
        ...

    def close(self) -> None:
        """Kill everything, wait until it is gone, drop the namespaces. Twice is fine."""
        ...


class Zygote:
    """The worker's helper process from which cases are opened. A context manager."""

    locked = True

    def start(self) -> Self:
        """Start the process; ``LockError`` with the reason where the kernel forbids the lock."""
        ...

    def open_case(
        self, sandbox: Path, *, writable: Sequence[Path] = (), hidden: Sequence[Path] | None = None
    ) -> CaseLock:
        """Open a case in which only ``sandbox`` (and ``writable``, normally none) can be written.

        ``hidden`` paths are covered up; by default the control sockets of engines and of the
        system's own manager (``CONTROL_SOCKETS``), since whoever talks to these owns the machine.
        """
        ...

    def close(self) -> None:
        """End the process and every case still open. Twice is fine."""
        ...


class NoLock(Zygote):
    """The same interface without namespaces, for cases that destroy nothing.

    Processes still start in sessions of their own, leaks are still found and killed.
    """

    locked = False
