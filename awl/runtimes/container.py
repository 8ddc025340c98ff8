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
from awl.engines import choice, labels
from awl.engines.belongings import Belongings
from awl.engines.docker import Docker
from awl.engines.executor import EngineExecutor
from awl.errors import AwlError, WorkspaceExists, WorkspaceNotFound
from awl.model import Capabilities, Listing, Workspace
from awl.store import read_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from awl.model import CreateSpec
    from awl.runtimes.api import Context, Populate

__all__ = ["ContainerRuntime"]

_LABEL = labels.WORKSPACE
_INSTALLATION = labels.INSTALLATION
# Docker says how it is; Podman since when ("Up 3 minutes ago").
_RUNNING = ("running", "restarting", "up ")


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
        own = self._belongings(spec.name)
        program_is_there = self._engine.program  # before anything is made
        del program_is_there
        with self._store.lock("container", spec.name):
            self._refuse_existing(spec.name)
            kept = own.volumes_before()
            try:
                told = self._told(image) if spec.pull else None
                whole = own.run(
                    image, pull=spec.pull, kept=kept, stated=self._stated(spec.name), told=told
                )
                if image != config.DEFAULT_IMAGE and (problem := own.hand_over(whole)):
                    self._context.warn(f"folders of the container may not be writable: {problem}")
                repos = populate(EngineExecutor(self._engine, whole, spec.name))
                workspace = Workspace(
                    name=spec.name,
                    runtime="container",
                    engine=self._engine.name,
                    status="running",
                    path=None,
                    container=own.container,
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
                self._give_up(spec, own, kept, error)
                raise
        return workspace

    def rehearse(self, spec: CreateSpec) -> EngineExecutor:
        """Call what `create` would call to begin with; see `awl.runtimes.api.Rehearsal`."""
        own = self._belongings(spec.name)
        self._refuse_existing(spec.name)
        image = config.image(spec.image, self._environment).value
        self._engine.call(*own.run_words(image, pull=spec.pull))
        return EngineExecutor(self._engine, own.container, spec.name)

    def executor(self, name: str) -> EngineExecutor:
        """Return the way into the container of `name`, by the id that its record holds."""
        document = self._record(name)
        if document is None:
            raise naming.unknown(name, self.name, self._store.names("container"))
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
            own = self._belongings(name)
            ids = own.containers(document.get("container_id"))
            if not ids and not os.path.lexists(self._store.record("container", name)):
                raise naming.unknown(name, self.name, self._store.names("container"))
            own.remove_containers(ids)
            if keep_volumes:
                # Tells them from volumes that a killed `create` has left.
                self._store.commit("kept", name, {"volumes": sorted(own.volumes())})
            else:
                own.remove_volumes(own.volumes())
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

    def _belongings(self, name: str) -> Belongings:
        return Belongings(self._engine, name, self._container(name), self._installation)

    def _stated(self, name: str) -> set[str]:
        """Return the volumes that `rm --keep-volumes` has left, and not a launcher that died."""
        volumes = (read_document(self._store.record("kept", name)) or {}).get("volumes")
        return set(volumes) if isinstance(volumes, list) else set()

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

    def _refuse_existing(self, name: str) -> None:
        if os.path.lexists(self._store.record("container", name)):
            raise WorkspaceExists(
                f"workspace {name} exists in runtime container",
                f"use it: awl exec {name} --runtime container",
                "or choose another name with --name",
            )

    # ------------------------------------------------------------ making and undoing

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

    def _give_up(
        self, spec: CreateSpec, own: Belongings, kept: set[str], error: BaseException
    ) -> None:
        if spec.keep_failed and isinstance(error, AwlError):
            if own.containers():
                error.hint += (
                    f"kept for a look, half made: container {own.container}",
                    f"away with it: awl rm {spec.name} --runtime container",
                )
            return
        # An engine that was interrupted may finish what it began a moment later.
        for patience in (0.0, 0.3, 0.7) if not isinstance(error, AwlError) else (0.0,):
            time.sleep(patience)
            with contextlib.suppress(AwlError):  # the error that led here is the one to report
                own.remove_containers(own.containers())
                own.remove_volumes(own.volumes() - kept)


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
