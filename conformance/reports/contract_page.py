"""The contract as one Markdown page: what an author in another language builds against."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from conformance.catalogue.case import Suite
from conformance.catalogue.contract import Option, Requirement
from conformance.catalogue.parity import ParityEntry

__all__ = ["contract_page"]

_HEAD = """\
# The contract, version {version}

What any launcher of agent workspaces must do, whatever runtime it puts them in. This page is
rendered from `matrices/contract.yaml` and `matrices/parity.yaml` by `awl-conformance contract`;
a test keeps it equal. `awl` stands for the program under test, of which
`awl-conformance run --program PATH` says whether it keeps the contract.
"""

_ERRORS = """\
In text form an error is the line `awl: error[CODE]: message` on stderr, followed by `hint: …`
lines; with JSON output it is one document of the schema `error`. `exec` hands the child's own code
through (128+n for a signal), and where the table says 1, 3, 5, 6 or 7 it gives 125 with the same
error code.
"""


def contract_page(suite: Suite) -> str:
    """The whole page, ending in one newline."""
    contract = suite.contract
    parts = [
        _HEAD.format(version=contract.version),
        "## Runtimes\n",
        _table(
            ("runtime", "also called", "is"),
            (
                (f"`{r.id}`" + (" (default)" if r.default else ""), _codes(r.aliases), r.text)
                for r in contract.runtimes.values()
            ),
        ),
        "## Exit codes\n",
        _table(
            ("exit", "name", "means"),
            ((str(row.exit), row.name, row.text) for row in contract.exit_codes.values()),
        ),
        "## Error codes\n",
        _ERRORS,
        _table(
            ("code", "exit", "means"),
            ((f"`{c.code}`", str(c.exit), c.text) for c in contract.error_codes.values()),
        ),
        "## Environment\n",
        _table(
            ("variable", "means"),
            ((f"`{v.name}`", v.text) for v in contract.environment.values()),
        ),
        "## Commands\n",
        "Options of every command, before or after it:\n",
        _options(contract.global_options),
        *_commands(suite),
        "## Requirements\n",
        *_requirements(suite),
        "## Runtimes that differ\n",
        "What is not listed is the same in every runtime.\n",
        _table(("feature", "runtime", "", "how and why"), _differences(suite)),
        "## Output schemas\n",
        "JSON Schema (2020-12) of each document. Extra keys are allowed, missing ones are not.\n",
        *_schemas(contract.outputs),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def _options(options: Iterable[Option]) -> str:
    rows = []
    for option in options:
        names = [option.name, *option.aliases, *([option.short] if option.short else [])]
        value = f" {option.value}" if option.value else ""
        rows.append((", ".join(f"`{name}{value}`" for name in names), option.text))
    return _table(("option", "means"), rows)


def _commands(suite: Suite) -> Iterator[str]:
    for command in suite.contract.commands.values():
        yield f"### `awl {command.usage}`\n"
        output = f" With JSON output: schema `{command.json}`." if command.json else ""
        yield f"{command.text[:1].upper()}{command.text[1:]}.{output}\n"
        if command.options:
            yield _options(command.options)


def _requirements(suite: Suite) -> Iterator[str]:
    cases: dict[str, int] = {}
    for case in suite.cases.values():
        for id_ in case.covers:
            cases[id_] = cases.get(id_, 0) + 1
    rows = suite.contract.requirements.values()
    for area, members in groupby(rows, key=lambda r: r.id.partition("-")[0]):
        yield f"### {area}\n"
        yield _table(("id", "level", "requirement", "cases"), _rows(members, cases))


def _rows(members: Iterable[Requirement], cases: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    for one in members:
        yield f"{one.id}", one.level, one.text, str(cases.get(one.id) or "planned")


def _differences(suite: Suite) -> Iterator[tuple[str, ...]]:
    for feature in suite.parity.features.values():
        for runtime, entry in feature.runtimes.items():
            if entry.expect != "same":
                yield f"`{feature.id}`", runtime, entry.expect, _how(entry)


def _how(entry: ParityEntry) -> str:
    signature = entry.signature
    if signature is None:
        return entry.reason or ""
    error = f", `{signature.error}`" if signature.error else ""
    return f"exit {signature.exit}{error}: {entry.reason or ''}"


def _schemas(outputs: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    for name, schema in outputs.items():
        text = json.dumps(schema, indent=1, ensure_ascii=False)
        yield f"### `{name}`\n\n```json\n{text}\n```\n"
