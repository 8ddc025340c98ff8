"""Ids, generated names, and docker's rules for given ones."""

from __future__ import annotations

import os

from engine.errors import DaemonError

__all__ = ["check_container_name", "check_volume_name", "new_id", "random_name", "timestamp"]

_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_REST = _FIRST | frozenset("_.-")
_LEFT = [
    "brave",
    "calm",
    "clever",
    "eager",
    "gentle",
    "happy",
    "keen",
    "lucid",
    "merry",
    "quiet",
    "swift",
    "witty",
]
_RIGHT = [
    "ampere",
    "bohr",
    "curie",
    "darwin",
    "euler",
    "fermi",
    "gauss",
    "hopper",
    "joule",
    "noether",
    "pascal",
    "turing",
]
_ALLOWED = "[a-zA-Z0-9][a-zA-Z0-9_.-]"


def new_id() -> str:
    """A fresh object id: 64 hexadecimal digits."""
    return os.urandom(32).hex()


def random_name() -> str:
    """A name for a container that was given none."""
    first, second, third = os.urandom(3)
    return f"{_LEFT[first % len(_LEFT)]}_{_RIGHT[second % len(_RIGHT)]}{third}"


def _well_formed(name: str) -> bool:
    return len(name) > 1 and name[0] in _FIRST and all(letter in _REST for letter in name)


def check_container_name(name: str, shown: str | None = None) -> None:
    """DaemonError where the engine would not take this name."""
    if not _well_formed(name):
        raise DaemonError(f"Invalid container name ({shown or name}), only {_ALLOWED} are allowed")


def check_volume_name(name: str) -> None:
    """DaemonError where the local volume driver would not take this name."""
    if len(name.encode()) == 1:
        raise DaemonError(
            f"create {name}: volume name is too short, names should be at least two alphanumeric "
            "characters"
        )
    if not _well_formed(name):
        raise DaemonError(
            f'create {name}: "{name}" includes invalid characters for a local volume name, only '
            f'"{_ALLOWED}" are allowed. If you intended to pass a host directory, use absolute path'
        )


def timestamp(seconds: float | None = None, *, nanoseconds: int | None = None) -> str:
    """RFC 3339 with nanoseconds, in UTC, as the engine writes times."""
    import time

    if nanoseconds is None:
        nanoseconds = time.time_ns() if seconds is None else int(seconds * 1e9)
    whole, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest:09d}Z"
