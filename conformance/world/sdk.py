"""An independent eye on a real engine: the docker SDK, over the engine's own socket.

The client that a launcher uses is never the only witness: this one shares no code with it. Podman's
service speaks the same interface.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Self

import docker
from attrs import field, frozen
from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

__all__ = ["EngineBlindError", "EngineEye", "Seen"]

_SECONDS = 60


class EngineBlindError(RuntimeError):
    """The engine cannot be looked at."""


@frozen
class Seen:
    """One container as the engine has it.

    ``mounts``: place inside -> (kind, name or source, writable). ``ports``: as published. Limits
    are 0 where there is none: ``memory`` in bytes, ``pids``, ``cpus`` in units of 1e-9.
    """

    id: str
    name: str
    image: str
    state: str
    user: str
    labels: Mapping[str, str] = field(factory=dict)
    mounts: Mapping[str, tuple[str, str, bool]] = field(factory=dict)
    network: str = ""
    ports: Mapping[str, Any] = field(factory=dict)
    memory: int = 0
    pids: int = 0
    cpus: int = 0
    privileged: bool = False
    read_only: bool = False
    added_capabilities: tuple[str, ...] = ()
    dropped_capabilities: tuple[str, ...] = ()


class EngineEye:
    """Looks at the engine at ``address`` (``unix:///…`` or ``tcp://…``); changes nothing."""

    def __init__(self, address: str) -> None:
        try:
            self._client = docker.DockerClient(base_url=address, version="auto", timeout=_SECONDS)
        except DockerException as error:
            raise EngineBlindError(f"the docker SDK cannot reach {address}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def containers(self, prefix: str) -> dict[str, Seen]:
        """The containers whose names begin with ``prefix``, by name, running or not."""
        return {one.name: one for one in map(_seen, self.documents(prefix))}

    def documents(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        """The same containers as the engine's own documents; one that goes meanwhile is left out.

        EngineBlindError where the engine does not answer.
        """
        try:
            for row in self._client.api.containers(all=True, filters={"name": prefix}):
                with contextlib.suppress(NotFound):
                    document = self._client.api.inspect_container(row["Id"])
                    if document["Name"].removeprefix("/").startswith(prefix):
                        yield document
        except (DockerException, RequestException) as error:
            raise EngineBlindError(f"the docker SDK cannot look at the engine: {error}") from error

    def volumes(self, prefix: str) -> frozenset[str]:
        """The volumes whose names begin with ``prefix``."""
        rows = self._client.api.volumes(filters={"name": prefix}).get("Volumes") or ()
        return frozenset(row["Name"] for row in rows if row["Name"].startswith(prefix))


def _seen(document: Mapping[str, Any]) -> Seen:
    config, host = document["Config"], document["HostConfig"]
    return Seen(
        id=document["Id"],
        name=document["Name"].removeprefix("/"),
        image=config["Image"],
        state=document["State"]["Status"],
        user=config["User"],
        labels=config["Labels"] or {},
        mounts={
            mount["Destination"]: (
                mount["Type"],
                mount.get("Name") or mount["Source"],
                bool(mount["RW"]),
            )
            for mount in document["Mounts"]
        },
        network=host["NetworkMode"],
        ports=host.get("PortBindings") or {},
        memory=host.get("Memory") or 0,
        pids=host.get("PidsLimit") or 0,
        cpus=host.get("NanoCpus") or 0,
        privileged=bool(host["Privileged"]),
        read_only=bool(host["ReadonlyRootfs"]),
        added_capabilities=tuple(host.get("CapAdd") or ()),
        dropped_capabilities=tuple(host.get("CapDrop") or ()),
    )
