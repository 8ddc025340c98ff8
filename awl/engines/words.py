"""What engines say when they refuse, told apart (ENG-2).

The words of the client are the only way to tell a daemon that does not answer from an object that
is not there (exit codes are 1, 125 and 126 for all of these). They are matched without regard to
case, since they differ between versions, and between Docker and Podman.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.errors import EnginePermissionDenied, EngineUnreachable

if TYPE_CHECKING:
    from awl.errors import EngineError
    from awl.proc import Completed

__all__ = [
    "HEADS",
    "NAME_IN_USE",
    "NOT_RUNNING",
    "failure",
    "is_absent",
    "is_unknown_image",
]

#: How messages of a client begin, where it could not do what it was asked to.
HEADS: tuple[bytes, ...] = (
    b"Error response from daemon: ",
    b"Error: No such container: ",
    b"Cannot connect to the Docker daemon",
    b"error during connect: ",
    b"permission denied while trying to connect",
    b"Got permission denied while trying to connect",
    b"failed to connect to the docker API",
    b"unable to resolve docker endpoint",
    b"docker: ",
    # Podman's
    b"Error: can only create exec sessions on running containers",
    b"Error: no container with name or ID ",
    b"Error: no such container ",
    b"Error: unable to connect to Podman",
    b"Cannot connect to Podman",
)
#: In the words of an engine whose container does not run.
NOT_RUNNING = ("is not running", "is paused", "on running containers", "container state improper")
#: In the words of an engine that has a container of that name already.
NAME_IN_USE = "is already in use by"
_DENIED = ("permission denied while trying to connect", ".sock: connect: permission denied")
_UNREACHABLE = (
    "cannot connect to the docker daemon",
    "cannot connect to podman",
    "unable to connect to podman",
    "error during connect",
    "failed to connect to the docker api",
    "unable to resolve docker endpoint",
    "is the docker daemon running",
    "unable to parse docker host",
    "invalid bind address format",
    "context deadline exceeded",
)
_ABSENT = ("no such container", "no container with name or id", "no such object")
_UNKNOWN_IMAGE = ("no such image", "image not known")


def failure(done: Completed, client: str = "docker") -> EngineError | None:
    """Return the error of an engine that did not answer, `None` where it did (and refused)."""
    words = done.words
    said = words.lower()
    if "error response from daemon" in said:
        return None  # it answered
    if any(sign in said for sign in _DENIED):
        return EnginePermissionDenied(
            f"the engine refuses this user: {words}",
            "join its group (sudo usermod -aG docker $USER, then log in again)"
            if client == "docker"
            else "see who may use it: podman system connection list",
        )
    if any(sign in said for sign in _UNREACHABLE):
        return EngineUnreachable(
            f"the engine does not answer: {words}",
            "start it (sudo systemctl start docker), or see that DOCKER_HOST is right"
            if client == "docker"
            else "see where it is looked for: podman system connection list",
        )
    return None


def is_absent(words: str) -> bool:
    """Tell whether these words are of a container that is not there."""
    return any(sign in words.lower() for sign in _ABSENT)


def is_unknown_image(words: str) -> bool:
    """Tell whether these words are of an image that is not there."""
    return any(sign in words.lower() for sign in _UNKNOWN_IMAGE)
