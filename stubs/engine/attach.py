"""The client's side of a running process: its own streams, its terminal, its signals."""

from __future__ import annotations

import fcntl
import os
import termios

from engine.errors import CliError
from engine.streams import Ends, Route, carry

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    import signal
    from types import FrameType
else:
    import _signal as signal  # `signal` imports enum, and that `re`

__all__ = ["Attachment", "check_terminal", "resize"]

_PROXIED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_SIZE_BYTES = 8  # struct winsize: four shorts


def check_terminal(*, stdin: bool, tty: bool) -> None:
    """Docker refuses `-i -t` where the caller's input is no terminal."""
    if stdin and tty and not os.isatty(0):
        raise CliError("the input device is not a TTY")


def resize(source: int, master: int) -> None:
    """Take a window size from the client and give it to the terminal; EOFError at the end."""
    raw = os.read(source, 4096)
    if not raw:
        raise EOFError
    fcntl.ioctl(master, termios.TIOCSWINSZ, raw[-_SIZE_BYTES:])


class Attachment:
    """Pipes between this client and a process; `ends` go to the engine's side."""

    def __init__(self, *, stdin: bool, tty: bool) -> None:
        self.tty = tty
        self._terminal = tty and os.isatty(0)
        in_r, self._in = os.pipe() if stdin else (-1, -1)
        self._out, out_w = os.pipe()
        self._err, err_w = os.pipe()
        sizes_r, self._sizes = os.pipe() if self._terminal else (-1, -1)
        self.ends = Ends(in_r, out_w, err_w, sizes_r)
        self.mine = [fd for fd in (self._in, self._out, self._err, self._sizes) if fd >= 0]

    def settle(self) -> None:
        """After the fork: the engine's sides are not ours."""
        for fd in self.ends.fds():
            os.close(fd)

    def proxy(self, pid: int) -> None:
        """Pass signals on to the container's first process, as `docker run` does."""

        def pass_on(number: int, _frame: FrameType | None) -> None:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return

        for number in _PROXIED:
            signal.signal(number, pass_on)

    def pump(self) -> None:
        """Carry everything until the process's output ends; the terminal is raw meanwhile."""
        routes = [
            Route(self._out, 1, output=True, own=True),
            Route(self._err, 2, output=True, own=True),
        ]
        if self._in >= 0:
            routes.append(Route(0, self._in, output=False, close=True))
        if not self._terminal:
            carry(routes)
            return
        before = termios.tcgetattr(0)
        wake, told = os.pipe()
        for fd in (wake, told):
            os.set_blocking(fd, False)
        try:
            _make_raw(before)
            signal.signal(signal.SIGWINCH, lambda _number, _frame: None)
            signal.set_wakeup_fd(told, warn_on_full_buffer=False)
            self._tell_size()

            def resized() -> None:
                os.read(wake, 4096)
                self._tell_size()

            carry(routes, also={wake: resized})
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, before)

    def _tell_size(self) -> None:
        try:
            os.write(self._sizes, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(_SIZE_BYTES)))
        except BrokenPipeError:
            return


def _make_raw(before: list[int | list[bytes | int]]) -> None:
    # cfmakeraw(3); module `tty` would cost an import.
    iflag, oflag, cflag, lflag, ispeed, ospeed, controls = before
    assert isinstance(iflag, int)
    assert isinstance(oflag, int)
    assert isinstance(cflag, int)
    assert isinstance(lflag, int)
    iflag &= ~(termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR
               | termios.IGNCR | termios.ICRNL | termios.IXON)  # fmt: skip
    lflag &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    cflag = cflag & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    raw = [iflag, oflag & ~termios.OPOST, cflag, lflag, ispeed, ospeed, controls]
    termios.tcsetattr(0, termios.TCSADRAIN, raw)
