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
    """What carries this installation's labels: (id or name, workspace)."""

    containers: tuple[tuple[str, str], ...]
    volumes: tuple[tuple[str, str], ...]


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
            yield Finding(
                "half-made",
                "container",
                name,
                "its container has no record: a create was killed, or failed and was kept",
                f"awl rm {name} --runtime container",
                partial(_remove, engine, context, name),
            )
    kept = context.store.records("kept")
    for volume, name in seen.volumes:
        if name in whole or name in half or volume in kept.get(name, {}).get("volumes", ()):
            continue
        if not context.store.busy("container", name):
            yield Finding(
                "stray-volume",
                "container",
                volume,
                f"it belongs to workspace {name}, which does not exist",
                shell_line((engine.client, "volume", "rm", volume)),
                partial(_remove_volume, engine, context, volume, name),
            )


def _look(engine: Docker, context: Context) -> _Seen:
    containers = _rows(engine, context, "ID", "ps", "--all", "--no-trunc")
    return _Seen(containers, _rows(engine, context, "Name", "volume", "ls"))


def _rows(
    engine: Docker, context: Context, key: str, *words: str, name: str | None = None
) -> tuple[tuple[str, str], ...]:
    # One filter only: Podman lists what meets any of several.
    mine = installation(context.store.root)
    shown = (key, f"label:{WORKSPACE}", f"label:{INSTALLATION}")
    rows = engine.rows(*words, "--filter", f"label={WORKSPACE}", fields=shown)
    ours = ((row[0], row[1]) for row in rows if row[2] == mine)
    return tuple(sorted(row for row in ours if name in {None, row[1]}))


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


def _remove(engine: Docker, context: Context, name: str) -> None:
    """Remove what is half made; under the lock of its name nobody is making it."""
    with context.store.lock("container", name):
        record = read_document(context.store.record("container", name))
        if record is not None and _is_whole(record):
            return  # another call has been here meanwhile
        found = _rows(engine, context, "ID", "ps", "--all", "--no-trunc", name=name)
        for container, _ in found:
            executor = EngineExecutor(engine, container, name)
            refuse_loss(gitops.at_risk(executor, REPOSITORIES, ()))
        if found:
            _done(engine, "rm", "--force", "--volumes", *(container for container, _ in found))
        kept = context.store.records("kept").get(name, {}).get("volumes", ())
        left = _rows(engine, context, "Name", "volume", "ls", name=name)
        if volumes := [volume for volume, _ in left if volume not in kept]:
            _done(engine, "volume", "rm", *volumes)
        context.store.forget("container", name)


def _remove_volume(engine: Docker, context: Context, volume: str, name: str) -> None:
    with context.store.lock("container", name):
        kept = context.store.records("kept").get(name, {}).get("volumes", ())
        if volume in kept or os.path.lexists(context.store.record("container", name)):
            return  # another call has been here meanwhile
        _done(engine, "volume", "rm", volume)


def _done(engine: Docker, *words: str) -> None:
    done = engine.call(*words, limit=_REMOVE_LIMIT)
    if done.code != 0:
        raise AwlError(f"{engine.client} {words[0]} failed: {done.words}")
