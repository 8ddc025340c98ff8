"""Paths inside a workspace, as people give them: nothing outside is ever reached (SEC-3).

A path is checked twice: by its letters, and by where its links lead once it is looked at. It is the
inside that follows links, so the answer is right in every runtime.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from awl.errors import PathInvalid
from awl.paths import AREAS, OWN, inside

if TYPE_CHECKING:
    from awl.executor import Executor

__all__ = ["Place", "locate"]

_LIMIT = 60.0
_AREAS = frozenset(area for area, _ in AREAS)
# Says where $1 and the folders after it really are (what is not there counts as it is written),
# and what is at $1: through links, but a link that leads nowhere is something else.
_LOOK = """realpath -mz -- "$@" || exit
if [ -d "$1" ]; then printf folder
elif [ -f "$1" ]; then printf file
elif [ -e "$1" ] || [ -L "$1" ]; then printf other
else printf absent
fi
"""


class Place(NamedTuple):
    """A place in a workspace.

    `path` is real and absolute, as the inside knows it; `kind` is `folder`, `file`, `other` or
    `absent`; `shown` is relative to the workspace (`work/OWNER/REPO`, empty for its top), so that
    it reads the same in every runtime; `inside` are the real folders that make up the workspace.
    """

    path: str
    kind: str
    shown: str
    inside: tuple[str, ...]


def locate(executor: Executor, text: str) -> Place:
    """Return the place that `text` names: absolute, from an area (`opt/…`), else from `work/`.

    Raises `PathInvalid` where it leads out of the workspace, by its letters or by links, and for
    the launcher's own folder.
    """
    if not text:
        raise PathInvalid("an empty path names no place", "for the work folder itself: work")
    bases = (executor.path("work"), executor.path("").rstrip("/"))
    path = _absolute(executor, text)
    _shown(path, bases, text)  # before anything outside is looked at
    looked = executor.run(("sh", "-c", _LOOK, "awl", path, *bases), limit=_LIMIT)
    if looked.code != 0:
        raise PathInvalid(f"{text} cannot be looked at: {looked.words}")
    real, *found, kind = os.fsdecode(looked.out).split("\0")
    if inside(*bases) and not inside(*found):  # somebody inside has made it a link
        raise PathInvalid(
            f"the work folder leads outside the workspace, to {found[0]}",
            f"see what has become of it: {bases[0]}",
        )
    return Place(real, kind, _shown(real, tuple(found), text), tuple(found))


def _absolute(executor: Executor, text: str) -> str:
    if text.startswith("/"):
        return os.path.normpath(text)
    area = text.partition("/")[0] in _AREAS
    return os.path.normpath(executor.path(text if area else f"work/{text}"))


def _shown(path: str, bases: tuple[str, ...], text: str) -> str:
    work, top = bases
    if inside(path, work):
        return os.path.normpath(f"work/{os.path.relpath(path, work)}")
    if not inside(path, top):
        raise PathInvalid(
            f"{text} leads outside the workspace, to {path}",
            "give a path below the work folder, or one that begins with an area, such as opt/",
        )
    shown = os.path.relpath(path, top)
    if shown.partition("/")[0] == OWN:
        raise PathInvalid(f"{text} is the launcher's own, and not for use")
    return "" if shown == "." else shown
