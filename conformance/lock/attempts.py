"""What a bad program would try, in a harmless form; run inside a case by ``probe``.

Each attempt says in one word or sentence how it went: ``refused`` where the lock held. Everything
that an attempt manages to make it removes again, so that the probe leaves nothing on a machine
where nothing is locked.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from typing import TYPE_CHECKING

from conformance.lock import kernel
from conformance.lock.kernel import Attribute, New

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REFUSED", "main"]

REFUSED = "refused"
_BLOCK_DEVICE = os.makedev(7, 250)  # a loop device that nobody has


def main(text: str) -> None:
    """Make the attempts that the JSON ``text`` asks for; a JSON object of answers on stdout."""
    order = json.loads(text)
    answers = {f"write in {folder}": _write(folder) for folder in order["outside"]}
    answers["write in the sandbox"] = _write(order["sandbox"])
    answers["change a file outside"] = _append(order["decoy"])
    answers["see an outside process"] = _see(order["marker"])
    answers["signal an outside process"] = _signal(order["pid"])
    answers["make the disk writable again"] = _refusal(_unlock)
    answers["make it writable from a nested namespace"] = _in_child(_nested_unlock)
    answers["reach a disk's device node"] = _disks(order["sandbox"])
    answers["change a kernel setting"] = _refusal(_open_setting)
    json.dump(answers, sys.stdout)


def _write(folder: str) -> str:
    path = f"{folder}/.lock-probe-{os.getpid()}-{os.urandom(6).hex()}"

    def attempt() -> None:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(path)  # noqa: PTH108

    return _refusal(attempt)


def _append(path: str) -> str:
    return _refusal(lambda: os.close(os.open(path, os.O_WRONLY | os.O_APPEND)))


def _see(marker: str) -> str:
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:  # noqa: PTH123
                line = file.read()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if line.startswith(marker.encode() + b"\0"):
            return f"process {name} is in sight"
    return REFUSED


def _signal(pid: int) -> str:
    # In a pid namespace of its own this number is nobody's; the outside looks whether it lived.
    return _refusal(lambda: os.kill(pid, signal.SIGTERM))


def _unlock() -> None:
    kernel.set_attributes("/", off=Attribute.READ_ONLY)


def _nested_unlock() -> None:
    kernel.unshare(New.USER | New.MOUNTS)
    kernel.set_attributes("/", off=Attribute.READ_ONLY)
    os.close(os.open("/", os.O_TMPFILE | os.O_WRONLY, 0o600))


def _disks(sandbox: str) -> str:
    for folder, below, names in os.walk("/dev"):
        below[:] = [name for name in below if name != "proc"]  # processes come and go, disks do not
        for name in names:
            if stat.S_ISBLK(os.lstat(f"{folder}/{name}").st_mode):
                return f"{folder}/{name} is there"
    node = f"{sandbox}/.lock-probe-node"

    def make() -> None:
        os.mknod(node, stat.S_IFBLK | 0o600, _BLOCK_DEVICE)
        os.unlink(node)  # noqa: PTH108

    return _refusal(make)


def _open_setting() -> None:
    os.close(os.open("/proc/sys/kernel/panic", os.O_WRONLY))


def _in_child(attempt: Callable[[], None]) -> str:
    """In a process of its own, since it would change this one's namespaces."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if _refusal(attempt) == REFUSED else 1)
    _, status = os.waitpid(pid, 0)
    return REFUSED if status == 0 else "it could be done"


def _refusal(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except OSError:
        return REFUSED
    return "it could be done"
