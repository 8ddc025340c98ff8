"""The helper process of one worker, from which each case's keeper is forked.

Started as ``python -IS -c`` with a socket: a bare interpreter with one thread, so that it may fork
and enter namespaces, which the worker (it has threads) must not. It makes the common room once,
says ``{ready}`` or ``{refused, errno}``, and then takes orders ``{writable, hidden}``, each with
one end of that case's socket. When its socket closes it ends, and every keeper dies with it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback

from conformance.lock import kernel, room, wire
from conformance.lock.keeper import keep
from conformance.lock.kernel import New

__all__ = ["MODES", "main"]

MODES = ("user", "plain", "none")
"""How the lock is had: with a user namespace, with root's own capabilities only, not at all."""


def main(fd: int, mode: str) -> None:
    """Serve orders on the socket ``fd`` until it closes. ``mode`` is one of ``MODES``."""
    with socket.socket(fileno=fd) as control:
        control.set_inheritable(False)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the keepers
        try:
            _prepare(mode)
        except OSError as problem:
            wire.send(control, {"refused": problem.strerror, "errno": problem.errno})
            return
        wire.send(control, {"ready": os.getpid()})
        while True:
            try:
                order, (channel_fd,) = wire.receive(control)
            except (EOFError, ConnectionResetError):
                return
            with socket.socket(fileno=channel_fd) as channel:
                _open(control, channel, order, locked=mode != "none")


def _prepare(mode: str) -> None:
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}: expected one of {', '.join(MODES)}")
    if mode != "none":
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # build() waits for a helper of its own
        room.build(user_namespace=mode == "user")
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def _open(
    control: socket.socket, channel: socket.socket, order: wire.Message, *, locked: bool
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
        keep(channel, order, locked=locked)
        code = 0
    except BaseException:  # noqa: BLE001  - the last frame of this process: say it and end
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)
