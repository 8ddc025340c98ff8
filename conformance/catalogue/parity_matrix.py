"""Read the parity matrix, and make the cases that probe its refusals."""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from conformance.catalogue.case import Case
from conformance.catalogue.casefile import is_destructive, template_of
from conformance.catalogue.differences import read_differences
from conformance.catalogue.parity import Feature, Parity, ParityEntry, Signature
from conformance.catalogue.template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.catalogue.contract import Command, Contract, Option
    from conformance.catalogue.dataerror import DataError
    from conformance.catalogue.yamlstrict import Document, Route

__all__ = ["option_feature", "probes", "read_parity"]


def read_parity(document: Document, contract: Contract, errors: list[DataError]) -> Parity:
    """Return the matrix of a document that its schema has passed; defects go to ``errors``."""
    features: dict[str, Feature] = {}
    for n, row in enumerate(document.data["cells"]):
        route: Route = ("cells", n)
        feature = _feature(document, route, row, contract, errors)
        if feature.id in features:
            errors.append(document.error((*route, "at"), f"feature {feature.id!r} twice"))
        features[feature.id] = feature
    for command in contract.commands.values():
        for id_ in (command.id, *(option_feature(command, option) for option in command.options)):
            errors.extend(document.dangling(("cells",), "cell for", id_, features))
    differences = read_differences(document, contract, errors)
    return Parity(document.data["parity"]["version"], MappingProxyType(features), differences)


def option_feature(command: Command, option: Option) -> str:
    """Return the feature id of a command's option: ``rm.keep-volumes``."""
    return f"{command.id}.{option.name.removeprefix('--')}"


def probes(parity: Parity, document: Document, contract: Contract) -> Iterator[tuple[Route, Case]]:
    """Yield a case for every probe of the matrix, ``parity-rm-keep-volumes-host``, and its place.

    It stands in for the cells of all cases of that feature in that runtime.
    """
    for n, row in enumerate(document.data["cells"]):
        feature = parity.features[_feature_id(row)]
        for entry in feature.runtimes.values():
            route: Route = ("cells", n, "runtimes", entry.runtime, "probe")
            if entry.probe is None or route not in document.values:
                continue
            words = entry.probe["when"]["run"]
            case = Case(
                id=f"parity-{feature.id.replace('.', '-')}-{entry.runtime}",
                covers=feature.requires,
                polarity="negative",
                template=entry.probe,
                contract=contract,
                control=entry.probe.get("control"),
                text=entry.reason,
                feature=feature.id,
                runtimes=(entry.runtime,),
                tags=frozenset({"probe"}),
                destructive=is_destructive(list(words), contract),
                command=contract.subcommand(words),
                file=document.file,
                line=document.values[route][0],
            )
            yield route, case


def _feature(
    document: Document,
    route: Route,
    row: dict[str, Any],
    contract: Contract,
    errors: list[DataError],
) -> Feature:
    command, name = row["at"]["command"], row["at"].get("feature")
    id_ = _feature_id(row)
    place: Route = (*route, "at", "command")
    errors.extend(document.dangling(place, "command", command, contract.commands))
    for n, requirement in enumerate(row["requires"]):
        place = (*route, "requires", n)
        errors.extend(document.dangling(place, "requirement", requirement, contract.requirements))
    errors.extend(
        document.error((*route, "runtimes"), f"{id_} says nothing of runtime {runtime!r}")
        for runtime in contract.runtimes
        if runtime not in row["runtimes"]
    )
    entries = {}
    for runtime, raw in row["runtimes"].items():
        place = (*route, "runtimes", runtime)
        errors.extend(document.dangling(place, "runtime", runtime, contract.runtimes, key=True))
        entries[runtime] = _entry(document, place, id_, raw, contract, errors)
    options = contract.commands[command].options if command in contract.commands else ()
    option = next((o.name for o in options if o.name == f"--{name}"), None)
    return Feature(id_, command, name or "", tuple(row["requires"]), entries, option)


def _feature_id(row: dict[str, Any]) -> str:
    return ".".join(row["at"][key] for key in ("command", "feature") if key in row["at"])


def _entry(
    document: Document,
    route: Route,
    feature: str,
    raw: Any,
    contract: Contract,
    errors: list[DataError],
) -> ParityEntry:
    runtime = str(route[-1])
    if raw == "same":
        return ParityEntry(feature, runtime, "same")
    signature = Signature(**raw["signature"]) if "signature" in raw else None
    if signature and signature.error is not None:
        place = (*route, "signature", "error")
        errors.extend(document.dangling(place, "error code", signature.error, contract.error_codes))
    expires, probe = None, None
    try:
        if "expires" in raw:
            expires = dt.date.fromisoformat(raw["expires"])
    except ValueError as error:
        errors.append(document.error((*route, "expires"), f"{raw['expires']}: {error}"))
    try:
        if "probe" in raw:
            probe = _probe(raw["probe"])
    except TemplateError as error:
        errors.append(document.error((*route, "probe"), error.message))
    return ParityEntry(
        feature,
        runtime,
        raw["expect"],
        signature,
        raw.get("reason"),
        probe,
        raw.get("owner"),
        expires,
    )


def _probe(raw: Any) -> dict[str, Any]:
    # A refusal counts only where the command would otherwise have had something to work on.
    row = raw if isinstance(raw, dict) else {"when": raw, "given": [{"workspace": "a"}]}
    control = {"control": row["control"]} if "control" in row else {}
    return {**template_of(row), **control}
