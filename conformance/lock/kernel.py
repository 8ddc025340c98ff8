"""The doorway to kernel calls which Python 3.11 does not have: namespaces, mounts, capabilities.

Thin and typed; no policy here. Each failure is an OSError whose text says what was tried. Facts are
from the Linux manual pages named beside each call. The two system calls made by number (``clone3``,
``mount_setattr``) have the same number on every architecture that Python supports on Linux.
"""

from __future__ import annotations

import ctypes
import os
import signal
from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "KEPT_CAPABILITIES",
    "Attribute",
    "Mount",
    "New",
    "become_subreaper",
    "clone",
    "die_with_parent",
    "drop_capabilities",
    "hide_memory",
    "limit_capabilities",
    "mount",
    "rename",
    "set_attributes",
    "show_memory",
    "unmount",
    "unshare",
]


class New(IntFlag):
    """Namespaces to make anew (clone(2))."""

    MOUNTS = 0x00020000
    IPC = 0x08000000
    USER = 0x10000000
    PIDS = 0x20000000


class Mount(IntFlag):
    """Flags of mount(2)."""

    READ_ONLY = 0x1
    NO_SETUID = 0x2
    NO_DEVICES = 0x4
    NO_EXEC = 0x8
    BIND = 0x1000
    RECURSIVE = 0x4000
    PRIVATE = 0x40000


class Attribute(IntFlag):
    """Attributes of mount_setattr(2)."""

    NONE = 0
    READ_ONLY = 0x1
    NO_SETUID = 0x2
    NO_DEVICES = 0x4


# What a program run as root keeps, by number (capabilities(7)): CHOWN, DAC_OVERRIDE, FOWNER,
# FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT, SETFCAP. A list of what
# stays, so that a capability of a later kernel is dropped too. SETFCAP is needed to map uid 0 into
# a nested user namespace; DAC_READ_SEARCH goes, since it opens any inode of a disk by its handle.
KEPT_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31})

_CLONE3 = 435
_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_MNT_DETACH = 2
_AT_RECURSIVE = 0x8000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_MM = 35
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_SET_MM_MAP = 14
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
# Keeps the interpreter's lock over the call: a clone must not come back without it.
_held = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_held.syscall.restype = ctypes.c_long


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


class _CloneArguments(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
        )
    )


class _MemoryMap(ctypes.Structure):
    """``struct prctl_mm_map``: where the parts of a process's memory lie."""

    _fields_ = (
        *(
            (name, ctypes.c_uint64)
            for name in (
                "start_code",
                "end_code",
                "start_data",
                "end_data",
                "start_brk",
                "brk",
                "start_stack",
                "arg_start",
                "arg_end",
                "env_start",
                "env_end",
                "auxv",
            )
        ),
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_uint32),
    )


_names: list[ctypes.Array[ctypes.c_char]] = []  # what /proc shows must stay in memory


def unshare(namespaces: New) -> None:
    """Move the calling process into new namespaces (unshare(2))."""
    _check(_libc.unshare(int(namespaces)), f"unshare {namespaces!r}")


def clone(namespaces: New) -> int:
    """Fork into new namespaces in one call: 0 in the child, the child's pid in the parent.

    With ``New.PIDS`` the child is the first process of its pid namespace (clone3(2)). Only for a
    process with one thread.
    """
    arguments = _CloneArguments(flags=int(namespaces), exit_signal=int(signal.SIGCHLD))
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    pid = int(
        _held.syscall(
            ctypes.c_long(_CLONE3),
            ctypes.byref(arguments),
            ctypes.c_size_t(ctypes.sizeof(arguments)),
        )
    )
    number = ctypes.get_errno()
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise _failure(number, f"clone3 {namespaces!r}")
    return pid


def mount(
    source: str | None, target: str, kind: str | None, flags: Mount, data: str | None = None
) -> None:
    """Mount ``source`` (or a new file system of this ``kind``) on ``target`` (mount(2))."""
    result = _libc.mount(
        None if source is None else os.fsencode(source),
        os.fsencode(target),
        None if kind is None else kind.encode(),
        ctypes.c_ulong(int(flags)),
        None if data is None else data.encode(),
    )
    _check(result, f"mount {kind or source or 'propagation'} on {target} ({flags!r})")


def unmount(target: str) -> None:
    """Let go of the mount at ``target`` (umount2(2), MNT_DETACH)."""
    _check(_libc.umount2(os.fsencode(target), _MNT_DETACH), f"unmount {target}")


def set_attributes(
    path: str,
    *,
    on: Attribute = Attribute.NONE,
    off: Attribute = Attribute.NONE,
    below: bool = False,
) -> None:
    """Change attributes of the mount at ``path``, with ``below`` of all under it too.

    mount_setattr(2), Linux 5.12.
    """
    attributes = _MountAttributes(set=int(on), clear=int(off))
    result = _libc.syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(path),
        ctypes.c_uint(_AT_RECURSIVE if below else 0),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, f"mount_setattr {path} on={on!r} off={off!r}")


def die_with_parent() -> None:
    """Be killed when the parent ends (PR_SET_PDEATHSIG)."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), tried="set the parent death signal")


def become_subreaper() -> None:
    """Become the parent of descendants whose own parent ends (PR_SET_CHILD_SUBREAPER)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, tried="become a subreaper")


def hide_memory() -> None:
    """Keep other processes of the same user from this one's memory and files (PR_SET_DUMPABLE)."""
    _prctl(_PR_SET_DUMPABLE, 0, tried="become undumpable")


def show_memory() -> None:
    """Take ``hide_memory`` back, as exec does."""
    _prctl(_PR_SET_DUMPABLE, 1, tried="become dumpable")


def rename(argv: Sequence[str], env: Mapping[str, str], name: str) -> None:
    """Show ``argv``, ``env`` and ``name`` as exec would have: cmdline, environ and comm of proc(5).

    Takes PR_SET_MM_MAP (a kernel with CONFIG_CHECKPOINT_RESTORE); OSError where it is not there.
    """
    words = (argv, [f"{key}={value}" for key, value in env.items()])
    shown = [b"".join(os.fsencode(word) + b"\0" for word in part) for part in words]
    _names[:] = [ctypes.create_string_buffer(text, max(len(text), 1)) for text in shown]
    (arg, env_), (arg_size, env_size) = map(ctypes.addressof, _names), map(len, shown)
    with open("/proc/self/stat", "rb") as file:  # noqa: PTH123  - pathlib starts slow
        fields = file.read().rpartition(b")")[2].split()
    # Numbered as in proc(5), which counts from 1; after the name comes the third.
    code, end, stack, data, end_data, brk = (int(fields[n - 3]) for n in (26, 27, 28, 45, 46, 47))
    _libc.sbrk.restype = ctypes.c_void_p
    given = _MemoryMap(
        *(code, end, data, end_data, brk, _libc.sbrk(0), stack),
        *(arg, arg + arg_size, env_, env_ + env_size),
        exe_fd=0xFFFFFFFF,  # it stays what it is
    )
    size = ctypes.c_ulong(ctypes.sizeof(given))
    where = ctypes.byref(given)
    result = _libc.prctl(_PR_SET_MM, _PR_SET_MM_MAP, where, size, ctypes.c_ulong(0))
    _check(result, "set the command line that /proc shows")
    text = ctypes.create_string_buffer(os.fsencode(name))
    _prctl(_PR_SET_NAME, ctypes.addressof(text), tried="set the process's name")


def drop_capabilities(kept: frozenset[int] = KEPT_CAPABILITIES) -> None:
    """Hold what a program holds that is exec'd after ``limit_capabilities``, here and now.

    Root keeps ``kept``, another user nothing (capabilities(7), transformation during execve).
    """
    mask = sum(1 << number for number in kept) if os.geteuid() == 0 else 0
    low, high = mask & 0xFFFFFFFF, mask >> 32
    _change_capabilities(lambda sets: [*_both(sets[:3], low), *_both(sets[3:], high)])


def _both(sets: list[int], mask: int) -> list[int]:
    """Effective and permitted become what is permitted of ``mask``; nothing is inheritable."""
    return [sets[1] & mask, sets[1] & mask, 0]


def limit_capabilities(kept: frozenset[int] = KEPT_CAPABILITIES) -> None:
    """Let no program started from here ever hold more than ``kept`` (capability numbers).

    The calling process keeps its own until it execs. Also sets no-new-privileges, so that set-uid
    programs give nothing (capabilities(7), PR_SET_NO_NEW_PRIVS).
    """
    number = 0
    while (held := _libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0)) >= 0:
        if held and number not in kept:
            _prctl(_PR_CAPBSET_DROP, number, tried=f"drop capability {number}")
        number += 1
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, tried="clear the ambient capabilities")
    # A program of root takes over the inheritable set whatever the bounding set says.
    _change_capabilities(lambda sets: [*sets[:2], 0, *sets[3:5], 0])
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, tried="set no-new-privileges")


def _change_capabilities(change: Callable[[list[int]], list[int]]) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # twice: effective, permitted, inheritable
    _check(_libc.capget(header, sets), "read the capabilities")
    changed = (ctypes.c_uint32 * 6)(*change(list(sets)))
    _check(_libc.capset(header, changed), "set the capabilities")


def _prctl(option: int, argument: int, *, tried: str) -> None:
    # The unused arguments must be zero words, not whatever stands in the registers.
    words = [ctypes.c_ulong(argument), *([ctypes.c_ulong(0)] * 3)]
    _check(_libc.prctl(option, *words), tried)


def _check(result: int, tried: str) -> None:
    if result < 0:
        raise _failure(ctypes.get_errno(), tried)


def _failure(number: int, tried: str) -> OSError:
    return OSError(number, f"{tried}: {os.strerror(number)}")
