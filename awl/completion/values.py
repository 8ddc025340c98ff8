"""Values that are looked up: workspaces, repositories, profiles, images.

A look-up that fails or takes too long gives nothing: a TAB never shows an error (COMP-1b). What
the two built-in runtimes hold is read from records, without an engine.
"""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH110, PTH208

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from awl import config
from awl.errors import AwlError
from awl.paths import OWN, root
from awl.runtimes import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import FrameType

    from awl.session import Session

__all__ = ["images", "profiles", "repositories", "runtimes", "workspaces"]

#: Seconds that one look-up may take.
LIMIT = 1.0


class _TimeUp(Exception):  # noqa: N818 - no error: the look-up is given up
    """A look-up has taken too long."""


def runtimes(session: Session) -> tuple[str, ...]:
    """Return the names of runtimes, with their other names."""
    del session
    return _within_limit(lambda: (*registry.names(), *registry.ALIASES)) or tuple(registry.ALIASES)


def workspaces(session: Session) -> tuple[str, ...]:
    """Return the names of the workspaces of the chosen runtime, in order."""
    return _within_limit(lambda: _workspaces(session))


def repositories(session: Session, workspace: str) -> tuple[str, ...]:
    """Return the paths of the repositories that a workspace was made with."""
    return _within_limit(lambda: _repositories(session, workspace))


def profiles(session: Session) -> tuple[str, ...]:
    """Return the names of codex profiles."""
    return _within_limit(lambda: _profiles(session.environment))


def images(session: Session) -> tuple[str, ...]:
    """Return the image that this version is pinned to, and those that the engine has."""
    found = _within_limit(lambda: _images(session))
    return tuple(dict.fromkeys((config.DEFAULT_IMAGE, *found)))


def _within_limit(look: Callable[[], Iterable[str]]) -> tuple[str, ...]:
    def give_up(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise _TimeUp

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        return tuple(look())
    except (AwlError, OSError, _TimeUp):
        return ()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _workspaces(session: Session) -> list[str]:
    name = registry.canonical(session.runtime_setting)
    folder = root(session.environment)
    if name == "host":
        return sorted(
            entry
            for entry in os.listdir(folder)
            if entry != OWN and os.path.exists(f"{folder}/{entry}/{OWN}/workspace.json")
        )
    if name == "container":
        records = sorted(os.listdir(f"{folder}/{OWN}/container"))
        return [record.removesuffix(".json") for record in records if record.endswith(".json")]
    return [workspace.name for workspace in session.runtime().list().workspaces]


def _repositories(session: Session, workspace: str) -> list[str]:
    from awl.store import read_document

    name = session.name(workspace)
    folder = root(session.environment)
    if registry.canonical(session.runtime_setting) == "host":
        document = read_document(f"{folder}/{name}/{OWN}/workspace.json")
    else:
        document = read_document(f"{folder}/{OWN}/container/{name}.json")
    try:
        return [str(repo["path"]) for repo in (document or {})["repos"]]
    except (KeyError, TypeError):
        return []


def _profiles(environment: Mapping[str, str]) -> list[str]:
    folder = environment.get("CODEX_SECRET_DIR")
    return sorted({entry.removesuffix(".json") for entry in os.listdir(folder)}) if folder else []


def _images(session: Session) -> list[str]:
    from awl.engines.choice import choose

    if registry.canonical(session.runtime_setting) != "container":
        return []
    shown = ("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
    done = choose(session.context.engine, session.environment).call(*shown, limit=LIMIT)
    return sorted(line for line in done.text.splitlines() if "<none>" not in line)
