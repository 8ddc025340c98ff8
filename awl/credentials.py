"""Where credentials lie in a workspace, and what makes them count there (AUTH-3, AUTH-5).

In a container the home folder is the workspace's own, and its programs look there by themselves. A
workspace of the host shares the person's home, which is left as it is: variables lead git and codex
to what the workspace has of its own.
"""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH110

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AUTH", "CODEX", "GIT_SETTINGS", "variables"]

#: The folder of credentials, relative to the workspace.
AUTH = "auth"
#: The folder of codex, and the name of its credentials in there.
CODEX = (".codex", "auth.json")
#: Git settings of the workspace: which credentials to use for which host, which key to sign with.
GIT_SETTINGS = f"{AUTH}/gitconfig"


def variables(folder: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what to add to `environment` for a command in the host workspace `folder`.

    Nothing, until credentials have been handed to it. Settings that the person has in
    `GIT_CONFIG_COUNT` stay, and the workspace's come after them.
    """
    found = {}
    settings = f"{folder}/{GIT_SETTINGS}"
    count = environment.get("GIT_CONFIG_COUNT") or "0"
    if count.isdecimal() and os.path.exists(settings):
        found = {
            "GIT_CONFIG_COUNT": str(int(count) + 1),
            f"GIT_CONFIG_KEY_{count}": "include.path",
            f"GIT_CONFIG_VALUE_{count}": settings,
        }
    if os.path.exists(f"{folder}/{'/'.join(CODEX)}"):
        found["CODEX_HOME"] = f"{folder}/{CODEX[0]}"
    return found
