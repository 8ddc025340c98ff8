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

from awl import config, naming
from awl.engines import labels
from awl.engines.docker import Docker, fields
from awl.engines.executor import HOME, WORK, EngineExecutor
from awl.errors import (
    AwlError,
    ImageNotFound,
    ImagePullFailed,
    ValueInvalid,
    WorkspaceExists,
    WorkspaceNotFound,
)
from awl.model import Capabilities, Listing, Workspace
from awl.store import read_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from awl import proc
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
_RUNNING = frozenset({"running", "restarting"})


class ContainerRuntime:
    """Workspaces in containers of Docker Engine."""

    name = "container"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._environment = context.environment
        self._engine = Docker(context.environment)

    def capabilities(self) -> Capabilities:
        """Everything of this version of the contract."""
        return Capabilities({})

    def check(self) -> None:
        """Raise the error of an engine that does not answer."""
        self._engine.ask("version", "--format", "{{.Server.Version}}")

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
                document = {**workspace.document(), "container_id": whole}
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
        return EngineExecutor(self._engine, document["container_id"], name)

    def list(self) -> Listing:
        """Join the records with one listing of the engine's containers."""
        rows = self._engine.rows(
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            f"label={_LABEL}",
            fields=fields("ID", "State", "Names", f"label:{_LABEL}", f"label:{_INSTALLATION}"),
        )
        states = {row[0]: row[1] for row in rows}
        found, half, recorded = [], set(), set()
        for name in self._store.names("container"):
            document = read_document(self._store.record("container", name)) or {}
            if (workspace := _read(document, name)) is not None:
                recorded.add(document["container_id"])
                status = _status(states.get(document["container_id"]))
                found.append(workspace._replace(status=status))
            elif naming.is_normal(name):
                half.add(name)
                self._context.warn(f"the record of {name} is unreadable; remove it: awl rm {name}")
        for whole, _, shown, label, installation in rows:
            if whole not in recorded and installation == self._installation and label not in half:
                half.add(label)
                self._context.warn(f"container {shown} is half made; remove it: awl rm {label}")
        return Listing(tuple(found), tuple(sorted(half)))

    def remove(self, name: str, *, keep_volumes: bool) -> None:
        """Remove the container, then its volumes, then its record: what is left can be found."""
        with self._store.lock("container", name):
            document = self._record(name) or {}
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

    # ------------------------------------------------------------ what there is

    @property
    def _installation(self) -> str:
        return labels.installation(self._store.root)

    def _container(self, name: str) -> str:
        return naming.container_name(config.prefix(self._environment), name)

    def _record(self, name: str) -> dict[str, Any] | None:
        document = read_document(self._store.record("container", name))
        return document if document and _read(document, name) else None

    def _ours(self, name: str, recorded: str | None = None) -> set[str]:
        """Return the containers of `name`: a record may name one that is somebody else's."""
        rows = self._engine.rows(
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            f"label={_LABEL}={name}",
            fields=fields("ID", f"label:{_INSTALLATION}"),
        )
        return {whole for whole, by in rows if by == self._installation or whole == recorded}

    def _volumes_of(self, name: str) -> set[str]:
        labelled = (f"{_LABEL}={name}", f"{_INSTALLATION}={self._installation}")
        filters = (word for label in labelled for word in ("--filter", f"label={label}"))
        return {row[0] for row in self._engine.rows("volume", "ls", *filters, fields="{{.Name}}")}

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
            fields=fields("Name", f"label:{_LABEL}", f"label:{_INSTALLATION}"),
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
        words = self._run_words(spec, container, image)
        told = self._told(image) if spec.pull else None
        done = self._engine.call(*words, limit=_RUN_LIMIT, told=told)
        if "is already in use by container" in done.words and (left := self._ours(spec.name)):
            # A launcher that was killed left it; under the lock nobody else is at it.
            self._remove_containers(left)
            stated = self._store.records("kept").get(spec.name, {}).get("volumes")
            kept.intersection_update(stated if isinstance(stated, list) else ())
            self._remove_volumes(self._volumes_of(spec.name) - kept)
            done = self._engine.call(*words, limit=_RUN_LIMIT, told=told)
        if done.code != 0:
            raise _refusal(done, container, image)
        return done.text.splitlines()[-1].strip()

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
        labels = (f"{_LABEL}={spec.name}", f"{_INSTALLATION}={self._installation}")
        mounts = [
            f"type=volume,src={container}-{part},dst={place},"
            + ",".join(f"volume-label={label}" for label in labels)
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
        words = ("exec", "--user", "0", whole, "sh", "-c", _HAND_OVER, "awl", *places)
        done = self._engine.call(*words, limit=_REMOVE_LIMIT)
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
            if done.code != 0 and "no such container" not in done.words.lower():
                raise AwlError(f"the container cannot be removed: {done.words}")

    def _remove_volumes(self, names: set[str]) -> None:
        if names:
            done = self._engine.call("volume", "rm", *sorted(names), limit=_REMOVE_LIMIT)
            if done.code != 0:
                raise AwlError(
                    f"volumes cannot be removed: {done.words}", "remove what uses them, then again"
                )


def _refusal(done: proc.Completed, container: str, image: str) -> AwlError:
    """Return the error for a `docker run` that was refused."""
    words = done.words.replace("See 'docker run --help'.", "").partition("Run 'docker run")[0]
    words = words.strip().removeprefix("docker: ")
    if "is already in use by container" in words:
        return WorkspaceExists(
            f"container {container} is in the way: it is not this launcher's, and stays as it is",
            "choose another name with --name",
        )
    if "invalid reference format" in words:
        return ValueInvalid(f"{image!r} is not an image: {words}")
    if "Unable to find image" in words:
        cause = words.partition("locally")[2].strip().removeprefix("docker: ") or words
        return ImagePullFailed(
            f"image {image} could not be pulled: {cause}",
            f"try it by hand: docker pull {image}",
            "or choose another with --image",
        )
    if "No such image" in words:
        return ImageNotFound(
            f"image {image} is not present, and --no-pull forbids to get it",
            f"get it: docker pull {image}",
        )
    return AwlError(f"container {container} cannot be started: {words}")


def _read(document: dict[str, Any], name: str) -> Workspace | None:
    try:
        workspace = Workspace.of(document)
    except (KeyError, TypeError):
        return None
    whole = document.get("container_id")
    if not isinstance(whole, str) or not whole.isalnum() or workspace.name != name:
        return None
    return workspace


def _status(state: str | None) -> str:
    if state is None:
        return "unknown"  # removed behind the launcher's back
    return "running" if state in _RUNNING else "stopped"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
