"""Build what a case sees: everything read-only but its sandbox, its own /proc and a small /dev.

``build`` runs once in the zygote and makes the common part; ``furnish`` runs in each case's first
process and adds what is the case's own. So opening a case takes a handful of mounts.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from conformance.lock import kernel
from conformance.lock.kernel import Attribute, Mount, New

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SHARED_MEMORY", "build", "furnish"]

SHARED_MEMORY = "/dev/shm"  # noqa: S108  - a mount, not a file that somebody may have put there

_NODES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# A second, whole and read-only /proc. The kernel lets a nested user namespace mount /proc only
# where it already sees a whole one, and the one at /proc has parts covered (see _cover_proc).
_WHOLE_PROC = "proc"
# Where a case's first process keeps the run's folder while it changes the shared memory.
_ASIDE = "aside"
_BARE = Mount.NO_SETUID | Mount.NO_DEVICES | Mount.NO_EXEC


def build(*, user_namespace: bool) -> None:
    """Move this process into a mount namespace in which nothing can be written.

    With ``user_namespace`` (always for a plain user, and for root too where the kernel has them)
    the ids stay what they are, but no capability reaches anything outside: uid 0 is only a number.
    Raises OSError naming the step that the kernel refused.
    """
    if user_namespace:
        _enter_user_namespace()
    kernel.unshare(New.MOUNTS)
    kernel.mount(None, "/", None, Mount.RECURSIVE | Mount.PRIVATE)
    _build_dev()
    kernel.set_attributes("/", on=Attribute.READ_ONLY, below=True)
    os.chdir("/")


def furnish(writable: Iterable[str], hidden: Iterable[str]) -> None:
    """Finish the room of one case, from the first process of its pid namespace.

    ``writable``: folders that can be written, the sandbox first. ``hidden``: files, sockets and
    folders to cover. Raises OSError naming the step that the kernel refused.
    """
    for path in hidden:
        _hide(path)
    _share_memory(writable)
    for path in writable:
        kernel.mount(path, path, None, Mount.BIND | Mount.RECURSIVE)
        kernel.set_attributes(
            path, on=Attribute.NO_SETUID | Attribute.NO_DEVICES, off=Attribute.READ_ONLY
        )
    kernel.mount("proc", f"/dev/{_WHOLE_PROC}", "proc", _BARE | Mount.READ_ONLY)
    kernel.mount("proc", "/proc", "proc", _BARE)
    _cover_proc()
    terminals = Mount.NO_SETUID | Mount.NO_EXEC
    kernel.mount("devpts", "/dev/pts", "devpts", terminals, "newinstance,ptmxmode=0666,mode=0620")


def _share_memory(writable: Iterable[str]) -> None:
    """A shared memory of the case's own. Of the machine's, only the run's folder shows through."""
    shown = {path.split("/")[3] for path in writable if path.startswith(f"{SHARED_MEMORY}/")}
    if shown:
        kernel.mount("tmpfs", f"/dev/{_ASIDE}", "tmpfs", _BARE, "mode=755,size=64k")
    for name in shown:
        os.mkdir(f"/dev/{_ASIDE}/{name}")  # noqa: PTH102
        kernel.mount(f"{SHARED_MEMORY}/{name}", f"/dev/{_ASIDE}/{name}", None, Mount.BIND)
    if os.path.ismount(SHARED_MEMORY):
        kernel.unmount(SHARED_MEMORY)
    bare = Mount.NO_SETUID | Mount.NO_DEVICES
    kernel.mount("tmpfs", SHARED_MEMORY, "tmpfs", bare, "mode=1777,size=64m")
    for name in shown:
        path = f"{SHARED_MEMORY}/{name}"
        os.mkdir(path)  # noqa: PTH102
        kernel.mount(f"/dev/{_ASIDE}/{name}", path, None, Mount.BIND)
        kernel.set_attributes(path, on=Attribute.READ_ONLY)
    if shown:
        kernel.unmount(f"/dev/{_ASIDE}")


def _enter_user_namespace() -> None:
    if os.geteuid() == 0:
        _map_all_ids()
    else:
        uid, gid = os.geteuid(), os.getegid()
        kernel.unshare(New.USER)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    # Without this a nested namespace of root could mount the machine's control groups writable.
    # Where /proc/sys is read-only already (in a container) the container itself keeps them away.
    with contextlib.suppress(OSError):
        _write("/proc/sys/user/max_cgroup_namespaces", "0")


def _map_all_ids() -> None:
    """Every id to itself. Only a process that is still outside may write more than its own id."""
    maps = {name: _same_ids(name) for name in ("uid_map", "gid_map")}
    ready_end, ready = os.pipe()
    helper = os.fork()
    if helper == 0:
        code = 1
        try:
            os.read(ready_end, 1)
            for name, text in maps.items():
                _write(f"/proc/{os.getppid()}/{name}", text)
            code = 0
        finally:
            os._exit(code)
    os.close(ready_end)
    try:
        kernel.unshare(New.USER)
    finally:
        os.write(ready, b".")
        os.close(ready)
        _, status = os.waitpid(helper, 0)
    if status:
        raise PermissionError(1, "map the user ids: the kernel refused to write uid_map")


def _same_ids(name: str) -> str:
    with open(f"/proc/self/{name}", encoding="ascii") as file:  # noqa: PTH123  - pathlib starts slow
        extents = [line.split() for line in file]
    return "".join(f"{inside} {inside} {count}\n" for inside, _, count in extents)


def _build_dev() -> None:
    nodes = {}
    for name in _NODES:
        with contextlib.suppress(FileNotFoundError):
            nodes[name] = os.open(f"/dev/{name}", os.O_PATH)
    memory = -1
    with contextlib.suppress(FileNotFoundError):
        memory = os.open(SHARED_MEMORY, os.O_PATH | os.O_DIRECTORY)
    kernel.mount("tmpfs", "/dev", "tmpfs", Mount.NO_SETUID | Mount.NO_EXEC, "mode=755,size=64k")
    for name, node in nodes.items():
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        kernel.mount(f"/proc/self/fd/{node}", f"/dev/{name}", None, Mount.BIND)
        os.close(node)
    for name, target in _LINKS.items():
        os.symlink(target, f"/dev/{name}")  # noqa: PTH211
    for name in ("pts", "shm", _WHOLE_PROC, _ASIDE):
        os.mkdir(f"/dev/{name}")  # noqa: PTH102
    if memory >= 0:
        # The run's folder may lie there, and in it the program under test.
        kernel.mount(f"/proc/self/fd/{memory}", SHARED_MEMORY, None, Mount.BIND)
        os.close(memory)


def _cover_proc() -> None:
    """Leave only the processes writable in /proc (a nested namespace must write its uid_map).

    Kernel settings belong to uid 0 by plain file permission, no capability is asked for.
    """
    with os.scandir("/proc") as entries:
        found = [entry for entry in entries if not entry.name.isdigit()]
    for entry in found:
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and mode & 0o222):
            kernel.mount(entry.path, entry.path, None, Mount.BIND)
            kernel.set_attributes(entry.path, on=Attribute.READ_ONLY)


def _hide(path: str) -> None:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # nothing there that the case could reach
    if stat.S_ISDIR(mode):
        kernel.mount("tmpfs", path, "tmpfs", _BARE | Mount.READ_ONLY, "mode=755,size=4k")
    else:
        kernel.mount("/dev/null", path, None, Mount.BIND)


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode("ascii"))
    finally:
        os.close(handle)
