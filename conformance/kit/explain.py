"""``explain`` and ``cases``: the data in words, for people and for programs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from conformance.catalogue.case import Case, Cell, Suite
from conformance.catalogue.matrix import expand

__all__ = ["cells_document", "explain", "names"]


def names(suite: Suite) -> Iterator[str]:
    """Everything that ``explain`` knows by name, cells left out."""
    yield from suite.contract.requirements
    yield from suite.cases
    yield from suite.contract.commands
    yield from suite.contract.error_codes
    yield from map(str, suite.contract.exit_codes)


def explain(suite: Suite, id_: str) -> str | None:
    """A page on a requirement, a case, a cell, a command, an error code or an exit code."""
    contract = suite.contract
    if id_ in contract.requirements:
        return _requirement(suite, id_)
    if id_ in suite.cases:
        return _case(suite.cases[id_], [cell for cell in expand(suite) if cell.case.id == id_])
    if id_ in contract.commands:
        command = contract.commands[id_]
        options = [f"  {option.name:<18} {option.text}" for option in command.options]
        return "\n".join([f"awl {command.usage}", f"  {command.text}", *options])
    if id_ in contract.error_codes:
        code = contract.error_codes[id_]
        return f"error {code.code}: exit {code.exit}\n  {code.text}"
    if id_.isdigit() and int(id_) in contract.exit_codes:
        row = contract.exit_codes[int(id_)]
        codes = [
            f"  {c.code}: {c.text}" for c in contract.error_codes.values() if c.exit == row.exit
        ]
        return "\n".join([f"exit {row.exit} {row.name}: {row.text}", *codes])
    for cell in expand(suite):
        if cell.id == id_:
            return _case(cell.case, [cell])
    return None


def _requirement(suite: Suite, id_: str) -> str:
    requirement = suite.contract.requirements[id_]
    head = f"{id_} ({requirement.level}, profile {requirement.profile}, since contract "
    lines = [f"{head}{requirement.since})", f"  {requirement.text}"]
    for case in suite.cases.values():
        if id_ in case.covers:
            lines.append(f"  {case.polarity:<8}  {case.id}  ({case.file}:{case.line})")
    if len(lines) == 2:
        lines.append("  planned: no case checks it yet")
    return "\n".join(lines)


def _case(case: Case, cells: Sequence[Cell]) -> str:
    lines = [f"{case.id} ({case.polarity}; {case.file}:{case.line})"]
    if case.text:
        lines.append(f"  {case.text}")
    lines.append(f"  covers   {', '.join(case.covers)}")
    if case.control:
        lines.append(f"  control  {case.control}")
    for part in ("given", "when", "then"):
        if part in case.template:
            text = json.dumps(case.template[part], ensure_ascii=False, default=str)
            lines.append(f"  {part:<8} {text}")
    lines.append(f"  cells    {len(cells)}")
    lines += [f"    {cell.id}{'' if cell.plan == 'run' else f'  ({cell.plan})'}" for cell in cells]
    return "\n".join(lines)


def cells_document(suite: Suite, cells: Iterable[Cell]) -> dict[str, Any]:
    """The planned cells as one JSON-able document."""
    return {
        "schema_version": 1,
        "contract_version": suite.contract.version,
        "digest": suite.digest,
        "cells": [
            {
                "id": cell.id,
                "case": cell.case.id,
                "runtime": cell.runtime,
                "requirements": list(cell.case.covers),
                "polarity": cell.case.polarity,
                "control": cell.case.control,
                "plan": cell.plan,
                "needs": sorted(cell.case.needs),
                "tags": sorted(cell.case.tags),
            }
            for cell in cells
        ],
    }
