"""The one door to the data: load the suite, expand it to cells, select among them, bind one.

suite = load_suite(matrices())
for cell in select("RM-1c and host", expand(suite)): ...
bound = bind(cell, {"root": "/sandbox/root", ...})
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import evolve

from conformance.catalogue.binding import bind
from conformance.catalogue.case import Suite
from conformance.catalogue.casefile import CaseReader, ValueSet, read_values
from conformance.catalogue.checks import (
    case_defects,
    suite_defects,
    suite_gaps,
    suite_warnings,
    template_defects,
)
from conformance.catalogue.contract import read_contract
from conformance.catalogue.dataerror import DataError, DataErrors
from conformance.catalogue.differences import dangling_cases
from conformance.catalogue.expansion import cells_of, control_of, expand
from conformance.catalogue.parity_matrix import probes, read_parity
from conformance.catalogue.schema import check_schema
from conformance.catalogue.selection import select, unmatched
from conformance.catalogue.yamlstrict import digest_of, load_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conformance.catalogue.case import Case
    from conformance.catalogue.contract import Contract
    from conformance.catalogue.parity import Parity
    from conformance.catalogue.yamlstrict import Document, Route

__all__ = [
    "bind",
    "cells_of",
    "control_of",
    "expand",
    "load_suite",
    "select",
    "unmatched",
]


# Data that has met its schemas in this process: to check takes longer than all the rest.
_MET: set[str] = set()


def load_suite(matrices: Path, *, allow_gaps: bool = False, met: str = "") -> Suite:
    """Load and check all data of a folder; DataErrors with every defect.

    ``allow_gaps``: requirements without a case and features without a case or probe do not raise
    but are kept in ``Suite.gaps`` (for data that is still being written). ``met``: the digest of
    data that another process of this run has held against the schemas already.
    """
    documents = _documents(matrices, met)
    head, cases = documents[:3], documents[3:]
    contract = read_contract(head[0])
    errors: list[DataError] = []
    parity = read_parity(head[1], contract, errors)
    sets = read_values(head[2], errors)
    found, places = _cases(cases, contract, parity, sets, errors)
    for route, case in probes(parity, head[1], contract):
        found[case.id] = case
        places[case.id] = (head[1], route)
        errors.extend(template_defects(head[1], route, case))
    errors.extend(dangling_cases(head[1], found))
    if errors:
        raise DataErrors(errors)
    suite = Suite(
        contract=contract,
        parity=parity,
        cases=MappingProxyType(found),
        values=MappingProxyType({name: entry.values for name, entry in sets.items()}),
        digest=_digest(documents),
    )
    if errors := [*suite_defects(suite, places)]:
        raise DataErrors(errors)
    gaps = tuple(suite_gaps(suite, head[0], head[1]))
    if gaps and not allow_gaps:
        raise DataErrors(gaps)
    return evolve(suite, gaps=gaps, warnings=tuple(suite_warnings(suite, head[0])))


def _digest(documents: list[Document]) -> str:
    """The digest of the data, without the differences: they say nothing of what a run does."""
    return digest_of([[document.file, _without_differences(document)] for document in documents])


def _without_differences(document: Document) -> Any:
    if not isinstance(document.data, dict):
        return document.data
    return {key: value for key, value in document.data.items() if key != "differences"}


def _documents(folder: Path, met: str) -> list[Document]:
    """Read contract, parity, values and all case files; every defect of every file at once."""
    paths = [(folder / f"{name}.yaml", name) for name in ("contract", "parity", "values")]
    files = sorted((folder / "cases").glob("*.yaml"))
    paths += [(path, "cases") for path in files]
    documents: list[Document] = []
    schemas: list[str] = []
    errors: list[DataError] = []
    if not files:
        errors.append(DataError(f"{folder.name}/cases", 1, 1, "no case file *.yaml in there"))
    for path, schema in paths:
        shown = path.relative_to(folder.parent).as_posix()
        try:
            documents.append(load_yaml(path, shown=shown, dates=("expires",)))
            schemas.append(schema)
        except DataErrors as error:
            errors.extend(error.errors)
    whole = digest_of([document.data for document in documents])
    if _digest(documents) != met and whole not in _MET:
        for document, schema in zip(documents, schemas, strict=True):
            try:
                check_schema(document, schema)
            except DataErrors as error:
                errors.extend(error.errors)
    for path in sorted((folder / "cases").glob("*")):
        if path not in files:
            shown = path.relative_to(folder.parent).as_posix()
            errors.append(DataError(shown, 1, 1, "not read: a case file is called NAME.yaml"))
    if errors:
        raise DataErrors(errors)
    _MET.add(whole)
    return documents


def _cases(
    documents: list[Document],
    contract: Contract,
    parity: Parity,
    sets: Mapping[str, ValueSet],
    errors: list[DataError],
) -> tuple[dict[str, Case], dict[str, tuple[Document, Route]]]:
    found: dict[str, Case] = {}
    places: dict[str, tuple[Document, Route]] = {}
    for document in documents:
        reader = CaseReader(document, contract, sets)
        for route, case in reader.read():
            if case.id in found:
                first = found[case.id]
                errors.append(
                    document.error(
                        (*route, "id"),
                        f"case {case.id!r} is in {first.file}:{first.line} already",
                    )
                )
            found[case.id] = case
            places[case.id] = (document, route)
            errors.extend(case_defects(document, route, case, parity))
        errors.extend(reader.errors)
    return found, places
