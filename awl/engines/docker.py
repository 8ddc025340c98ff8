"""An engine by docker's command line: one call each, with a time limit, its failures told apart.

Docker Engine and Podman both have this command line; where Podman's is another, `Docker` says it in
Podman's way. Which of them is spoken to is `awl.engines.choice`'s to say.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from awl import config, proc
from awl.engines import identity, words
from awl.errors import AwlError, EngineNotInstalled, EngineUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Docker"]

_SEPARATOR = "\t"


class Docker:
    """An engine whose client is the program `client` that the person has on PATH."""

    def __init__(self, environment: Mapping[str, str], client: str = "docker") -> None:
        self.environment = environment
        #: What is called.
        self.client = client
        #: Seconds that it may take to answer.
        self.limit = config.engine_time_limit(environment)

    @property
    def name(self) -> str:
        """What it is: `docker` or `podman`, whatever its client is called (ENG-1)."""
        found = proc.on_path(self.client, self.environment)
        return identity.of(found, self.environment) if found else self.client

    @property
    def program(self) -> str:
        """The path of its client; raises `EngineNotInstalled`."""
        found = proc.on_path(self.client, self.environment)
        if found is None:
            raise EngineNotInstalled(
                f"the engine {self.client} is not installed: there is no {self.client} on PATH",
                identity.INSTALL.get(self.client, f"install {self.client}"),
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
        return self._perform(
            lambda: words, limit=limit, env=env, stdin=stdin, told=told, stdout=stdout
        )

    def _perform(
        self,
        words_of: Callable[[], tuple[str, ...]],
        *,
        limit: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | IO[bytes] = b"",
        told: Callable[[str], None] | None = None,
        stdout: IO[bytes] | None = None,
    ) -> proc.Completed:
        """As `call`, with words that may depend on which engine it is."""
        seconds = limit or self.limit
        spoken = words_of()
        try:
            done = proc.run(
                (self.program, *spoken),
                env={**self.environment, **(env or {})},
                limit=seconds,
                stdin=stdin,
                told=told,
                stdout=stdout,
            )
        except proc.TimeLimitReached:
            raise EngineUnreachable(
                f"the engine does not answer: {self.client} {spoken[0]} took longer than"
                f" {seconds:g} s",
                f"see how it is: {self.client} version",
            ) from None
        if done.code != 0 and (error := words.failure(done, self.client)):
            raise error
        return done

    def ask(self, *words: str) -> str:
        """Return the output of `docker WORDS`; an exit code other than 0 raises `AwlError`."""
        return self._asked(lambda: words)

    def _asked(self, words_of: Callable[[], tuple[str, ...]]) -> str:
        done = self._perform(words_of)
        if done.code != 0:
            raise AwlError(f"{self.client} {words_of()[0]} failed: {done.words}")
        return done.text

    def rows(self, *words: str, fields: tuple[str, ...]) -> list[list[str]]:
        """Return the rows of a listing; `label:K` among `fields` is the value of a label.

        A label of somebody else's can hold anything, separators too: such a row is left out.
        """
        text = self._asked(lambda: (*words, "--format", self._template(fields)))
        rows = (line.split(_SEPARATOR) for line in text.split("\n"))
        return [row for row in rows if len(row) == len(fields) and row[0]]

    def _template(self, fields: tuple[str, ...]) -> str:
        # Docker has a method for labels; Podman has the map itself.
        label = '{{{{.Label "{}"}}}}' if self.name == "docker" else '{{{{index .Labels "{}"}}}}'
        return _SEPARATOR.join(
            label.format(name[6:]) if name.startswith("label:") else f"{{{{.{name}}}}}"
            for name in fields
        )

    def check(self) -> None:
        """Raise the error of an engine that does not answer."""
        # Podman without a service is its own server.
        self._asked(lambda: ("version", "--format", _SERVER[self.name]))

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


_SERVER = {"docker": "{{.Server.Version}}", "podman": "{{.Client.Version}}"}
_STATUS = "{{.State.Status}}"
_START_LIMIT = 60.0
