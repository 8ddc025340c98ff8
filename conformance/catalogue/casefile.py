"""Read value sets and cases from their documents: from what an author writes to frozen templates.

Only what one case says by itself is looked at here; ``conformance.catalogue.checks`` compares cases
with the contract, the parity matrix and each other.
"""

from __future__ import annotations

import re
import shlex
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from conformance.catalogue.case import Axis, AxisValue, Case
from conformance.catalogue.template import VARIABLES, TemplateError, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.catalogue.contract import Contract
    from conformance.catalogue.dataerror import DataError
    from conformance.catalogue.yamlstrict import Document, Route

__all__ = ["OWN_AXES", "CaseReader", "ValueSet", "is_destructive", "read_values", "template_of"]

_UNPRINTABLE = re.compile(r"[^A-Za-z0-9._=-]")
_MAX_ID = 40
#: Axes that every cell has.
OWN_AXES = ("runtime", "via", "output")
_WITH_PODMAN = ("podman", "both", "docker-is-podman")


@frozen
class ValueSet:
    """A named list of values; a case that uses it has its ``tags`` too."""

    name: str
    values: tuple[AxisValue, ...]
    tags: frozenset[str] = frozenset()


def read_values(document: Document, errors: list[DataError]) -> dict[str, ValueSet]:
    """Return the sets of ``values.yaml`` by name; defects are added to ``errors``."""
    sets = {}
    for name, row in document.data["values"].items():
        route = ("values", name, "values")
        values = [_value(item) for item in row["values"]]
        errors.extend(_id_defects(document, [((*route, n), v) for n, v in enumerate(values)]))
        sets[name] = ValueSet(name, tuple(values), frozenset(row.get("tags", ())))
    return sets


def template_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return given, when, then and and of a row in one form: every command a list of words.

    Words are split before placeholders are filled in, so that a value never becomes two words.
    TemplateError for a command line with an open quote.
    """
    return {
        "given": [
            {**given, "run": _words(given["run"], ("given", n))} if "run" in given else given
            for n, given in enumerate(row.get("given", ()))
        ],
        "when": _when(row["when"], ("when",)),
        "then": row.get("then", {}),
        "and": [
            {**step, "when": _when(step["when"], ("and", n))}
            for n, step in enumerate(row.get("and", ()))
        ],
    }


class CaseReader:
    """Reads the cases of one document; defects are collected in ``errors``."""

    def __init__(
        self, document: Document, contract: Contract, sets: Mapping[str, ValueSet]
    ) -> None:
        self.document = document
        self.contract = contract
        self.sets = sets
        self.errors: list[DataError] = []

    def read(self) -> Iterator[tuple[Route, Case]]:
        """Yield each case that could be read, and the way to it."""
        for n, row in enumerate(self.document.data["cases"]):
            route: Route = ("cases", n)
            try:
                template = template_of(row)
            except TemplateError as error:
                self._report((*route, *error.route), error.message)
                continue
            yield route, self._case(route, row, template)

    def _report(self, route: Route, message: str, **more: Any) -> None:
        self.errors.append(self.document.error(route, message, **more))

    def _case(self, route: Route, row: dict[str, Any], template: dict[str, Any]) -> Case:
        axes, tags = self._axes(route, row.get("axes", {}))
        runtimes = row.get("axes", {}).get("runtime")
        texts = [*_texts(template), *(str(v.value) for axis in axes for v in axis.values)]
        line, _ = self.document.values[*route, "id"]
        return Case(
            id=row["id"],
            covers=tuple(row["covers"]),
            polarity=row["polarity"],
            template=MappingProxyType(template),
            contract=self.contract,
            control=row.get("control"),
            text=row.get("text"),
            feature=row.get("feature"),
            runtimes=None if runtimes is None else tuple(runtimes),
            axes=axes,
            combine=row.get("combine", "product"),
            exceptions=self._exceptions(route, row, axes),
            needs=frozenset(row.get("needs", ())) | _implied(template),
            tags=frozenset(row.get("tags", ())) | tags,
            destructive=is_destructive(texts, self.contract),
            command=self.contract.subcommand(template["when"]["run"]),
            file=self.document.file,
            line=line,
        )

    def _axes(self, route: Route, raw: dict[str, Any]) -> tuple[tuple[Axis, ...], frozenset[str]]:
        tags: frozenset[str] = frozenset()
        axes = []
        # via and output come first in ids, wherever they are written.
        for name in sorted(raw, key=lambda name: (name not in OWN_AXES, *_rank(name))):
            if name == "runtime":
                continue
            if name in VARIABLES and name not in OWN_AXES:
                self._report((*route, "axes", name), f"{name!r} is a placeholder already", key=True)
            rows: list[tuple[Route, AxisValue]] = []
            items = raw[name] if isinstance(raw[name], list) else [raw[name]]
            for n, item in enumerate(items):
                place = (*route, "axes", name, n)
                if isinstance(item, dict) and "set" in item:
                    if item["set"] not in self.sets:
                        self._report(
                            place,
                            f"no value set {item['set']!r}",
                            word=item["set"],
                            valid=self.sets,
                        )
                        continue
                    found = self.sets[item["set"]]
                    tags |= found.tags
                    rows.extend((place, value) for value in found.values)
                else:
                    rows.append((place, _value(item)))
            self.errors.extend(_id_defects(self.document, rows))
            axes.append(Axis(name, tuple(value for _, value in rows)))
        return tuple(axes), tags

    def _exceptions(
        self, route: Route, row: dict[str, Any], axes: tuple[Axis, ...]
    ) -> tuple[Mapping[str, frozenset[str]], ...]:
        known = {axis.name: axis.values for axis in axes}
        runtimes = row.get("axes", {}).get("runtime", list(self.contract.runtimes))
        known["runtime"] = tuple(_value(runtime) for runtime in runtimes)
        exceptions = []
        for n, raw in enumerate(row.get("except", ())):
            exception = {}
            for name, wanted in raw.items():
                place = (*route, "except", n, name)
                if name not in known:
                    self.errors.extend(self.document.dangling(place, "axis", name, known, key=True))
                    continue
                ids = set()
                for word in wanted if isinstance(wanted, list) else [wanted]:
                    text = text_of(word)
                    matching = {v.id for v in known[name] if text in (v.id, text_of(v.value))}
                    if not matching:
                        valid = [value.id for value in known[name]]
                        self.errors.extend(
                            self.document.dangling(place, f"value of {name}", text, valid)
                        )
                    ids |= matching
                exception[name] = frozenset(ids)
            exceptions.append(MappingProxyType(exception))
        return tuple(exceptions)


def is_destructive(texts: list[str], contract: Contract) -> bool:
    """Whether a destructive command of the contract stands as a word in any of the texts.

    Too often rather than too seldom: such a case only asks for the lock.
    """
    words = [command.id for command in contract.commands.values() if command.destructive]
    found = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, words))})(?![\w-])")
    return bool(words) and any(found.search(text) for text in texts)


def _rank(name: str) -> tuple[int]:
    return (OWN_AXES.index(name) if name in OWN_AXES else 0,)


def _value(item: Any) -> AxisValue:
    if not isinstance(item, dict):
        return AxisValue(_UNPRINTABLE.sub("_", text_of(item)), item)
    extra = {key: value for key, value in item.items() if key not in ("is", "id")}
    own = _UNPRINTABLE.sub("_", text_of(item["is"]))
    return AxisValue(item.get("id", own), item["is"], MappingProxyType(extra))


def _id_defects(document: Document, rows: list[tuple[Route, AxisValue]]) -> Iterator[DataError]:
    seen: set[str] = set()
    for route, value in rows:
        if not 0 < len(value.id) <= _MAX_ID:
            yield document.error(
                route,
                f"the value needs an id of 1 to {_MAX_ID} characters: write {{is: …, id: …}}",
            )
        elif value.id in seen:
            yield document.error(
                route, f"value id {value.id!r} twice in one axis: write {{is: …, id: …}}"
            )
        seen.add(value.id)


def _when(when: Any, route: Route) -> dict[str, Any]:
    if isinstance(when, dict):
        return {**when, "run": _words(when["run"], route)}
    return {"run": _words(when, route)}


def _words(command: Any, route: Route) -> list[str]:
    if not isinstance(command, str):
        return list(command)
    try:
        return shlex.split(command)
    except ValueError as error:
        raise TemplateError(route, f"not a command line: {command!r}: {error}") from error


def _texts(template: dict[str, Any]) -> Iterator[str]:
    yield from template["when"]["run"]
    for row in template["given"]:
        yield from row.get("run", ())
    for row in template["and"]:
        yield from row["when"]["run"]


def _implied(template: dict[str, Any]) -> frozenset[str]:
    needs = set()
    steps = [template, *template["and"]]
    # Faults are the fake's, and so is a Podman beside docker; calls are journalled on every engine.
    given = template["given"]
    if any("fault" in row or row.get("engine") in _WITH_PODMAN for row in given):
        needs.add("fake")
    if any("tty" in step["when"] for step in steps):
        needs.add("terminal")
    return frozenset(needs)
