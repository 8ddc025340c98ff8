"""Oracles on JSON documents: one document, valid for its schema, with the expected values."""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from conformance.catalogue.contract import Contract
from conformance.evidence import Evidence
from conformance.invoke import wants_json
from conformance.results import Check

__all__ = ["at", "error_document", "json_document"]

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]")


def at(document: object, path: str) -> object:
    """The value at ``a.b``, ``a[0]``, ``a[*].b`` (a list of all) or ``a.length``; LookupError."""
    steps: list[str] = []
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None:
            raise LookupError(f"not a path: {path!r}")
        steps.append(found.group(1) or f"[{found.group(2)}]")
        position = found.end()
    return _walk(document, steps, path)


def _walk(value: object, steps: list[str], path: str) -> object:
    for number, step in enumerate(steps):
        if step == "[*]":
            if not isinstance(value, list):
                raise LookupError(f"{path}: not a list at {step}")
            return [_walk(item, steps[number + 1 :], path) for item in value]
        if step == "length" and isinstance(value, list):
            value = len(value)
        elif step.startswith("[") and isinstance(value, list) and int(step[1:-1]) < len(value):
            value = value[int(step[1:-1])]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            raise LookupError(f"{path}: nothing at {step}")
    return value


@functools.cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema))


def _violations(document: object, schema: Mapping[str, Any]) -> str:
    # Keyed by its text: a schema is a mapping, and a run has a handful of them.
    validator = _validator(json.dumps(schema, sort_keys=True))
    found = sorted(validator.iter_errors(document), key=lambda error: list(map(str, error.path)))
    return "; ".join(f"{error.json_path}: {error.message}" for error in found[:3])


def _document(text: str) -> tuple[object, str]:
    try:
        return json.loads(text), ""
    except ValueError as error:
        return None, f"not one JSON document ({error}): {text[:300]!r}"


def _schema(contract: Contract, name: str) -> Mapping[str, Any]:
    return contract.outputs[name]


def json_document(evidence: Evidence) -> Iterator[Check]:
    """CLI-5a: stdout is one document of its schema, and has the values that the step names."""
    expect = evidence.step.expect.json
    if expect is None:
        return
    document, problem = _document(evidence.stdout)
    if problem:
        yield Check("json", False, "one JSON document on stdout", problem)
        return
    if expect.schema is not None:
        wrong = _violations(document, _schema(evidence.contract, expect.schema))
        yield Check("json schema", not wrong, f"valid for {expect.schema}", wrong or "valid")
    for path, expected in expect.at.items():
        try:
            seen = at(document, path)
        except LookupError as error:
            yield Check("json value", False, f"{path} = {expected!r}", str(error))
            continue
        # True equals 1 in Python and is another type in JSON.
        same = json.dumps(seen, sort_keys=True) == json.dumps(expected, sort_keys=True)
        yield Check("json value", same, f"{path} = {expected!r}", f"{path} = {seen!r}")


def error_document(evidence: Evidence) -> Iterator[Check]:
    """CLI-5b: with JSON output an error is exactly one document on stderr."""
    if evidence.step.expect.error is None or not wants_json(evidence.argv):
        return
    document, problem = _document(evidence.stderr)
    if not problem:
        problem = _violations(document, _schema(evidence.contract, "error"))
    if not problem and at(document, "error.exit_code") != evidence.exit:
        problem = f"exit_code {at(document, 'error.exit_code')} but exit {evidence.exit}"
    yield Check("error document", not problem, "one error document on stderr", problem or "valid")
