"""Names of workspaces: one logical name in every runtime (NAME-1 to NAME-5)."""

from __future__ import annotations

import os
import re

from awl.errors import NameInvalid, ValueInvalid, WorkspaceNotFound

TYPE_CHECKING = False  # importing `typing` costs as much as all else here
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LONGEST", "container_name", "generate", "is_normal", "normalise", "unknown"]

LONGEST = 63
_PREFIXES = ("agent-ws-", "codex-ws-", "ws-")
_JOINERS = re.compile(r"[\s/.:]+")
_DROPPED = re.compile(r"[^a-z0-9_-]")
_CONTAINER_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def normalise(raw: str, prefix: str = "agent-ws", *, source: str = "name") -> str:
    """Return the logical name of what a person typed.

    Outer spaces go, known prefixes are stripped while something is left, the rest becomes lower
    case with white space, `/`, `.` and `:` as one `-`, other characters outside `[a-z0-9_-]` drop
    and outer `-` are trimmed; again and again until nothing changes, so that normalising twice is
    the same as once. Raises `NameInvalid` where nothing is left or more than `LONGEST` characters.
    """
    prefixes = (f"{prefix.lower()}-", *_PREFIXES)
    before, name = None, raw
    while name != before:
        before, name = name, _once(name, prefixes)
    if not name:
        raise NameInvalid(
            f"{source} {raw!r} leaves nothing of a workspace name",
            "a name is made of a-z, 0-9, _ and -; give one with --name, such as --name my-work",
        )
    if len(name) > LONGEST:
        raise NameInvalid(
            f"{source} {raw!r} gives a workspace name of {len(name)} characters;"
            f" the longest is {LONGEST}",
            f"a shorter one: {name[:LONGEST].strip('-')}",
        )
    return name


def is_normal(name: str) -> bool:
    """Tell whether `name` is a logical name as it stands, as files of the launcher's are named."""
    try:
        return normalise(name) == name
    except NameInvalid:
        return False


def container_name(prefix: str, name: str) -> str:
    """Return the name that the engine knows the workspace `name` by.

    Raises `ValueInvalid` for a prefix that no engine takes; the prefix is the person's
    (`AGENT_WORKSPACE_PREFIX`).
    """
    if not _CONTAINER_PREFIX.fullmatch(prefix):
        raise ValueInvalid(
            f"AGENT_WORKSPACE_PREFIX is {prefix!r}, which cannot begin a container's name",
            "a prefix is made of letters, digits, _ . and -, such as agent-ws",
        )
    return f"{prefix}-{name}"


def generate() -> str:
    """Return a name that no simultaneous call shares (40 random bits)."""
    return f"work-{os.urandom(5).hex()}"


def unknown(
    name: str, runtime: str, known: Iterable[str], *, so: str = "", program: str = "awl"
) -> WorkspaceNotFound:
    """Return the error for a workspace that is not there, with the nearest of those that are."""
    import difflib

    near = difflib.get_close_matches(name, list(known), 1)
    return WorkspaceNotFound(
        f"no workspace {name} in runtime {runtime}{so}",
        *(f"did you mean {match}?" for match in near),
        f"see what there is: {program} ls --runtime {runtime}",
    )


def _once(name: str, prefixes: tuple[str, ...]) -> str:
    name = _strip(name.strip(), prefixes).lower()
    name = _JOINERS.sub("-", name)
    return _DROPPED.sub("", name).strip("-")


def _strip(name: str, prefixes: tuple[str, ...]) -> str:
    while True:
        for prefix in prefixes:
            if name.lower().startswith(prefix) and len(name) > len(prefix):
                name = name[len(prefix) :]
                break
        else:
            return name
