"""Waiting for a child on the launcher's own streams, and ending it with all that it started.

EXEC-5: a signal to the launcher ends the child and leaves no orphan. Everything that `exec` starts
carries a mark in its environment, which children inherit however they fork, so all of them can be
found, on the host and in a container alike. What the launcher cannot see to itself (it is killed,
and has no time to end anything) falls to its `Heir`.
"""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import _thread
import contextlib
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = [
    "ENDING",
    "MARK",
    "Gate",
    "Heir",
    "Signals",
    "end_local",
    "exit_code",
    "new_mark",
    "write_all",
]

#: The variable that marks what one `exec` started.
MARK = "AWL_EXEC_ID"
#: Signals that end the child.
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
#: Seconds between asking and killing.
GRACE = 2.0
_ROUNDS = 5
_PAUSE = 0.1
_HELD_FOR = 1000  # milliseconds
_HELD_BYTES = 4096
_FROM_KERNEL = 0x80  # SI_KERNEL: sent by the terminal, which has sent it to the child as well


def new_mark() -> str:
    """Return a mark that no other call has."""
    return os.urandom(12).hex()


def exit_code(status: int) -> int:
    """Return the exit code of a wait status, 128+n for a signal."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def end_local(mark: str, number: int) -> bool:
    """Send signal `number` to every process on this machine that carries `mark`.

    Returns whether there was any; 0 only looks. To kill takes several rounds: a process may fork
    while they are being looked for.
    """
    reached = False
    for _ in range(_ROUNDS if number == signal.SIGKILL else 1):
        if not _signal_marked(f"{MARK}={mark}".encode(), number):
            break
        reached = True
    return reached


def _signal_marked(wanted: bytes, number: int) -> bool:
    reached = False
    # The eldest first: a parent would go on where its child has ended before it.
    for pid in sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        # A process that has gone meanwhile, or is somebody else's, is none of ours.
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/environ", "rb") as file:
                marked = wanted in file.read().split(b"\0")
            if marked:
                os.kill(pid, number)
                reached = True
    return reached


class Signals:
    """Holds back the signals that would end the launcher while a child runs.

    `before` is the mask that the child must start with. Ignored signals (as `nohup` leaves them)
    stay ignored, here and in the child.
    """

    def __init__(self) -> None:
        watched = {one for one in ENDING if signal.getsignal(one) is not signal.SIG_IGN}
        self._watched = watched | {signal.SIGCHLD}
        self.before: set[signal.Signals] = set()
        #: What came for the child, in order.
        self.came: list[int] = []

    def __enter__(self) -> Self:
        self.before = {
            signal.Signals(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, self._watched)
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)

    def wait(
        self,
        pid: int,
        end: Callable[[int], object],
        *,
        from_terminal: bool = False,
        late: Callable[[], float | None] | None = None,
    ) -> int:
        """Wait for the child `pid` and return its exit code.

        `late` is asked for the seconds after which it is to be asked again, `None` for never; what
        it raises ends the child.

        A signal to the launcher is passed on by `end(number)`; what does not go within `GRACE`
        seconds is killed. One from the terminal has reached the child already, if it is in the
        launcher's process group; where it is not, say `from_terminal`.
        """
        try:
            status, asked = self._watch(pid, end, late, from_terminal=from_terminal)
        except BaseException:
            os.kill(pid, signal.SIGKILL)  # not yet waited for, so the id is still its own
            os.waitpid(pid, 0)
            raise
        self._take_the_rest()
        if asked:
            end(signal.SIGKILL)
        return exit_code(status)

    def _watch(
        self,
        pid: int,
        end: Callable[[int], object],
        late: Callable[[], float | None] | None,
        *,
        from_terminal: bool,
    ) -> tuple[int, bool]:
        asked = False
        patience = late() if late else None
        while True:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                return status, asked
            came = self._next(GRACE if asked else patience)
            if came is None and late and not asked:
                patience = late()
            elif came is None:
                end(signal.SIGKILL)
                os.kill(pid, signal.SIGKILL)
            elif came.si_signo != signal.SIGCHLD:
                self.came.append(came.si_signo)
                if from_terminal or came.si_code != _FROM_KERNEL:
                    end(came.si_signo)
                    asked = True

    def _take_the_rest(self) -> None:
        """Take what is still pending: it was for the child, and would end the launcher instead."""
        while rest := signal.sigtimedwait(self._watched, 0):
            if rest.si_signo != signal.SIGCHLD:
                self.came.append(rest.si_signo)

    def _next(self, limit: float | None) -> signal.struct_siginfo | None:
        if limit is None:
            return signal.sigwaitinfo(self._watched)
        return signal.sigtimedwait(self._watched, limit)


class Heir:
    """A copy of the launcher that does nothing, unless the launcher is killed while a child runs.

    Then it ends what the child has started, as the launcher would have: `end(number)` sends a
    signal and tells whether anything was there to get it; 0 only looks. A child that is told of its
    parent's death by the kernel (PR_SET_PDEATHSIG) would not do: its own children are not told, and
    neither is what runs in a container.

    It is made before there is a child, and before any thread; it is gone when the block is left.
    """

    def __init__(self, end: Callable[[int], bool]) -> None:
        self._end = end
        self._held = -1
        self._pid = 0

    def __enter__(self) -> Self:
        watched, self._held = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            try:
                self._wait(watched)
            finally:
                os._exit(0)
        os.close(watched)
        return self

    def __exit__(self, *_: object) -> None:
        # Killed first: the end of the pipe is what it waits for.
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._held)

    def _wait(self, watched: int) -> None:
        """Wait until the launcher's end of the pipe is closed, which only its death does."""
        # Of nobody's group, so that what kills the launcher with its group leaves the heir; and no
        # stream stays open through it.
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        os.dup2(watched, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        if os.read(3, 1):
            return
        if not self._end(signal.SIGHUP):
            return
        patience = GRACE
        while patience > 0 and self._end(0):
            time.sleep(_PAUSE)
            patience -= _PAUSE
        self._end(signal.SIGKILL)


class Gate:
    """Stands between a client and standard error until it is clear whose words come.

    What begins like one of `heads` is held back: it may be the client saying that nothing was run.
    Everything else passes at once, byte for byte; so does what was held once it is too long, or
    once the client has gone on for a second after it. `sign` is what the child's side says first of
    all, and nobody else: it is left out, and all that comes after it is the child's.
    """

    def __init__(self, heads: tuple[bytes, ...], sign: bytes) -> None:
        self._heads = heads
        self._sign = sign
        self._held = b""
        #: Whether the sign came.
        self.passed = False
        self._exit, self.entrance = os.pipe()
        self._done = _thread.allocate_lock()

    def open(self) -> None:
        """Begin to pass on; call it when the client has its end."""
        os.close(self.entrance)
        self._done.acquire()
        _thread.start_new_thread(self._pump, ())

    def close(self) -> bytes:
        """Wait for the end of the client's words and return those that were held back."""
        # The client has ended; only something that it left behind could keep the pipe open.
        self._done.acquire(timeout=GRACE)
        return self._held

    def _pump(self) -> None:
        try:
            self._pass_on()
        finally:
            os.close(self._exit)
            self._done.release()

    def _pass_on(self) -> None:
        holding = True
        ready = select.poll()
        ready.register(self._exit, select.POLLIN)
        while True:
            if self._held and not ready.poll(_HELD_FOR):
                holding = False
                self._flush(len(self._held))
            data = os.read(self._exit, 1 << 16)
            if not data:
                if not holding:
                    self._flush(len(self._held))
                return
            self._held += data
            if not self.passed and self._sign in self._held:
                self._held = self._held.replace(self._sign, b"", 1)
                self.passed = True
            holding = holding and not self.passed and self._may_be_clients()
            if not holding:
                self._flush(len(self._held) - self._begun())

    def _flush(self, size: int) -> None:
        passing, self._held = self._held[:size], self._held[size:]
        write_all(2, passing)

    def _begun(self) -> int:
        """Return how many bytes at the end may be the beginning of the sign."""
        if self.passed:
            return 0
        sizes = range(len(self._sign) - 1, 0, -1)
        return next((size for size in sizes if self._held.endswith(self._sign[:size])), 0)

    def _may_be_clients(self) -> bool:
        held = self._held
        return len(held) < _HELD_BYTES and any(
            held.startswith(head) or head.startswith(held) for head in (*self._heads, self._sign)
        )


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything; whoever has closed the other end does not want it."""
    with contextlib.suppress(BrokenPipeError):
        while data:
            data = data[os.write(descriptor, data) :]
