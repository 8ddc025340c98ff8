"""The contract as frozen values: requirements, commands, codes, outputs, runtimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Command",
    "Contract",
    "ErrorCode",
    "ExitCode",
    "Option",
    "Requirement",
    "Runtime",
    "Variable",
]


@frozen
class Requirement:
    """One requirement; ``stage`` planned: a later contract version tests it."""

    id: str
    level: Literal["must", "should", "may"]
    profile: str
    since: int
    text: str
    stage: Literal["current", "planned"] = "current"


@frozen
class Option:
    """An option; ``value`` is its metavariable, None for a switch."""

    name: str
    text: str
    value: str | None = None
    short: str | None = None
    aliases: tuple[str, ...] = ()


@frozen
class Command:
    """A subcommand; ``json`` names the schema of its JSON output, None where it reports nothing."""

    id: str
    usage: str
    text: str
    destructive: bool
    options: tuple[Option, ...] = ()
    json: str | None = None


@frozen
class ExitCode:
    """An exit code and its meaning."""

    exit: int
    name: str
    text: str


@frozen
class ErrorCode:
    """A stable string code and the exit code that goes with it."""

    code: str
    exit: int
    text: str


@frozen
class Runtime:
    """A canonical runtime, its other names, and whether it is the default (exactly one is)."""

    id: str
    text: str
    aliases: tuple[str, ...] = ()
    default: bool = False


@frozen
class Variable:
    """An environment variable that the program reads."""

    name: str
    text: str


@frozen
class Contract:
    """The whole contract; every mapping is keyed by id, code or name in the order of the file.

    ``digest`` (sha256, hex) covers the data of the file, not its comments. ``outputs`` are JSON
    Schemas by name.
    """

    version: int
    title: str
    digest: str
    requirements: Mapping[str, Requirement] = field(hash=False)
    commands: Mapping[str, Command] = field(hash=False)
    global_options: tuple[Option, ...]
    error_codes: Mapping[str, ErrorCode] = field(hash=False)
    exit_codes: Mapping[int, ExitCode] = field(hash=False)
    outputs: Mapping[str, Mapping[str, object]] = field(hash=False)
    runtimes: Mapping[str, Runtime] = field(hash=False)
    environment: Mapping[str, Variable] = field(hash=False)

    @property
    def default_runtime(self) -> str:
        """The runtime that holds where nothing is chosen."""
        return next(runtime.id for runtime in self.runtimes.values() if runtime.default)
