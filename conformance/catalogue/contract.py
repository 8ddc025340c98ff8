"""The contract as frozen values: requirements, commands, codes, outputs, runtimes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import jsonschema
from attrs import field, frozen

from conformance.catalogue.dataerror import DataError, DataErrors
from conformance.catalogue.yamlstrict import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from conformance.catalogue.yamlstrict import Document, Route

__all__ = [
    "Command",
    "Contract",
    "ErrorCode",
    "ExitCode",
    "Option",
    "Requirement",
    "Runtime",
    "Variable",
    "read_contract",
]

# exec and run hand through a child's code; their own failures of these kinds become this one.
_HANDED_THROUGH = ("exec", "run")
_OWN_FAILURE = 125
_MASKED = (1, 3, 5, 6, 7)


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

    @property
    def tested(self) -> tuple[str, ...]:
        """The ids of all requirements that this version tests."""
        return tuple(id_ for id_, entry in self.requirements.items() if entry.stage == "current")

    def exit_of(self, error: str, command: str | None = None) -> int:
        """Return the exit code of an error code where ``command`` gives it; KeyError if unknown."""
        code = self.error_codes[error].exit
        return _OWN_FAILURE if command in _HANDED_THROUGH and code in _MASKED else code

    def subcommand(self, words: Sequence[str]) -> str | None:
        """Return the first of the words that is a subcommand; those before it are options."""
        return next((word for word in words if word in self.commands), None)


def read_contract(document: Document) -> Contract:
    """Return the contract of a document that fits its schema; DataErrors with every defect."""
    if errors := [*_defects(document)]:
        raise DataErrors(errors)
    data = document.data
    return Contract(
        version=data["contract"]["version"],
        title=data["contract"]["title"],
        digest=digest_of(data),
        requirements=_by("id", data["requirements"], Requirement),
        commands=MappingProxyType({row["id"]: _command(row) for row in data["commands"]}),
        global_options=_options(data["global_options"]),
        error_codes=_by("code", data["error_codes"], ErrorCode),
        exit_codes=_by("exit", data["exit_codes"], ExitCode),
        outputs=MappingProxyType(data["outputs"]),
        runtimes=_by("id", data["runtimes"], Runtime),
        environment=_by("name", data["environment"], Variable),
    )


def _by(key: str, rows: list[dict[str, Any]], kind: Any) -> Mapping[Any, Any]:
    return MappingProxyType(
        {row[key]: kind(**{name: _frozen(value) for name, value in row.items()}) for row in rows}
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _options(rows: list[dict[str, Any]]) -> tuple[Option, ...]:
    return tuple(_by("name", rows, Option).values())


def _command(row: dict[str, Any]) -> Command:
    return Command(**{**row, "options": _options(row["options"])})


def _defects(document: Document) -> Iterator[DataError]:
    data = document.data
    for section, key in (
        ("requirements", "id"),
        ("commands", "id"),
        ("error_codes", "code"),
        ("exit_codes", "exit"),
        ("environment", "name"),
    ):
        yield from _twice(
            document,
            [([row[key]], (section, n, key)) for n, row in enumerate(data[section])],
        )
    yield from _twice(
        document,
        [
            ([row["id"], *row.get("aliases", [])], ("runtimes", n, "id"))
            for n, row in enumerate(data["runtimes"])
        ],
    )
    exits = {row["exit"] for row in data["exit_codes"]}
    for n, row in enumerate(data["error_codes"]):
        if row["exit"] not in exits:
            yield document.error(
                ("error_codes", n, "exit"), f"exit code {row['exit']} is not in exit_codes"
            )
    if sum(row.get("default", False) for row in data["runtimes"]) != 1:
        yield document.error(("runtimes",), "exactly one runtime must be the default")
    yield from _command_defects(document)
    for name, schema in data["outputs"].items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            yield document.error(
                ("outputs", name, *error.absolute_path), f"not a JSON Schema: {error.message}"
            )


def _command_defects(document: Document) -> Iterator[DataError]:
    outputs = document.data["outputs"]
    shared = document.data["global_options"]
    for n, row in enumerate(document.data["commands"]):
        json = row.get("json")
        if json is not None:
            yield from document.dangling(("commands", n, "json"), "output", json, outputs)
        options: list[tuple[list[str], Route]] = [
            (_spellings(option), ("commands", n, "options", m, "name"))
            for m, option in enumerate(row["options"])
        ]
        everywhere: list[tuple[list[str], Route]] = [
            (_spellings(option), ("global_options", m, "name")) for m, option in enumerate(shared)
        ]
        yield from _twice(document, everywhere + options)


def _spellings(option: dict[str, Any]) -> list[str]:
    short = [option["short"]] if "short" in option else []
    return [option["name"], *short, *option.get("aliases", [])]


def _twice(document: Document, rows: Sequence[tuple[Sequence[Any], Route]]) -> Iterator[DataError]:
    seen: set[Any] = set()
    for names, route in rows:
        for name in names:
            if name in seen:
                yield document.error(route, f"{name!r} is defined twice; ids are never reused")
            seen.add(name)
