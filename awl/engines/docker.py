"""Docker Engine by its command line: one call each, with a time limit, and its failures told apart.

The client's words are the only way to tell a daemon that does not answer from an object that is not
there (exit codes are 1, 125 and 126 for all of these). They are matched without regard to case,
since they differ between versions of the client.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from awl import config, proc
from awl.errors import (
    AwlError,
    EngineError,
    EngineNotInstalled,
    EnginePermissionDenied,
    EngineUnreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["HEADS", "Docker", "fields"]

#: How messages of the client begin, where it could not do what it was asked to.
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
)
_DENIED = ("permission denied while trying to connect",)
_UNREACHABLE = (
    "cannot connect to the docker daemon",
    "error during connect",
    "failed to connect to the docker api",
    "unable to resolve docker endpoint",
    "is the docker daemon running",
    "unable to parse docker host",
    "invalid bind address format",
    "context deadline exceeded",
)
_SEPARATOR = "\t"


class Docker:
    """The `docker` program that the person has on PATH."""

    name = "docker"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        #: Seconds that it may take to answer.
        self.limit = config.engine_time_limit(environment)

    @property
    def program(self) -> str:
        """Its path; raises `EngineNotInstalled`."""
        found = proc.on_path(self.name, self.environment)
        if found is None:
            raise EngineNotInstalled(
                "no container engine is installed: there is no docker on PATH",
                "install Docker Engine: https://docs.docker.com/engine/install/",
            )
        return found

    def call(
        self,
        *words: str,
        limit: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | IO[bytes] = b"",
        told: Callable[[str], None] | None = None,
        stdout: IO[bytes] | None = None,
    ) -> proc.Completed:
        """Run `docker WORDS` and return what it said, whatever its exit code.

        `env` is added to the client's environment: the place for values that must not be seen in an
        argument list; `told` hears what the client says on standard error as it comes. Raises an
        `EngineError` where no engine answers, or not in time (5 s without `limit`).
        """
        seconds = limit or self.limit
        try:
            done = proc.run(
                (self.program, *words),
                env={**self.environment, **(env or {})},
                limit=seconds,
                stdin=stdin,
                told=told,
                stdout=stdout,
            )
        except proc.TimeLimitReached:
            raise EngineUnreachable(
                f"the engine does not answer: docker {words[0]} took longer than {seconds:g} s",
                "see how it is: docker version",
            ) from None
        if done.code != 0 and (error := failure(done)):
            raise error
        return done

    def ask(self, *words: str) -> str:
        """Return the output of `docker WORDS`; an exit code other than 0 raises `AwlError`."""
        done = self.call(*words)
        if done.code != 0:
            raise AwlError(f"docker {words[0]} failed: {done.words}")
        return done.text

    def rows(self, *words: str, fields: str) -> list[list[str]]:
        """Return the rows of a listing, each as the list of `fields` (see `fields`).

        A label of somebody else's can hold anything, separators too: such a row is left out.
        """
        text = self.ask(*words, "--format", fields)
        rows = (line.split(_SEPARATOR) for line in text.split("\n"))
        return [row for row in rows if len(row) == fields.count(_SEPARATOR) + 1 and row[0]]

    def status(self, container: str) -> str | None:
        """Return the state of a container (`running`, `exited`, …), `None` where there is none."""
        done = self.call("inspect", "--type", "container", "--format", _STATUS, container)
        return done.text if done.code == 0 else None

    def start(self, container: str) -> None:
        """Bring a container to run that is stopped or paused; raises `AwlError`."""
        if self.status(container) == "paused":
            self.ask("unpause", container)
            return
        done = self.call("start", container, limit=_START_LIMIT)
        if done.code != 0:
            raise AwlError(f"the container cannot be started: {done.words}")

    def stop(self, container: str, seconds: int) -> None:
        """Ask a container to stop, and kill it after `seconds`; raises `AwlError`."""
        done = self.call("stop", "-t", str(seconds), container, limit=seconds + _START_LIMIT)
        if done.code != 0:
            raise AwlError(f"the container cannot be stopped: {done.words}")


_STATUS = "{{.State.Status}}"
_START_LIMIT = 60.0


def fields(*names: str) -> str:
    """Return the format of a listing with these fields; `label:K` is the value of a label."""
    return _SEPARATOR.join(
        '{{.Label "' + name[6:] + '"}}' if name.startswith("label:") else "{{." + name + "}}"
        for name in names
    )


def failure(done: proc.Completed) -> EngineError | None:
    """Return the error of an engine that did not answer, `None` where it did (and refused)."""
    words = done.words
    said = words.lower()
    if "error response from daemon" in said:
        return None  # it answered
    if any(sign in said for sign in _DENIED):
        return EnginePermissionDenied(
            f"the engine refuses this user: {words}",
            "join its group (sudo usermod -aG docker $USER, then log in again)",
        )
    if any(sign in said for sign in _UNREACHABLE):
        return EngineUnreachable(
            f"the engine does not answer: {words}",
            "start it (sudo systemctl start docker), or see that DOCKER_HOST is right",
        )
    return None
