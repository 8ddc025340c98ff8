"""The first process of a case: builds its room, starts its programs, reaps, reports, kills.

One request at a time over the case's socket (see ``wire``); each has an ``op`` and an ``id``, and
its answer carries the same ``id``:

    spawn {argv, env, cwd, tty} + 3 descriptors   -> {pid, forked} or {errno, path}
    signal {pid, number, scope}                   -> {sent}
    openpty {rows, columns}                       -> {} + master and slave
    ps {}                                         -> {processes: [[pid, ppid, state, argv]...]}
    strike {pids}                                 -> {} when each was sent SIGKILL
    kill {}                                       -> {left: [pid...]}
    close {}                                      -> {left: [pid...]}, then this process ends

Unasked it says ``{exited: pid, status: wait status}`` for each program that it spawned. When its
socket closes it kills everything and ends.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import termios
from typing import TYPE_CHECKING

from conformance.lock import kernel, processes, room, wire

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from conformance.lock.warm import Warm
    from conformance.lock.wire import Message

__all__ = ["Keeper", "keep"]

_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
_SEND_LIMIT = 30.0  # seconds for the suite to take a message


def keep(channel: socket.socket, order: Message, warm: Warm | None = None, *, locked: bool) -> None:
    """Be the keeper of one case until it is closed. Says ``{ready}`` or ``{refused, errno}``.

    Where the zygote has the program ``warm``, its calls are forked from this process.
    """
    channel.settimeout(_SEND_LIMIT)
    try:
        _settle(order, locked=locked)
    except OSError as problem:
        wire.send(channel, {"refused": problem.strerror, "errno": problem.errno})
        return
    keeper = Keeper(channel, warm, locked=locked)
    wire.send(channel, {"ready": os.getpid()})
    try:
        keeper.serve()
    finally:
        keeper.kill_all()


def _settle(order: Message, *, locked: bool) -> None:
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if locked:
        room.furnish(order["writable"], order["hidden"])
        kernel.limit_capabilities()
        kernel.hide_memory()
        kernel.die_with_parent()
    else:
        kernel.become_subreaper()


class Keeper:
    """Serves one case. ``locked`` says that this process is the first of its own pid namespace."""

    def __init__(self, channel: socket.socket, warm: Warm | None = None, *, locked: bool) -> None:
        self._channel = channel
        self._warm = warm
        self._locked = locked
        self._spawned: set[int] = set()
        self._ended: list[tuple[int, int]] = []
        self._closing = False
        self._operations: dict[str, Callable[[Message, list[int]], tuple[Message, list[int]]]] = {
            "spawn": self._spawn,
            "signal": self._signal,
            "openpty": self._openpty,
            "ps": self._ps,
            "strike": self._strike_some,
            "kill": self._kill,
            "close": self._close,
        }
        # A child's end makes this pipe readable, so that one poll waits for both.
        self._bell, ring = os.pipe()
        os.set_blocking(ring, False)
        os.set_blocking(self._bell, False)
        signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Answer requests until ``close`` or until the other side has gone."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._bell, select.POLLIN)
        try:
            while not self._closing:
                ready = dict(poll.poll())
                if self._bell in ready:
                    os.read(self._bell, 4096)
                    self._reap()
                    self._report()
                if self._channel.fileno() in ready:
                    self._answer()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # the suite has gone; keep() kills what is left

    def kill_all(self) -> list[int]:
        """Kill every process of the case and reap it; the pids that could not be killed."""
        gone = processes.kill_until_gone(self._strike, self._reap)
        return [] if gone else self._living()

    def _answer(self) -> None:
        request, fds = wire.receive(self._channel)
        sent: list[int] = []
        try:
            answer, sent = self._operations[request["op"]](request, fds)
            # An end that the operation saw is told before its answer: after `kill` all are known.
            self._report()
            wire.send(self._channel, {"id": request["id"], **answer}, sent)
        finally:
            for fd in (*fds, *sent):
                os.close(fd)

    def _spawn(self, request: Message, fds: list[int]) -> tuple[Message, list[int]]:
        path = request["cwd"]
        try:
            os.chdir(path)
            path = request["argv"][0]
            forked = self._warm is not None and self._warm.fits(path, request["env"])
            pid = self._fork(request, fds) if forked else _start(request, fds)
        except OSError as problem:
            return {"errno": problem.errno, "path": path}, []
        except ValueError:  # a NUL byte in an argument
            return {"errno": errno.EINVAL, "path": path}, []
        finally:
            os.chdir("/")
        self._spawned.add(pid)
        return {"pid": pid, "forked": forked}, []

    def _fork(self, request: Message, fds: list[int]) -> int:
        assert self._warm is not None  # noqa: S101  - the caller looked
        return self._warm.start(request["argv"], request["env"], fds, tty=request["tty"])

    def _signal(self, request: Message, _fds: list[int]) -> tuple[Message, list[int]]:
        pid, number = request["pid"], request["number"]
        if pid not in self._spawned:  # ended and reaped: the number may belong to another by now
            return {"sent": False}, []
        if request["scope"] == "tree":
            below = processes.descendants(pid, processes.table())
            sent = [processes.send(each, number) for each in (pid, *below)]
            return {"sent": any(sent)}, []
        # Each program is the leader of its own session, so its pid names its group.
        return {"sent": processes.send(-pid if request["scope"] == "group" else pid, number)}, []

    def _openpty(self, request: Message, _fds: list[int]) -> tuple[Message, list[int]]:
        master, slave = os.openpty()
        termios.tcsetwinsize(slave, (request["rows"], request["columns"]))
        return {}, [master, slave]

    def _ps(self, _request: Message, _fds: list[int]) -> tuple[Message, list[int]]:
        found = processes.table()
        return {"processes": [found[pid] for pid in self._living(found)]}, []

    def _strike_some(self, request: Message, _fds: list[int]) -> tuple[Message, list[int]]:
        # In a pid namespace there is nobody else; without one, only our own may be struck.
        living = set(self._living())
        for pid in living.intersection(request["pids"]):
            processes.send(pid, signal.SIGKILL)
        return {}, []

    def _kill(self, _request: Message, _fds: list[int]) -> tuple[Message, list[int]]:
        return {"left": self.kill_all()}, []

    def _close(self, _request: Message, _fds: list[int]) -> tuple[Message, list[int]]:
        self._closing = True
        return {"left": self.kill_all()}, []

    def _strike(self) -> bool:
        if self._locked:  # -1 is every process of the namespace but this one, at one stroke
            return processes.send(-1, signal.SIGKILL)
        struck = [processes.send(pid, signal.SIGKILL) for pid in self._living()]
        return any(struck)

    def _living(self, found: dict[int, processes.Entry] | None = None) -> list[int]:
        found = processes.table() if found is None else found
        own = os.getpid()
        if self._locked:
            return sorted(found.keys() - {own})
        return sorted(processes.descendants(own, found))

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._spawned:
                self._spawned.remove(pid)
                self._ended.append((pid, status))

    def _report(self) -> None:
        while self._ended:
            pid, status = self._ended.pop(0)
            wire.send(self._channel, {"exited": pid, "status": status})


def _start(request: Message, fds: list[int]) -> int:
    """Start the program as the leader of a new session; looked up in the PATH that it is given."""
    argv, env = request["argv"], request["env"]
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(fds)
    ]
    if request["tty"]:
        # A session leader that opens a terminal gets it as its controlling one (tty_ioctl(4)).
        actions[0] = (os.POSIX_SPAWN_OPEN, 0, f"/proc/self/fd/{fds[0]}", os.O_RDWR, 0)
    problem = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    refused: OSError | None = None
    for path in _candidates(argv[0], env.get("PATH", "")):
        try:
            return os.posix_spawn(
                path,
                argv,
                env,
                file_actions=actions,
                setsid=True,
                setsigmask=[],
                setsigdef=_SIGNALS,
            )
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as found:
            refused = found  # a later folder of PATH may still have it, as execvp(3) does
    raise refused or problem


def _candidates(name: str, path: str) -> list[str]:
    if "/" in name:
        return [name]
    return [f"{folder or '.'}/{name}" for folder in path.split(":")] if name and path else []
