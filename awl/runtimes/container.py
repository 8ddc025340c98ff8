"""The container runtime: a workspace is a container of an engine, with three volumes.

A workspace exists when its record does (written last: the commit of `create`) and the engine has
the container of that id. What carries this installation's labels without a record is half made.
Nothing without the labels is ever touched (NAME-4).
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

from awl import config, naming, proc
from awl.engines import choice, labels, words
from awl.engines.docker import Docker
from awl.engines.executor import HOME, WORK, EngineExecutor
from awl.errors import (
    AwlError,
    ImageNotFound,
    ImagePullFailed,
    NoSpace,
    ValueInvalid,
    WorkspaceExists,
    WorkspaceNotFound,
)
from awl.model import Capabilities, Listing, Workspace
from awl.store import read_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from awl.model import CreateSpec
    from awl.runtimes.api import Context, Populate

__all__ = ["ContainerRuntime"]

_LABEL = labels.WORKSPACE
_INSTALLATION = labels.INSTALLATION
_VOLUMES = (("work", WORK), ("home", HOME), ("codex", f"{HOME}/.codex"))
#: Seconds for a run that may have to pull, and for a removal.
_RUN_LIMIT = 1800.0
_REMOVE_LIMIT = 60.0
# The first process is the engine's, and runs as the image's user.
_HAND_OVER = """user=$(stat -c %u:%g /proc/1) || exit
for place do [ "$(stat -c %u "$place")" != 0 ] || chown "$user" "$place" || exit; done
"""
# Docker says how it is; Podman since when ("Up 3 minutes ago").
_RUNNING = ("running", "restarting", "up ")
# How Podman says that it could not pull; Docker says first that it did not find the image.
_NOT_PULLED = ("Trying to pull", "initializing source", "short-name ")


class ContainerRuntime:
    """Workspaces in containers of Docker Engine or Podman."""

    name = "container"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._environment = context.environment
        # That of new workspaces and listings; a workspace that is there has its own.
        self._engine = choice.choose(context.engine, context.environment)
        self._turned = False

    def capabilities(self) -> Capabilities:
        """Everything of this version of the contract."""
        return Capabilities({})

    def check(self) -> None:
        """Raise the error of an engine that does not answer."""
        self._engine.check()

    def create(self, spec: CreateSpec, populate: Populate) -> Workspace:
        """Start a container with its volumes, populate it, and commit by writing its record."""
        image = config.image(spec.image, self._environment).value
        container = self._container(spec.name)
        program_is_there = self._engine.program  # before anything is made
        del program_is_there
        with self._store.lock("container", spec.name):
            self._refuse_existing(spec.name)
            kept = self._volumes_before(spec.name, container)
            try:
                whole = self._run(spec, container, image, kept)
                if image != config.DEFAULT_IMAGE:
                    self._hand_over(whole)
                repos = populate(EngineExecutor(self._engine, whole, spec.name))
                workspace = Workspace(
                    name=spec.name,
                    runtime="container",
                    engine=self._engine.name,
                    status="running",
                    path=None,
                    container=container,
                    image=image,
                    provider="guest",
                    mode="clone",
                    repos=repos,
                    created_at=_now(),
                )
                document = {
                    **workspace.document(),
                    "container_id": whole,
                    "client": self._engine.client,
                }
                self._store.commit("container", spec.name, document)
                self._store.forget("kept", spec.name)
            except BaseException as error:
                self._give_up(spec, container, kept, error)
                raise
        return workspace

    def rehearse(self, spec: CreateSpec) -> EngineExecutor:
        """Call what `create` would call to begin with; see `awl.runtimes.api.Rehearsal`."""
        container = self._container(spec.name)
        self._refuse_existing(spec.name)
        image = config.image(spec.image, self._environment).value
        self._engine.call(*self._run_words(spec, container, image))
        return EngineExecutor(self._engine, container, spec.name)

    def executor(self, name: str) -> EngineExecutor:
        """Return the way into the container of `name`, by the id that its record holds."""
        document = self._record(name)
        if document is None:
            raise WorkspaceNotFound(
                f"no workspace {name} in runtime container",
                "see what there is: awl ls --runtime container",
            )
        return EngineExecutor(self._engine_of(document, name), document["container_id"], name)

    def list(self) -> Listing:
        """Join the records with one listing of the engine's containers."""
        rows = self._engine.rows(
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            f"label={_LABEL}",
            fields=("ID", "State", "Names", f"label:{_LABEL}", f"label:{_INSTALLATION}"),
        )
        states = {row[0]: row[1] for row in rows}
        found, half, recorded = [], set(), set()
        elsewhere: dict[str, list[str]] = {}
        for name in self._store.names("container"):
            document = read_document(self._store.record("container", name)) or {}
            if (workspace := _read(document, name)) is not None:
                recorded.add(document["container_id"])
                if not self._is_here(document):
                    elsewhere.setdefault(str(workspace.engine), []).append(name)
                    continue
                status = _status(states.get(document["container_id"]))
                found.append(workspace._replace(status=status))
            elif naming.is_normal(name):
                half.add(name)
                self._context.warn(f"the record of {name} is unreadable; remove it: awl rm {name}")
        for whole, _, shown, label, installation in rows:
            if whole not in recorded and installation == self._installation and label not in half:
                half.add(label)
                self._context.warn(f"container {shown} is half made; remove it: awl rm {label}")
        for engine, names in () if self._turned else sorted(elsewhere.items()):
            self._context.warn(
                f"workspaces of engine {engine} are not listed: {', '.join(names)};"
                f" see them: awl ls --engine {engine}"
            )
        return Listing(tuple(found), tuple(sorted(half)))

    def remove(self, name: str, *, keep_volumes: bool) -> None:
        """Remove the container, then its volumes, then its record: what is left can be found."""
        with self._store.lock("container", name):
            document = self._record(name) or {}
            self.turn_to(name)
            ids = self._ours(name, document.get("container_id"))
            if not ids and not os.path.lexists(self._store.record("container", name)):
                raise WorkspaceNotFound(f"no workspace {name} in runtime container")
            self._remove_containers(ids)
            if keep_volumes:
                # Tells them from volumes that a killed `create` has left.
                self._store.commit("kept", name, {"volumes": sorted(self._volumes_of(name))})
            else:
                self._remove_volumes(self._volumes_of(name))
                self._store.forget("kept", name)
            self._store.forget("container", name)

    def turn_to(self, name: str) -> None:
        """Speak to the engine that the record of `name` names; see `awl.runtimes.api.OfEngines`."""
        document = self._record(name)
        if document is not None:
            self._engine = self._engine_of(document, name)
            self._turned = True

    # ------------------------------------------------------------ what there is

    @property
    def _installation(self) -> str:
        return labels.installation(self._store.root)

    def _container(self, name: str) -> str:
        return naming.container_name(config.prefix(self._environment), name)

    def _record(self, name: str) -> dict[str, Any] | None:
        document = read_document(self._store.record("container", name))
        return document if document and _read(document, name) else None

    def _engine_of(self, document: dict[str, Any], name: str) -> Docker:
        """Return the engine that a record names; another one was chosen: `WorkspaceNotFound`."""
        engine = str(document.get("engine") or "docker")
        client = _client(document)
        chosen = choice.meant(self._context.engine)
        if chosen not in {None, engine, client}:
            raise WorkspaceNotFound(
                f"no workspace {name} in engine {chosen}; there is one in {engine}",
                f"for that one: --engine {engine}",
                details={"engines": [engine]},
            )
        if proc.on_path(client, self._environment) is None:
            client = engine  # it was made by another name of the same engine
        return Docker(self._environment, client)

    def _is_here(self, document: dict[str, Any]) -> bool:
        """Tell whether a recorded workspace is in the engine that is listed."""
        if _client(document) == self._engine.client:
            return True
        return bool(document["engine"] == self._engine.name)

    def _ours(self, name: str, recorded: str | None = None) -> set[str]:
        """Return the containers of `name`: a record may name one that is somebody else's."""
        rows = self._engine.rows(
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            f"label={_LABEL}={name}",
            fields=("ID", f"label:{_INSTALLATION}"),
        )
        return {whole for whole, by in rows if by == self._installation or whole == recorded}

    def _volumes_of(self, name: str) -> set[str]:
        # One filter only: Podman lists what meets any of several.
        rows = self._engine.rows(
            "volume",
            "ls",
            "--filter",
            f"label={_LABEL}={name}",
            fields=("Name", f"label:{_LABEL}", f"label:{_INSTALLATION}"),
        )
        return {row[0] for row in rows if row[1:] == [name, self._installation]}

    def _refuse_existing(self, name: str) -> None:
        if os.path.lexists(self._store.record("container", name)):
            raise WorkspaceExists(
                f"workspace {name} exists in runtime container",
                f"use it: awl exec {name} --runtime container",
                "or choose another name with --name",
            )

    def _volumes_before(self, name: str, container: str) -> set[str]:
        """Return the volumes that are there already; a foreign one of the name is refused."""
        wanted = {f"{container}-{part}" for part, _ in _VOLUMES}
        kept = set()
        rows = self._engine.rows(
            "volume",
            "ls",
            "--filter",
            f"name={container}-",
            fields=("Name", f"label:{_LABEL}", f"label:{_INSTALLATION}"),
        )
        for volume, label, installation in rows:
            if volume not in wanted:
                continue
            if (label, installation) != (name, self._installation):
                raise WorkspaceExists(
                    f"volume {volume} is in the way: it is not this launcher's, and stays as it is",
                    "choose another name with --name",
                )
            kept.add(volume)
        return kept

    # ------------------------------------------------------------ making and undoing

    def _run(self, spec: CreateSpec, container: str, image: str, kept: set[str]) -> str:
        told = self._told(image) if spec.pull else None
        self._make_volumes(spec, container, kept)
        said = self._run_words(spec, container, image)
        done = self._engine.call(*said, limit=_RUN_LIMIT, told=told)
        if words.NAME_IN_USE in done.words and (left := self._ours(spec.name)):
            # A launcher that was killed left it; under the lock nobody else is at it.
            self._remove_containers(left)
            stated = self._store.records("kept").get(spec.name, {}).get("volumes")
            kept.intersection_update(stated if isinstance(stated, list) else ())
            self._remove_volumes(self._volumes_of(spec.name) - kept)
            self._make_volumes(spec, container, kept)
            done = self._engine.call(*said, limit=_RUN_LIMIT, told=told)
        if done.code != 0:
            raise _refusal(done, container, image, self._engine.client)
        return done.text.splitlines()[-1].strip()

    def _make_volumes(self, spec: CreateSpec, container: str, kept: set[str]) -> None:
        """Make the volumes beforehand where `run` cannot put labels on those that it makes."""
        if self._engine.name != "podman":
            return
        labels = [f"--label={label}" for label in self._labels(spec)]
        for part, _ in _VOLUMES:
            if (volume := f"{container}-{part}") not in kept:
                done = self._engine.call("volume", "create", *labels, volume)
                if done.code != 0 and "already exists" not in done.words:
                    raise _refusal(done, container, "", self._engine.client)

    def _labels(self, spec: CreateSpec) -> tuple[str, str]:
        return f"{_LABEL}={spec.name}", f"{_INSTALLATION}={self._installation}"

    def _told(self, image: str) -> Callable[[str], None] | None:
        """Return what hears the client while it pulls; `None` where nobody looks."""
        progress, update = self._context.progress, self._context.update
        if progress is None or update is None:
            return None

        def hear(line: str) -> None:
            if line.startswith("Unable to find image"):
                progress(f"pulling {image}")
            else:
                update(line)

        return hear

    def _run_words(self, spec: CreateSpec, container: str, image: str) -> tuple[str, ...]:
        labels = self._labels(spec)
        on_volumes = (
            ""
            if self._engine.name == "podman"
            else "".join(f",volume-label={label}" for label in labels)
        )
        mounts = [
            f"type=volume,src={container}-{part},dst={place}{on_volumes}"
            for part, place in _VOLUMES
        ]
        return (
            *("run", "--detach", "--init", "--pull", "missing" if spec.pull else "never"),
            *("--name", container, "--hostname", spec.name),
            *(word for label in labels for word in ("--label", label)),
            *(word for mount in mounts for word in ("--mount", mount)),
            *(image, "sleep", "infinity"),
        )

    def _hand_over(self, whole: str) -> None:
        """Give the user of a foreign image the folders that the engine had to make (as root)."""
        places = (place for _, place in _VOLUMES)
        said = ("exec", "--user", "0", whole, "sh", "-c", _HAND_OVER, "awl", *places)
        done = self._engine.call(*said, limit=_REMOVE_LIMIT)
        if done.code != 0:
            self._context.warn(f"folders of the container may not be writable: {done.words}")

    def _give_up(
        self, spec: CreateSpec, container: str, kept: set[str], error: BaseException
    ) -> None:
        if spec.keep_failed and isinstance(error, AwlError):
            if self._ours(spec.name):
                error.hint += (
                    f"kept for a look, half made: container {container}",
                    f"away with it: awl rm {spec.name} --runtime container",
                )
            return
        # An engine that was interrupted may finish what it began a moment later.
        for patience in (0.0, 0.3, 0.7) if not isinstance(error, AwlError) else (0.0,):
            time.sleep(patience)
            with contextlib.suppress(AwlError):  # the error that led here is the one to report
                self._remove_containers(self._ours(spec.name))
                self._remove_volumes(self._volumes_of(spec.name) - kept)

    def _remove_containers(self, ids: set[str]) -> None:
        if ids:
            done = self._engine.call(
                "rm", "--force", "--volumes", *sorted(ids), limit=_REMOVE_LIMIT
            )
            # One that is gone is as good; clients differ in whether that is a failure.
            if done.code != 0 and not words.is_absent(done.words):
                raise AwlError(f"the container cannot be removed: {done.words}")

    def _remove_volumes(self, names: set[str]) -> None:
        if names:
            done = self._engine.call("volume", "rm", *sorted(names), limit=_REMOVE_LIMIT)
            if done.code != 0:
                raise AwlError(
                    f"volumes cannot be removed: {done.words}", "remove what uses them, then again"
                )


def _refusal(done: proc.Completed, container: str, image: str, client: str) -> AwlError:
    """Return the error for a `docker run` that was refused."""
    said = done.words.replace("See 'docker run --help'.", "").partition("Run 'docker run")[0]
    said = said.strip().removeprefix("docker: ").removeprefix("Error: ")
    if words.NAME_IN_USE in said:
        return WorkspaceExists(
            f"container {container} is in the way: it is not this launcher's, and stays as it is",
            "choose another name with --name",
        )
    if words.is_full(said):
        return NoSpace(
            f"the engine has no space left for container {container}: {said}",
            f"see what could go: {client} system df",
        )
    if "invalid reference format" in said or "repository name must be lowercase" in said:
        return ValueInvalid(f"{image!r} is not an image: {said}")
    if "Unable to find image" in said or any(sign in said for sign in _NOT_PULLED):
        cause = said.partition("locally")[2].strip().removeprefix("docker: ") or said
        return ImagePullFailed(
            f"image {image} could not be pulled: {cause}",
            f"try it by hand: {client} pull {image}",
            "or choose another with --image",
        )
    if words.is_unknown_image(said):
        return ImageNotFound(
            f"image {image} is not present, and --no-pull forbids to get it",
            f"get it: {client} pull {image}",
        )
    return AwlError(f"container {container} cannot be started: {said}")


def _read(document: dict[str, Any], name: str) -> Workspace | None:
    try:
        workspace = Workspace.of(document)
    except (KeyError, TypeError):
        return None
    whole = document.get("container_id")
    if not isinstance(whole, str) or not whole.isalnum() or workspace.name != name:
        return None
    return workspace


def _client(document: dict[str, Any]) -> str:
    """Return the client that made a workspace; what stands in a file is not taken at its word."""
    named = (document.get("client"), document.get("engine"))
    return next((str(one) for one in named if one in {"docker", "podman"}), "docker")


def _status(state: str | None) -> str:
    if state is None:
        return "unknown"  # removed behind the launcher's back
    alive = state.lower().startswith(_RUNNING) and "(paused)" not in state.lower()
    return "running" if alive else "stopped"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
