"""The helper process of one worker, from which each case's keeper is forked.

Started as ``python -IS -c`` with a socket: a bare interpreter with one thread, so that it may fork
and enter namespaces, which the worker (it has threads) must not. It makes the common room once,
says ``{ready, warm, note}`` or ``{refused, errno}``, and then takes orders ``{writable, hidden}``,
each with one end of that case's socket. When that of its own closes it ends, and every keeper dies
with it.

With a preload it is the program's own interpreter that is started, and the program is imported
(see ``warm``); ``note`` says why not, or which variables keep calls from being forked.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING

from conformance.lock import kernel, room, wire
from conformance.lock.keeper import keep
from conformance.lock.kernel import New

if TYPE_CHECKING:
    from conformance.lock.warm import Warm

__all__ = ["MODES", "main"]

MODES = ("user", "plain", "none")
"""How the lock is had: with a user namespace, with root's own capabilities only, not at all."""


def main(fd: int, mode: str, preload: str = "") -> None:
    """Serve orders on the socket ``fd`` until it closes. ``mode`` is one of ``MODES``.

    ``preload``: a ``warm.Preload`` as text, or nothing.
    """
    with socket.socket(fileno=fd) as control:
        control.set_inheritable(False)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            _prepare(mode)
        except OSError as problem:
            wire.send(control, {"refused": problem.strerror, "errno": problem.errno})
            return
        warm, note = _warm(preload, locked=mode != "none") if preload else (None, "")
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the keepers
        with contextlib.suppress(BrokenPipeError):  # then there is nobody to serve
            wire.send(control, {"ready": os.getpid(), "warm": warm is not None, "note": note})
        while True:
            try:
                order, (channel_fd,) = wire.receive(control)
            except (EOFError, ConnectionResetError):
                return
            with socket.socket(fileno=channel_fd) as channel:
                _open(control, channel, order, warm, locked=mode != "none")


def _prepare(mode: str) -> None:
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}: expected one of {', '.join(MODES)}")
    if mode != "none":
        room.build(user_namespace=mode == "user")


def _warm(text: str, *, locked: bool) -> tuple[Warm | None, str]:
    """The program, imported where nothing can be written any more; or why it is exec'd."""
    from conformance.lock.preload import Preload, WarmError
    from conformance.lock.warm import Warm

    try:
        made = Warm(Preload.loads(text), locked=locked)
    except WarmError as problem:
        return None, str(problem)
    except OSError as problem:
        return None, f"{problem.strerror}"
    reads = ", ".join(made.varying)
    return made, f"exec'd where these are set, since its import reads them: {reads}" * bool(reads)


def _open(
    control: socket.socket,
    channel: socket.socket,
    order: wire.Message,
    warm: Warm | None,
    *,
    locked: bool,
) -> None:
    try:
        pid = kernel.clone(New.PIDS | New.MOUNTS | New.IPC) if locked else os.fork()
    except OSError as problem:
        wire.send(channel, {"refused": problem.strerror, "errno": problem.errno})
        return
    if pid:
        return
    code = 1
    try:
        control.close()
        keep(channel, order, warm, locked=locked)
        code = 0
    except BaseException:  # noqa: BLE001  - the last frame of this process: say it and end
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)
