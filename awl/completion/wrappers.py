"""The short commands that the shells' scripts define: one table for all shells.

`matrices/wrappers.yaml` is the source; a test compares the two, and the shells with both.
"""

from __future__ import annotations

__all__ = ["PROGRAMS", "WRAPPERS"]

#: The launcher's own names.
PROGRAMS = ("awl", "agent-workspace-launcher")
#: A short command, and the words that it stands for after the launcher's name.
WRAPPERS: dict[str, tuple[str, ...]] = {
    "aw": (),
    "awc": ("create",),
    "awls": ("ls",),
    "awe": ("exec",),
    "awr": ("reset",),
    "awrr": ("reset", "repo"),
    "awrw": ("reset", "work-repos"),
    "awro": ("reset", "opt-repos"),
    "awrp": ("reset", "private-repo"),
    "awm": ("rm",),
    "awa": ("auth",),
    "awah": ("auth", "github"),
    "awac": ("auth", "codex"),
    "awag": ("auth", "gpg"),
    "awt": ("tunnel",),
}
