"""Carry bytes between a client and a container, without threads and without busy waits."""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
else:
    import _signal as signal  # `signal` imports enum, and that `re`

__all__ = ["Ends", "Route", "carry", "read_line", "say", "write_all"]

_CHUNK = 65536
# The engine waits this long for output that a left-over child still holds open (moby, monitor.go).
_LINGER_MS = 2000


class Ends:
    """Three descriptors as a process has them: it reads `stdin`, writes `stdout` and `stderr`.

    -1 stands for one that is not there. `sizes` brings the window sizes of the client's terminal.
    """

    def __init__(self, stdin: int, stdout: int, stderr: int, sizes: int = -1) -> None:
        self.stdin, self.stdout, self.stderr, self.sizes = stdin, stdout, stderr, sizes

    def fds(self) -> list[int]:
        """Those that are there."""
        return [fd for fd in (self.stdin, self.stdout, self.stderr, self.sizes) if fd >= 0]


class Route:
    """One direction: what is read from `source` goes to `sink` (-1: nowhere) and to `tap`.

    An `output` is written at once, so its reader sets the pace, and `carry` waits for its end. An
    input never blocks the outputs: what its reader does not take waits here. `own`: the sink is the
    client's stdout or stderr, and the client ends with its reader.
    """

    def __init__(
        self,
        source: int,
        sink: int,
        *,
        output: bool,
        tap: Callable[[bytes], None] | None = None,
        close: bool = False,
        own: bool = False,
    ) -> None:
        self.source, self.sink, self.output = source, sink, output
        self.pending = b""
        self._tap, self._close, self._own = tap, close, own
        if not output:
            os.set_blocking(sink, False)

    def move(self) -> bool:
        """Carry what is there; False at the end of the source, or of an input's reader."""
        try:
            if not self.pending:
                data = os.read(self.source, _CHUNK)
                if not data:
                    return self._end()
                if self._tap is not None:
                    self._tap(data)
                self.pending = data
        except BlockingIOError:
            return True
        except OSError:  # EIO: a terminal whose other end is closed
            return self._end()
        try:
            if self.output and self.sink >= 0:
                (say if self._own else write_all)(self.sink, self.pending)
            elif self.sink >= 0:
                self.pending = self.pending[os.write(self.sink, self.pending) :]
                return True
        except BlockingIOError:
            return True
        except OSError:
            if not self.output:
                return self._end()
            self.sink = -1  # the client has gone; the process does not notice
        self.pending = b""
        return True

    def _end(self) -> bool:
        self.pending = b""
        if self._close:
            os.close(self.sink)
        return False


def read_line(fd: int) -> str:
    """One line from a pipe, without its newline and not a byte beyond; what there is at its end."""
    raw = b""
    while not raw.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte:
            break
        raw += byte
    return raw.decode(errors="replace").rstrip("\n")


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; OSError as write(2)."""
    while data:
        data = data[os.write(fd, data) :]


def say(fd: int, data: bytes) -> None:
    """Write every byte to the client's own stdout or stderr, and end with its reader."""
    try:
        write_all(fd, data)
    except BrokenPipeError:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)


def carry(
    routes: list[Route], done: int = -1, also: dict[int, Callable[[], None]] | None = None
) -> None:
    """Carry until every output is at its end and `done` (a pidfd, or -1) has become readable.

    Where somebody else still holds an output open after `done`, gives up two seconds later.
    `also` names further descriptors and what to do when they become readable.
    """
    open_routes, extra, ended = list(routes), dict(also or {}), done < 0
    while not ended or any(route.output for route in open_routes):
        poll = select.poll()
        for route in open_routes:
            if route.pending:
                poll.register(route.sink, select.POLLOUT)
            else:
                poll.register(route.source, select.POLLIN)
        for fd in ([] if ended else [done]) + list(extra):
            poll.register(fd, select.POLLIN)
        events = {fd for fd, _ in poll.poll(_LINGER_MS if ended and done >= 0 else None)}
        if not events:
            break
        if done in events:
            ended = True
        for fd in events & set(extra):
            try:
                extra[fd]()
            except EOFError:
                del extra[fd]
        for route in list(open_routes):
            ready = (route.sink if route.pending else route.source) in events
            if ready and not route.move():
                open_routes.remove(route)
