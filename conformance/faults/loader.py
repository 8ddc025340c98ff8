"""Read ``faults.yaml`` strictly: what dangles, rots or is missing is an error with its place.

A fault rots where the text that it replaces is gone: then it changes nothing, and whatever is said
of it afterwards is true of the good program. So every edit is tried while the data is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from conformance import resources
from conformance.catalogue.dataerror import DataError, DataErrors
from conformance.catalogue.schema import check_schema
from conformance.catalogue.yamlstrict import load_yaml
from conformance.faults.fault import Catalogue, Edit, Excuse, Fault, Rewrite, Subject, Wrap
from conformance.faults.workshop import EditError, edited, package_folder
from conformance.oracles import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from conformance.catalogue.case import Suite
    from conformance.catalogue.yamlstrict import Document, Route

__all__ = ["load_faults", "missing_faults"]


def load_faults(matrices: Path, suite: Suite, *, allow_gaps: bool = False) -> Catalogue:
    """Return the faults of a folder of data; DataErrors with every defect.

    Among them are a *must* of the core profile and an oracle without a fault and without an excuse;
    with ``allow_gaps`` these do not raise but are kept in ``Catalogue.gaps``.
    """
    path = matrices / "faults.yaml"
    document = load_yaml(path, shown=f"{matrices.name}/{path.name}")
    check_schema(document, "faults")
    data = document.data
    subject = Subject(**data["subject"])
    folders = {"fake": resources.stubs()}
    if (folder := package_folder(subject.package)) is None:
        errors = [document.error(("subject", "package"), f"no package {subject.package!r} here")]
        raise DataErrors(errors)
    folders["program"] = folder
    every = tuple(suite.contract.runtimes)
    faults = tuple(_fault(row, every) for row in data["faults"])
    excused = tuple(Excuse(**row) for row in data.get("excused", ()))
    catalogue = Catalogue(subject, faults, excused)
    if errors := [*_defects(document, catalogue, suite, folders)]:
        raise DataErrors(errors)
    gaps = tuple(
        document.error(("faults",), f"no fault breaks {name}: {text}", key=True)
        for name, text in missing_faults(catalogue, suite)
    )
    if gaps and not allow_gaps:
        raise DataErrors(gaps)
    return evolve(catalogue, gaps=gaps)


def missing_faults(catalogue: Catalogue, suite: Suite) -> Iterator[tuple[str, str]]:
    """Yield each *must* of the core profile, and each kind of check, that no fault is for."""
    there = {fault.breaks for fault in catalogue.faults}
    there |= {fault.oracle for fault in catalogue.faults if fault.oracle}
    there |= {excuse.name for excuse in catalogue.excused}
    for id_ in suite.contract.tested:
        found = suite.contract.requirements[id_]
        if found.level == "must" and found.profile == "core" and id_ not in there:
            yield id_, found.text
    for name, oracle in CHECKS.items():
        if name not in there:
            yield name, f"a check of the oracle {oracle}"


# ---------------------------------------------------------------------- from data to values
def _fault(row: Mapping[str, Any], every: tuple[str, ...]) -> Fault:
    return Fault(
        id=row["id"],
        text=row["text"],
        breaks=row["breaks"],
        runtimes=tuple(row.get("runtimes", every)),
        program=_edits(row.get("program", ())),
        fake=_edits(row.get("fake", ())),
        wrap=_wrap(row["wrap"]) if "wrap" in row else None,
        oracle=row.get("oracle"),
        case=row.get("case"),
        value=row.get("value"),
    )


def _rows(data: Any) -> list[dict[str, str]]:
    return [data] if isinstance(data, dict) else list(data)


def _edits(data: Any) -> tuple[Edit, ...]:
    return tuple(Edit(**row) for row in _rows(data))


def _wrap(data: Mapping[str, Any]) -> Wrap:
    exits = {int(one): other for one, other in data.get("exits", {}).items()}
    return Wrap(
        only=data.get("only", ""),
        drop=tuple(data.get("drop", ())),
        add=tuple(data.get("add", ())),
        env=dict(data.get("env", {})),  # a plain one: it travels to other processes
        stdin=data.get("stdin", True),
        stdout=Rewrite(**data["stdout"]) if "stdout" in data else None,
        stderr=Rewrite(**data["stderr"]) if "stderr" in data else None,
        exits=exits,
    )


# ---------------------------------------------------------------------- what may be wrong
def _defects(
    document: Document, catalogue: Catalogue, suite: Suite, folders: Mapping[str, Path]
) -> Iterator[DataError]:
    contract = suite.contract
    first: dict[str, int] = {}
    for number, fault in enumerate(catalogue.faults):
        route: Route = ("faults", number)
        if fault.id in first:
            line = document.values["faults", first[fault.id]][0]
            yield document.error((*route, "id"), f"fault {fault.id!r} is on line {line} already")
        first.setdefault(fault.id, number)
        known = set(contract.tested)
        yield from document.dangling((*route, "breaks"), "requirement", fault.breaks, known)
        for at, runtime in enumerate(fault.runtimes):
            where = (*route, "runtimes", at)
            yield from document.dangling(where, "runtime", runtime, contract.runtimes)
        if fault.oracle is not None:
            yield from document.dangling((*route, "oracle"), "check", fault.oracle, CHECKS)
        yield from _case_defects(document, route, fault, suite)
        for place, edits in (("program", fault.program), ("fake", fault.fake)):
            yield from _edit_defects(document, (*route, place), edits, folders[place])
    yield from _excuse_defects(document, catalogue, suite)


def _case_defects(
    document: Document, route: Route, fault: Fault, suite: Suite
) -> Iterator[DataError]:
    covering = {case.id for case in suite.cases.values() if fault.breaks in case.covers}
    if fault.case is None:
        return
    yield from document.dangling((*route, "case"), "case", fault.case, suite.cases)
    if fault.case in suite.cases and fault.case not in covering:
        message = f"case {fault.case!r} does not cover {fault.breaks}"
        yield document.error((*route, "case"), message)
    elif fault.value is not None and fault.case in suite.cases:
        values = {value.id for axis in suite.cases[fault.case].axes for value in axis.values}
        yield from document.dangling((*route, "value"), "value", fault.value, values)


def _edit_defects(
    document: Document, route: Route, edits: tuple[Edit, ...], folder: Path
) -> Iterator[DataError]:
    texts: dict[str, str] = {}
    for number, edit in enumerate(edits):
        at = route if (*route, "find") in document.values else (*route, number)
        path = folder / edit.file
        if not path.is_file():
            files = {one.relative_to(folder).as_posix() for one in folder.rglob("*.py")}
            yield from document.dangling((*at, "file"), "file", edit.file, files)
            continue
        try:
            texts[edit.file] = edited(texts.get(edit.file, path.read_text("utf-8")), edit)
        except EditError as error:
            yield document.error((*at, "find"), str(error))


def _excuse_defects(document: Document, catalogue: Catalogue, suite: Suite) -> Iterator[DataError]:
    valid = {*suite.contract.tested, *CHECKS}
    there = {fault.breaks for fault in catalogue.faults}
    there |= {fault.oracle for fault in catalogue.faults if fault.oracle}
    for number, excuse in enumerate(catalogue.excused):
        route = ("excused", number, "name")
        yield from document.dangling(route, "requirement or check", excuse.name, valid)
        if excuse.name in there:
            yield document.error(route, f"{excuse.name} has a fault: take the excuse out")
