"""Where things stand on this machine (NAME-6): pure functions of the environment.

Plain strings, not `pathlib`, whose import costs a tenth of the time that `exec` may take.
"""

# Plain strings: see above.
# ruff: noqa: PTH100, PTH111

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from awl.errors import AwlError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AREAS", "OWN", "inside", "root"]

#: The launcher's own folder: of the root (records, locks, half-made things) and of a workspace.
OWN = ".awl"
#: Folders of a workspace, each with its mode: those that hold credentials are the person's alone.
AREAS: tuple[tuple[str, int], ...] = (
    ("work", 0o755),
    ("opt", 0o755),
    ("private", 0o700),
    ("auth", 0o700),
    (".codex", 0o700),
)
_BELOW_STATE = "agent-workspace-launcher/workspaces"


def root(environment: Mapping[str, str]) -> str:
    """Return the absolute path of the folder that holds workspaces and records.

    `AGENT_WORKSPACE_HOME`, else below `XDG_STATE_HOME` (ignored where relative, as the XDG base
    directory specification says), else below `~/.local/state`. Empty variables count as unset.
    """
    if home := environment.get("AGENT_WORKSPACE_HOME"):
        return os.path.abspath(home)
    state = environment.get("XDG_STATE_HOME", "")
    if state.startswith("/"):
        return os.path.abspath(f"{state}/{_BELOW_STATE}")
    person = environment.get("HOME") or os.path.expanduser("~")
    if not person.startswith("/"):
        raise AwlError(
            "there is no home folder to keep workspaces in: HOME is not an absolute path",
            "set AGENT_WORKSPACE_HOME=/a/folder",
        )
    return os.path.abspath(f"{person}/.local/state/{_BELOW_STATE}")


def inside(path: str, folder: str) -> bool:
    """Tell whether `path` is `folder` or lies below it, by names alone (no links are followed)."""
    path, folder = os.path.normpath(path), os.path.normpath(folder)
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")
