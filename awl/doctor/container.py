"""Workspaces in containers: the engine, the image, and what is half made, stray or gone."""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH108

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from awl import config, gitops
from awl.doctor.files import entries
from awl.doctor.finding import Finding, of_error
from awl.doctor.host import REPOSITORIES, refuse_loss
from awl.engines import choice
from awl.engines.executor import EngineExecutor
from awl.engines.labels import INSTALLATION, WORKSPACE, installation
from awl.errors import AwlError, ImagePullFailed
from awl.model import Workspace
from awl.paths import OWN
from awl.redact import shell_line
from awl.store import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awl.engines.docker import Docker
    from awl.runtimes.api import Context

__all__ = ["examine"]

_PULL_LIMIT = 1800.0
_REMOVE_LIMIT = 60.0


class _Seen(NamedTuple):
    """What carries this installation's labels: (id or name, workspace).

    `names` has the names of containers by their ids.
    """

    containers: tuple[tuple[str, str], ...]
    volumes: tuple[tuple[str, str], ...]
    names: dict[str, str]

    def of(self, name: str, kept: frozenset[str]) -> _Things:
        """Return what belongs to the workspace `name`, without the volumes that are kept."""
        volumes = (volume for volume, owner in self.volumes if owner == name)
        return _Things(
            tuple(container for container, owner in self.containers if owner == name),
            tuple(volume for volume in volumes if volume not in kept),
        )


class _Things(NamedTuple):
    """Ids of containers, and names of volumes."""

    containers: tuple[str, ...]
    volumes: tuple[str, ...]


def examine(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the engine, and where it answers with the workspaces in it."""
    engine = choice.choose(context.engine, context.environment)
    try:
        engine.check()
        image = config.image(None, context.environment).value
        seen = _look(engine, context)
    except AwlError as error:
        yield of_error(error, "container", engine.client)
        return
    if engine.call("image", "inspect", "--format", "{{.Id}}", image).code != 0:
        yield Finding(
            "image-missing",
            "container",
            image,
            "the image is not present: the next create has to get it first",
            shell_line((engine.client, "pull", image)),
            partial(_pull, engine, image),
        )
    records = context.store.records("container")
    whole = {name: record for name, record in records.items() if _is_whole(record)}
    here = {name: record for name, record in whole.items() if _is_of(engine, record)}
    yield from _gone(engine, here)
    yield from _spoilt(context, whole, seen)
    recorded = {record["container_id"] for record in whole.values()}
    half = {name for container, name in seen.containers if container not in recorded}
    for name in sorted(half):
        if not context.store.busy("container", name):
            things = seen.of(name, _kept(context, name))
            containers = (f"container {seen.names[container]}" for container in things.containers)
            yield Finding(
                "half-made",
                "container",
                name,
                "its container has no record: a create was killed, or failed and was kept",
                f"awl rm {name} --runtime container",
                partial(_remove, engine, context, name, things),
                (*containers, *(f"volume {volume}" for volume in things.volumes)),
            )
    for volume, name in seen.volumes:
        if name in whole or name in half or volume in _kept(context, name):
            continue
        if not context.store.busy("container", name):
            yield Finding(
                "stray-volume",
                "container",
                volume,
                f"it belongs to workspace {name}, which does not exist",
                shell_line((engine.client, "volume", "rm", volume)),
                partial(_remove_volume, engine, context, volume, name),
                (f"volume {volume}",),
            )


def _look(engine: Docker, context: Context) -> _Seen:
    # One filter only: Podman lists what meets any of several.
    mine = installation(context.store.root)
    labels = (f"label:{WORKSPACE}", f"label:{INSTALLATION}")
    only = ("--filter", f"label={WORKSPACE}")
    found = engine.rows("ps", "--all", "--no-trunc", *only, fields=("ID", *labels, "Names"))
    containers = [row for row in found if row[2] == mine]
    volumes = engine.rows("volume", "ls", *only, fields=("Name", *labels))
    return _Seen(
        tuple(sorted((row[0], row[1]) for row in containers)),
        tuple(sorted((row[0], row[1]) for row in volumes if row[2] == mine)),
        {row[0]: row[3] for row in containers},
    )


def _kept(context: Context, name: str) -> frozenset[str]:
    """Return the volumes that `rm --keep-volumes` has kept of a workspace."""
    record = read_document(context.store.record("kept", name)) or {}
    return frozenset(record.get("volumes", ()))


def _is_whole(record: dict[str, Any]) -> bool:
    try:
        Workspace.of(record)
    except (KeyError, TypeError):
        return False
    return isinstance(record.get("container_id"), str)


def _is_of(engine: Docker, record: dict[str, Any]) -> bool:
    return record.get("client") == engine.client or record.get("engine") == engine.name


def _gone(engine: Docker, whole: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    if not whole:
        return
    there = {row[0] for row in engine.rows("ps", "--all", "--no-trunc", fields=("ID",))}
    for name, record in whole.items():
        if record["container_id"] not in there:
            yield Finding(
                "container-gone",
                "container",
                name,
                "its container was removed by somebody else; its volumes may still hold work",
                f"awl rm {name} --runtime container",
            )


def _spoilt(context: Context, whole: dict[str, Any], seen: _Seen) -> Iterator[Finding]:
    folder = f"{context.store.root}/{OWN}/container"
    with_container = {name for _, name in seen.containers}
    for entry in entries(folder):
        name, dot, rest = entry.partition(".json")
        # One with a container is half made, and reported as that.
        if not dot or rest or name in whole or name in with_container:
            continue
        path = f"{folder}/{entry}"
        yield Finding(
            "record-spoilt",
            "container",
            name,
            f"its record cannot be read, and stands in the way of a new one: {path}",
            shell_line(("rm", path)),
            partial(_forget, context, name),
            (path,),
        )


def _pull(engine: Docker, image: str) -> None:
    done = engine.call("pull", "--quiet", image, limit=_PULL_LIMIT)
    if done.code != 0:
        raise ImagePullFailed(f"it could not be pulled: {done.words}")


def _forget(context: Context, name: str) -> None:
    with context.store.lock("container", name):
        record = read_document(context.store.record("container", name))
        if record is None or not _is_whole(record):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(context.store.record("container", name))


def _remove(engine: Docker, context: Context, name: str, things: _Things) -> None:
    """Remove what is half made, and was shown; under the lock of its name nobody is making it."""
    with context.store.lock("container", name):
        record = read_document(context.store.record("container", name))
        if record is not None and _is_whole(record):
            return  # another call has been here meanwhile
        now = _look(engine, context).of(name, _kept(context, name))
        containers = [one for one in things.containers if one in now.containers]
        for container in containers:
            executor = EngineExecutor(engine, container, name)
            refuse_loss(gitops.at_risk(executor, REPOSITORIES, ()))
        if containers:
            _done(engine, "rm", "--force", "--volumes", *containers)
        if volumes := [one for one in things.volumes if one in now.volumes]:
            _done(engine, "volume", "rm", *volumes)
        context.store.forget("container", name)


def _remove_volume(engine: Docker, context: Context, volume: str, name: str) -> None:
    with context.store.lock("container", name):
        if volume in _kept(context, name) or os.path.lexists(
            context.store.record("container", name)
        ):
            return  # another call has been here meanwhile
        _done(engine, "volume", "rm", volume)


def _done(engine: Docker, *words: str) -> None:
    done = engine.call(*words, limit=_REMOVE_LIMIT)
    if done.code != 0:
        raise AwlError(f"{engine.client} {words[0]} failed: {done.words}")
