"""Hold a document to a JSON Schema and say in the author's words, and at the place, what is wrong.

A schema's own message says what a validator thinks ("is not valid under any of the given schemas");
a person needs the one key that is misspelt. So unions are judged by the branch that came closest.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import jsonschema

from conformance import resources
from conformance.catalogue.dataerror import DataError, DataErrors, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conformance.catalogue.yamlstrict import Document, Route

__all__ = ["check_schema"]

_UNIONS = ("anyOf", "oneOf")
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


def check_schema(document: Document, name: str) -> None:
    """Raise DataErrors with all that ``matrices/schema/NAME.json`` has against a document."""
    leaves = [
        leaf for found in _validator(name).iter_errors(document.data) for leaf in _leaves(found)
    ]
    misspelt = {tuple(leaf.absolute_path): leaf for leaf in leaves if _is_unknown_key(leaf)}
    errors: list[DataError] = []
    for leaf in leaves:
        other = misspelt.get(tuple(leaf.absolute_path))
        if other is None or other is leaf or not _explains(other, leaf):
            errors.extend(_explain(document, leaf))
    if errors:
        raise DataErrors(errors)


@functools.cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((resources.schemas() / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _leaves(error: jsonschema.ValidationError) -> Iterator[jsonschema.ValidationError]:
    if error.validator not in _UNIONS or not error.context:
        yield error
        return
    branches: dict[object, list[jsonschema.ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    if all(inner.validator == "required" for inner in error.context):
        yield error  # a choice of keys, and none is there
        return
    # A branch of another type altogether is not what the author meant; else the fewest faults.
    best = min(branches.values(), key=lambda inner: (_wrong_type(inner), len(inner)))
    if _wrong_type(best) and len(branches) > 1:
        yield error
        return
    for inner in best:
        yield from _leaves(inner)


def _wrong_type(errors: Iterable[jsonschema.ValidationError]) -> bool:
    return any(error.validator == "type" and not error.relative_path for error in errors)


def _is_unknown_key(error: jsonschema.ValidationError) -> bool:
    return error.validator == "additionalProperties"


def _explains(misspelt: jsonschema.ValidationError, error: jsonschema.ValidationError) -> bool:
    """Whether a key is missing only because it is there with a slip of the pen."""
    schema: Any = misspelt.schema
    instance: Any = misspelt.instance
    valid = schema.get("properties", {})
    meant = {nearest(key, valid) for key in instance if key not in valid}
    if error.validator == "required":
        missing: Any = error.validator_value
        return all(key in instance or key in meant for key in missing)
    return error.validator in _UNIONS


def _explain(document: Document, error: jsonschema.ValidationError) -> Iterator[DataError]:
    route: Route = tuple(error.absolute_path)
    schema: Any = error.schema
    value: Any = error.instance
    against: Any = error.validator_value
    if "propertyNames" in error.absolute_schema_path:
        yield _bad_key(document, (*route, str(value)), error)
        return
    match error.validator:
        case "additionalProperties":
            valid = schema.get("properties", {})
            for key in value:
                if key not in valid:
                    yield _unknown_key(document, (*route, key), valid)
        case "pattern" | "minProperties" | "maxProperties" if "$comment" in schema:
            yield document.error(route, f"{_show(value)} is not {schema['$comment']}")
        case "required":
            missing = [key for key in against if key not in value]
            yield document.error(route, f"missing key {missing[0]!r}")
        case "enum":
            words = [word for word in against if isinstance(word, str)]
            yield document.error(
                route,
                f"{_show(value)} is not one of {', '.join(_show(word) for word in against)}",
                word=value if isinstance(value, str) else None,
                valid=words,
            )
        case "type" | "anyOf" | "oneOf":
            yield document.error(route, f"{_show(value)} is not {_kinds(error)}")
        case "minItems" | "minLength" | "minProperties":
            yield document.error(route, "must not be empty")
        case "exclusiveMinimum":
            yield document.error(route, f"must be more than {against}")
        case "maxProperties":
            yield document.error(route, "holds several things; write a mapping for each")
        case "uniqueItems":
            yield document.error(route, "lists the same thing twice")
        case _:
            yield document.error(route, error.message)


def _bad_key(document: Document, route: Route, error: jsonschema.ValidationError) -> DataError:
    schema: Any = error.schema
    if error.validator == "enum":
        others = ", ".join(schema["enum"])
        return document.error(route, f"key {route[-1]!r} does not go with {others}", key=True)
    wanted = schema.get("$comment", "a key allowed here")
    return document.error(route, f"{_show(error.instance)} is not {wanted}", key=True)


def _unknown_key(document: Document, route: Route, valid: Iterable[str]) -> DataError:
    key = str(route[-1])
    return document.error(route, f"unknown key {key!r}", word=key, valid=valid, key=True)


def _kinds(error: jsonschema.ValidationError) -> str:
    schema: Any = error.schema
    if error.validator == "type":
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return " or ".join(_TYPES[name] for name in names)
    return str(schema.get("$comment", "any of the forms allowed here"))


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
