"""Hold a report to ``matrices/schema/report.json``."""

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from conformance import resources

__all__ = ["violations"]


@functools.cache
def _validators() -> tuple[jsonschema.Draft202012Validator, jsonschema.Draft202012Validator]:
    """For the document, and for one row: rows are many and alike, so they are checked by kind."""
    schema = json.loads((resources.schemas() / "report.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    row = {"$defs": schema["$defs"], **schema["$defs"]["row"]}
    whole = jsonschema.Draft202012Validator(schema)
    return whole, jsonschema.Draft202012Validator(row)


def violations(report: Mapping[str, Any]) -> Iterator[str]:
    """What the schema has against a report, each with its place."""
    whole, row_validator = _validators()
    head = {**report, "rows": []}
    for error in whole.iter_errors(head):
        yield f"{error.json_path}: {error.message[:200]}"
    rows = report["rows"]
    if not isinstance(rows, list):
        yield "$.rows: not a list"
        return
    for number, row in enumerate(rows):
        for error in row_validator.iter_errors(row):
            name = row.get("cell", number) if isinstance(row, dict) else number
            yield f"{name}: {error.json_path}: {error.message[:200]}"
