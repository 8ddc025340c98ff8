"""What runs: read /proc, follow descendants, kill until nothing is left. Used by the keeper."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Entry", "descendants", "kill_until_gone", "send", "table"]

_PATIENCE = 10.0  # seconds until a process that cannot be killed (in the kernel) is given up on
_ARGV_BYTES = 4096


class Entry(NamedTuple):
    """One process: ids, the state letter of proc(5), and its arguments (bounded)."""

    pid: int
    ppid: int
    state: str
    argv: list[str]


def table() -> dict[int, Entry]:
    """All processes that /proc shows, by pid, without those that have ended (zombies)."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  - pathlib starts slow
        if name.isdigit() and (entry := _read(int(name))) and entry.state not in "ZX":
            found[entry.pid] = entry
    return found


def descendants(root: int, processes: dict[int, Entry]) -> list[int]:
    """The pids below ``root`` (without it), parents before children."""
    children: dict[int, list[int]] = {}
    for entry in processes.values():
        children.setdefault(entry.ppid, []).append(entry.pid)
    found: list[int] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return found


def kill_until_gone(strike: Callable[[], bool], reap: Callable[[], None]) -> bool:
    """Call ``strike`` (kill what is there, say whether there was any) until it finds nothing.

    Strikes again after each round, since a program may fork while it is being killed. False where
    something outlived the patience.
    """
    limit = time.monotonic() + _PATIENCE
    pause = 0.0002
    while strike():
        if time.monotonic() > limit:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.02)
        reap()
    return True


def send(pid: int, number: int) -> bool:
    """Send a signal; False where the process had ended before."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _read(pid: int) -> Entry | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            stat = file.read()
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            line = file.read(_ARGV_BYTES)
    except (FileNotFoundError, ProcessLookupError):
        return None  # it ended while we looked
    # The name in brackets may hold anything, so the fields are counted from the last bracket.
    name = stat[stat.index(b"(") + 1 : stat.rindex(b")")]
    fields = stat[stat.rindex(b")") + 2 :].split()
    argv = [os.fsdecode(part) for part in line.split(b"\0")[:-1]] or [f"[{os.fsdecode(name)}]"]
    return Entry(pid, int(fields[1]), fields[0].decode(), argv)
