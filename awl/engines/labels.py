"""The labels by which the launcher knows its own containers and volumes (NAME-4)."""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH123

from __future__ import annotations

import os

__all__ = ["INSTALLATION", "WORKSPACE", "installation"]

#: Holds the workspace's name.
WORKSPACE = "awl.workspace"
#: Holds whose it is: see `installation`.
INSTALLATION = "awl.installation"


def installation(root: str) -> str:
    """Return what tells this root on this machine from all others that use the same engine."""
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            machine = file.read().strip()
    except OSError:
        machine = os.uname().nodename
    import hashlib

    key = f"{machine}:{os.getuid()}:{os.path.realpath(root)}"
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:20]
