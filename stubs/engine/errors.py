"""Everything that can go wrong, and which of the real client's voices tells it."""

__all__ = ["CannotConnect", "CliError", "DaemonError", "FakeError", "NotFound", "UsageError"]


class CliError(Exception):
    """The client itself refuses: the message goes to stderr as it is."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


class UsageError(CliError):
    """A command line that the client cannot read: exit 125 and the way to its help."""

    def __init__(self, message: str, command: str) -> None:
        super().__init__(f"{message}\nSee '{command} --help'.", 125)


class DaemonError(Exception):
    """The engine refuses; each command tells it in its own way, so it has no exit code yet.

    `run_exit` is what `docker run` exits with (125; 126 and 127 where the program cannot be run).
    """

    def __init__(self, message: str, run_exit: int = 125) -> None:
        super().__init__(message)
        self.message = message
        self.run_exit = run_exit


class NotFound(DaemonError):
    """The engine knows no such object (`inspect` tells this its own way)."""


class CannotConnect(CliError):
    """No engine answers at this address."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Cannot connect to the Docker daemon at {host}. Is the docker daemon running?"
        )


class FakeError(CliError):
    """The fake itself was asked wrongly (state, faults, seeds): no voice of docker, exit 2."""

    def __init__(self, message: str) -> None:
        super().__init__(f"fake docker: {message}", 2)
