"""The few Linux calls that Python 3.11 does not wrap, by ctypes.

Every function raises OSError naming what was tried. Numbers are the kernel's
(include/uapi/linux/{sched,mount,prctl}.h); the syscall numbers above 423 are the same everywhere.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys

__all__ = [
    "CLONE_NEWIPC",
    "CLONE_NEWNET",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWUSER",
    "CLONE_NEWUTS",
    "bind",
    "die_with_parent",
    "drop_capabilities",
    "fd_of",
    "join",
    "loopback_up",
    "map_users",
    "mount",
    "no_new_privileges",
    "pivot_here",
    "read_only",
    "rename_process",
    "set_host_name",
    "unshare",
]

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_MS_BIND, _MS_REC, _MNT_DETACH = 0x1000, 0x4000, 2
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = -100, 0x8000, 1
_SYS_MOUNT_SETATTR, _SYS_PIDFD_GETFD = 442, 438
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 15, 24, 38
_AF_INET, _SOCK_DGRAM = 2, 2
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_LAST_CAPABILITY = 63

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces of these kinds for new ones."""
    _check(_libc.unshare(flags), "unshare")


def join(pidfd: int, flags: int) -> None:
    """Enter the namespaces of a process, all at once (Linux 5.8)."""
    _check(_libc.setns(pidfd, flags), "setns")


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    _check(
        _libc.mount(
            source.encode(),
            os.fsencode(target),
            kind.encode(),
            ctypes.c_ulong(flags),
            data.encode(),
        ),
        f"mount {kind} on {target}",
    )


def bind(source: str, target: str, *, readonly: bool = False) -> None:
    """Show `source`, with what is mounted below it, at `target` as well."""
    flags = ctypes.c_ulong(_MS_BIND | _MS_REC)
    _check(
        _libc.mount(os.fsencode(source), os.fsencode(target), None, flags, None),
        f"bind {source} on {target}",
    )
    if readonly:
        read_only(target, recursive=True)


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def read_only(path: str, *, recursive: bool) -> None:
    """Make a mount read-only and keep its other flags, which may be locked (Linux 5.12)."""
    attr = _MountAttr(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    _check(
        _libc.syscall(
            _SYS_MOUNT_SETATTR,
            _AT_FDCWD,
            os.fsencode(path),
            flags,
            ctypes.byref(attr),
            ctypes.c_size_t(ctypes.sizeof(attr)),
        ),
        f"make {path} read-only",
    )


def pivot_here() -> None:
    """Make the working directory, a mount, the root; the old root is gone after."""
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "unmount the old root")
    os.chdir("/")


def loopback_up() -> None:
    """Bring up the loopback of a fresh network namespace, as docker's `none` has it."""
    fd = _check(_libc.socket(_AF_INET, _SOCK_DGRAM, 0), "socket")
    try:
        fcntl.ioctl(
            fd,
            _SIOCSIFFLAGS,
            b"lo".ljust(16, b"\0") + _IFF_UP.to_bytes(2, sys.byteorder) + bytes(22),
        )
    finally:
        os.close(fd)


def _put(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def map_users(pid: int) -> bool:
    """Give the new user namespace its users: all of ours if allowed (True), else us as 0."""
    maps = {}
    for kind in ("uid_map", "gid_map"):
        with open(f"/proc/self/{kind}", encoding="ascii") as file:
            maps[kind] = [line.split() for line in file]
    try:
        if maps["uid_map"][0][0] != "0":  # who is not root in there has not many users to give
            return _map_me(pid)
        for kind, rows in maps.items():
            _put(f"/proc/{pid}/{kind}", "".join(f"{row[0]} {row[0]} {row[2]}\n" for row in rows))
    except PermissionError:
        return _map_me(pid)
    return True


def _map_me(pid: int) -> bool:
    _put(f"/proc/{pid}/setgroups", "deny")
    _put(f"/proc/{pid}/uid_map", f"0 {os.geteuid()} 1\n")
    _put(f"/proc/{pid}/gid_map", f"0 {os.getegid()} 1\n")
    return False


def set_host_name(name: str) -> None:
    """sethostname(2) in this UTS namespace."""
    raw = name.encode()
    _check(_libc.sethostname(raw, len(raw)), "sethostname")


def die_with_parent(signal: int) -> None:
    """Get `signal` when the parent ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl PDEATHSIG")


def no_new_privileges() -> None:
    """Programs started from here gain nothing by setuid bits."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl NO_NEW_PRIVS")


def drop_capabilities(keep: frozenset[int]) -> None:
    """Drop all but these numbers from the bounding set: the next exec cannot have them."""
    for number in range(_LAST_CAPABILITY + 1):
        if number not in keep and _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) == -1:
            break  # EINVAL: this kernel's last capability was the one before


def fd_of(pidfd: int, fd: int) -> int:
    """A copy of another process's open file (Linux 5.6)."""
    return _check(_libc.syscall(_SYS_PIDFD_GETFD, pidfd, fd, 0), "pidfd_getfd")


def rename_process(title: str) -> None:
    """Write `title` over this process's arguments, and zeroes over its first environment.

    A forked helper otherwise shows the caller's command line and environment, secrets and all, in
    the container's /proc.
    """
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    # Fields 48 to 51 of proc(5), counted from 1; "state", the first here, is field 3.
    arg_start, arg_end, env_start, env_end = (int(field) for field in fields[45:49])
    size = arg_end - arg_start
    if arg_start and size > 1:
        # A last byte that is not zero tells the kernel that the title ends at the first zero.
        raw = title.encode()[: size - 2].ljust(size - 1, b"\0") + b"\1"
        ctypes.memmove(arg_start, raw, size)
    if env_start and env_end > env_start:
        ctypes.memset(env_start, 0, env_end - env_start)
    _libc.prctl(_PR_SET_NAME, title.split(" ")[0].rpartition("/")[2].encode()[:15], 0, 0, 0)
