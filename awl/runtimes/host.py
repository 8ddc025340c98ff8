"""The host runtime: a workspace is a plain folder below the root; no engine is asked (RT-6)."""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH101, PTH102, PTH103, PTH104, PTH116, PTH208

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import TYPE_CHECKING, Any

from awl import naming, proc
from awl.errors import AwlError, TunnelNotFound, WorkspaceExists, WorkspaceNotFound
from awl.executor import LocalExecutor
from awl.model import Capabilities, Listing, Workspace
from awl.paths import AREAS, OWN
from awl.store import read_document, write_document

if TYPE_CHECKING:
    from awl.model import CreateSpec
    from awl.runtimes.api import Context, Populate

__all__ = ["HostRuntime"]

#: Seconds that making a folder may take.
_LIMIT = 60.0
_UNSUPPORTED = {
    "create.image": "a host workspace has no image",
    "create.no-pull": "a host workspace has no image",
    "exec.root": "a host workspace has no users of its own",
    "exec.user": "a host workspace has no users of its own",
    "rm.keep-volumes": "a host workspace has no volumes",
    **dict.fromkeys(
        ("start", "stop", "stop.time", "restart", "restart.time"),
        "a host workspace is a folder, which neither runs nor stops",
    ),
    **dict.fromkeys(
        ("logs", "logs.follow", "logs.tail"),
        "a host workspace is a folder, and has no process that could print",
    ),
}


_SPOILT = Workspace(
    name="",
    runtime="host",
    engine=None,
    status="unknown",
    path=None,
    container=None,
    image=None,
    provider="host",
    mode="clone",
    repos=(),
    created_at="",
)


class HostRuntime:
    """Workspaces in folders of this machine."""

    name = "host"

    def __init__(self, context: Context) -> None:
        self._environment = context.environment
        self._store = context.store
        self._root = context.store.root

    def capabilities(self) -> Capabilities:
        """Return what plain folders cannot do."""
        return Capabilities(_UNSUPPORTED)

    def check(self) -> None:
        """Folders are always there."""

    def create(self, spec: CreateSpec, populate: Populate) -> Workspace:
        """Build the workspace aside and bring it into place by one rename."""
        name = spec.name
        with self._store.lock("host", name):
            self._clear_the_way(name)
            self._store.sweep(name)
            stage = self._store.stage(name)
            try:
                workspace = self._build(name, stage, populate)
                self._place(stage, name)
            except BaseException as error:
                self._give_up(stage, spec, error)
                raise
        return workspace

    def rehearse(self, spec: CreateSpec) -> LocalExecutor:
        """Call what `create` would call to begin with; see `awl.runtimes.api.Rehearsal`."""
        folder = self._folder(spec.name)
        if self._is_workspace(spec.name) or self._metadata(spec.name) is None:
            self._clear_the_way(spec.name)
        for area, mode in AREAS:
            words = ("mkdir", "-p", "-m", f"{mode:03o}", f"{folder}/{area}")
            proc.run(words, env=self._environment, limit=_LIMIT)
        return LocalExecutor(folder, self._environment)

    def executor(self, name: str) -> LocalExecutor:
        """Return the way into the folder of `name`."""
        if not self._is_workspace(name):
            raise self._unknown(name)
        return LocalExecutor(self._folder(name), self._environment)

    def list(self) -> Listing:
        """Return every folder of the root with metadata in it; all else there is foreign."""
        whole: list[Workspace] = []
        half: list[str] = []
        for name in self._entries():
            document = self._metadata(name)
            if document is None:
                continue
            workspace = _read(document, name, self._folder(name))
            if workspace is None:
                half.append(name)
            else:
                whole.append(workspace)
        return Listing(tuple(whole), tuple(half))

    def remove(self, name: str, *, keep_volumes: bool) -> None:
        """Remove the folder; there are no volumes to keep, which the caller has refused before."""
        del keep_volumes
        with self._store.lock("host", name):
            if self._metadata(name) is None:
                raise self._unknown(name)
            self._end_tunnel(name)
            try:
                self._store.discard(self._folder(name))
                self._store.sweep(name)
            except OSError as error:
                raise AwlError(
                    f"workspace {name} cannot be removed whole: {error.filename}: {error.strerror}",
                    f"remove what stands in the way, then: awl rm {name} --runtime host",
                ) from error

    def _end_tunnel(self, name: str) -> None:
        """End a detached tunnel: nothing else would, once its workspace is gone."""
        folder = self._folder(name)
        if os.path.lexists(f"{folder}/{OWN}/tunnel.log"):
            from awl import tunnels

            with contextlib.suppress(TunnelNotFound):
                tunnels.stop(LocalExecutor(folder, self._environment))

    def _unknown(self, name: str) -> WorkspaceNotFound:
        return naming.unknown(name, self.name, filter(self._is_workspace, self._entries()))

    def _folder(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _entries(self) -> tuple[str, ...]:
        try:
            return tuple(sorted(name for name in os.listdir(self._root) if name != OWN))
        except FileNotFoundError:
            return ()

    def _metadata(self, name: str) -> dict[str, Any] | None:
        """Return the metadata of `name` where it is the launcher's, a real folder and no link."""
        try:
            is_folder = all(
                stat.S_ISDIR(os.lstat(path).st_mode)
                for path in (self._folder(name), f"{self._folder(name)}/{OWN}")
            )
        except OSError:
            return None
        if not is_folder:
            return None
        document = read_document(f"{self._folder(name)}/{OWN}/workspace.json")
        # A folder that was copied or renamed by hand is not the workspace of its new name.
        return document if document and document.get("name") == name else None

    def _is_workspace(self, name: str) -> bool:
        document = self._metadata(name)
        return document is not None and _read(document, name, self._folder(name)) is not None

    def _clear_the_way(self, name: str) -> None:
        folder = self._folder(name)
        if not os.path.lexists(folder):
            return
        if self._metadata(name) is None:
            raise WorkspaceExists(
                f"{folder} is in the way: it is not a workspace, and stays as it is",
                "choose another name with --name",
            )
        if self._is_workspace(name):
            raise WorkspaceExists(
                f"workspace {name} exists in runtime host",
                f"use it: awl exec {name} --runtime host",
                "or choose another name with --name",
            )
        self._store.discard(folder)  # kept by --keep-failed, and had its look

    def _build(self, name: str, stage: str, populate: Populate) -> Workspace:
        for area, mode in AREAS:
            os.mkdir(f"{stage}/{area}")
            os.chmod(f"{stage}/{area}", mode)  # whatever the umask is
        os.mkdir(f"{stage}/{OWN}", 0o700)
        repos = populate(LocalExecutor(stage, self._environment))
        workspace = Workspace(
            name=name,
            runtime="host",
            engine=None,
            status="ready",
            path=self._folder(name),
            container=None,
            image=None,
            provider="host",
            mode="clone",
            repos=repos,
            created_at=_now(),
        )
        write_document(f"{stage}/{OWN}/workspace.json", workspace.document())
        return workspace

    def _place(self, stage: str, name: str) -> None:
        if os.path.lexists(self._folder(name)):
            raise WorkspaceExists(f"{self._folder(name)} has appeared meanwhile")
        os.rename(stage, self._folder(name))

    def _give_up(self, stage: str, spec: CreateSpec, error: BaseException) -> None:
        if not spec.keep_failed:
            self._store.discard(stage)
            return
        os.makedirs(f"{stage}/{OWN}", 0o700, exist_ok=True)
        document = {"name": spec.name, "failed": True}
        write_document(f"{stage}/{OWN}/workspace.json", document)
        self._place(stage, spec.name)
        if isinstance(error, AwlError):
            error.hint += (
                f"kept for a look, half made: {self._folder(spec.name)}",
                f"away with it: awl rm {spec.name} --runtime host",
            )


def _read(document: dict[str, Any], name: str, folder: str) -> Workspace | None:
    """Return the workspace that metadata tells of; `None` for one that is half made.

    An agent can write the file: where it stands and what it is called is seen, not read, and one
    that is spoilt makes the workspace no less one, with work in it that may be lost.
    """
    if document.get("failed") is True:
        return None
    try:
        workspace = Workspace.of(document)._replace(status="ready")
    except (KeyError, TypeError):
        workspace = _SPOILT._replace(created_at=_written(os.stat(folder).st_mtime))
    return workspace._replace(name=name, runtime="host", path=folder)


def _now() -> str:
    return _written(time.time())


def _written(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
