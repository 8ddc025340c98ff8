"""`auth codex`: the credentials file of codex, as it is (AUTH-2)."""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH111

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from awl.auth.delivery import Handed, deliver
from awl.credentials import CODEX
from awl.errors import CredentialsMissing, ValueInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from awl.executor import Executor

__all__ = ["check_profile", "hand"]

#: Bytes; the real file has a few thousand.
_LARGEST = 1 << 20


def hand(
    executor: Executor,
    environment: Mapping[str, str],
    profile: str | None,
    warn: Callable[[str], None],
) -> Handed:
    """Copy the first credentials file that there is to the workspace's `.codex/auth.json`.

    Looked for: `CODEX_SECRET_DIR/PROFILE`, the same with `.json`, then `CODEX_AUTH_FILE` (default
    `~/.codex/auth.json`); `warn` is told where it is not the profile that was asked for. Raises
    `ValueInvalid` for a bad profile and `CredentialsMissing` where nothing is found.
    """
    if profile is not None:
        check_profile(profile)
    looked: list[str] = []
    if profile is not None and not environment.get("CODEX_SECRET_DIR"):
        looked.append("CODEX_SECRET_DIR is not set")
    for source, path in _places(environment, profile):
        secret, reason = _read(path)
        if secret:
            if profile is not None and source != "profile":
                warn(f"no profile {profile} ({'; '.join(looked)}), so {path} is used")
            return Handed("codex", source, deliver(executor, *CODEX, secret))
        looked.append(f"{path} {reason}")
    raise CredentialsMissing(
        f"no credentials of codex: {'; '.join(looked)}",
        "log in, then again: codex login",
        "or name a file: CODEX_AUTH_FILE=PATH, or CODEX_SECRET_DIR=FOLDER with --profile NAME",
    )


def check_profile(profile: str) -> None:
    """Raise `ValueInvalid` for what is not the name of one file."""
    if (
        not profile
        or profile.startswith(("-", "."))
        or "/" in profile
        or ".." in profile
        or any(sign.isspace() or not sign.isprintable() for sign in profile)
    ):
        raise ValueInvalid(
            f"--profile {profile!r} is not the name of a profile",
            "one word without / and .., such as --profile work",
        )


def _places(environment: Mapping[str, str], profile: str | None) -> Iterator[tuple[str, str]]:
    folder = environment.get("CODEX_SECRET_DIR")
    if profile is not None and folder:
        yield "profile", f"{folder}/{profile}"
        yield "profile", f"{folder}/{profile}.json"
    home = environment.get("HOME") or os.path.expanduser("~")
    yield "file", environment.get("CODEX_AUTH_FILE") or f"{home}/{'/'.join(CODEX)}"


def _read(path: str) -> tuple[bytes, str]:
    """Return what the file holds, or nothing and the reason."""
    try:
        # A pipe or a device would wait for somebody, or never end.
        with open(path, "rb", opener=_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return b"", "is not a file"
            secret = file.read(_LARGEST + 1)
    except OSError as error:
        return b"", f"cannot be read ({error.strerror})"
    if len(secret) > _LARGEST:
        return b"", "is too large to be credentials"
    return (secret, "") if secret.strip() else (b"", "is empty")


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
