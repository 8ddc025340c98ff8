"""Compare cases with the contract, the parity matrix and each other: what a schema cannot see."""

from __future__ import annotations

import difflib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from conformance.catalogue.binding import bind
from conformance.catalogue.case import AxisValue, Case, Cell
from conformance.catalogue.casefile import OWN_AXES
from conformance.catalogue.expansion import cells_of
from conformance.catalogue.parity_matrix import option_feature
from conformance.catalogue.template import VARIABLES, TemplateError, holes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.catalogue.case import Suite
    from conformance.catalogue.contract import Command
    from conformance.catalogue.dataerror import DataError
    from conformance.catalogue.parity import Parity
    from conformance.catalogue.step import Bound
    from conformance.catalogue.yamlstrict import Document, Route

__all__ = ["case_defects", "suite_defects", "suite_gaps", "suite_warnings", "template_defects"]

_FROM_CELL = (*OWN_AXES, "other", "ws", "work")
_TRIAL = {name: name for name in VARIABLES if name not in _FROM_CELL}
_AT = re.compile(r"[A-Za-z_][\w-]*(\[([0-9]+|\*)\]|\.[A-Za-z_][\w-]*)*")
_SAYS_EXIT = re.compile(r"\b(exits?|exit code) [1-9]")


def case_defects(
    document: Document, route: Route, case: Case, parity: Parity
) -> Iterator[DataError]:
    """Yield what is wrong with one case, its steps included."""
    contract = case.contract
    for n, id_ in enumerate(case.covers):
        place = (*route, "covers", n)
        yield from document.dangling(place, "requirement", id_, contract.requirements)
        if id_ in contract.requirements and contract.requirements[id_].stage == "planned":
            yield document.error(place, f"{id_} is planned: it may not have cases yet")
    if case.feature is not None:
        yield from document.dangling((*route, "feature"), "feature", case.feature, parity.features)
    for n, runtime in enumerate(case.runtimes or ()):
        place = (*route, "axes", "runtime", n)
        yield from document.dangling(place, "runtime", runtime, contract.runtimes)
    yield from _polarity_defects(document, route, case)
    yield from _refused_options(document, route, case, parity)
    yield from template_defects(document, route, case)


def template_defects(document: Document, route: Route, case: Case) -> Iterator[DataError]:
    """Yield what is wrong with the steps of a case: placeholders, codes, patterns, paths."""
    defects = [*_hole_defects(document, route, case)]
    yield from defects
    if not defects:
        yield from _unused_axes(document, route, case)
    if defects or not all(axis.values for axis in case.axes):
        return  # without a value of every axis there is nothing to fill in
    told: set[str] = set()
    for cell in _trial_cells(case):
        try:
            faults = [*_step_faults(bind(cell, _TRIAL))]
        except TemplateError as error:
            faults = [error]
        for fault in faults:
            if fault.message not in told:
                told.add(fault.message)
                yield document.error(
                    (*route, *fault.route), fault.message, word=fault.word, valid=fault.valid
                )


def suite_defects(
    suite: Suite, places: Mapping[str, tuple[Document, Route]]
) -> Iterator[DataError]:
    """Yield what only the whole suite shows: controls, and cases of which no cell is left."""
    runtimes = suite.contract.runtimes
    for case in suite.cases.values():
        document, route = places[case.id]
        running = [name for name in runtimes if next(cells_of(suite, case, name), None)]
        if not running and not _has_probe(suite, case):
            yield document.error(route, f"{case.id}: axes and exceptions leave no cell")
        if case.control is None:
            continue
        place = (*route, "control")
        control = suite.cases.get(case.control)
        if control is None:
            yield from document.dangling(place, "case", case.control, suite.cases)
        elif control.polarity != "positive":
            yield document.error(place, f"{case.control!r} is no control: it is not positive")
        else:
            for name in running:
                if not any(cell.plan == "run" for cell in cells_of(suite, control, name)):
                    yield document.error(
                        place, f"control {case.control!r} has no cell in runtime {name!r}"
                    )


def suite_gaps(suite: Suite, contract: Document, parity: Document) -> Iterator[DataError]:
    """Yield what no case looks at: requirements and features of the parity matrix."""
    covered = {id_ for case in _written(suite) for id_ in case.covers}
    for n, id_ in enumerate(suite.contract.requirements):
        if id_ in suite.contract.tested and id_ not in covered:
            yield contract.error(("requirements", n, "id"), f"no case covers {id_}")
    used = {feature for case in suite.cases.values() for feature in _features_of(case)}
    for n, id_ in enumerate(suite.parity.features):
        if id_ not in used:
            yield parity.error(("cells", n, "at"), f"no case and no probe uses feature {id_!r}")


def suite_warnings(suite: Suite, contract: Document) -> Iterator[DataError]:
    """Yield each must that names a failing exit and that no negative case covers."""
    negative = {
        id_ for case in _written(suite) if case.polarity == "negative" for id_ in case.covers
    }
    for n, (id_, entry) in enumerate(suite.contract.requirements.items()):
        if (
            entry.level == "must"
            and entry.stage == "current"
            and id_ not in negative
            and _SAYS_EXIT.search(entry.text)
        ):
            yield contract.error(
                ("requirements", n, "id"), f"{id_} names a failing exit; no negative case covers it"
            )


def _written(suite: Suite) -> Iterator[Case]:
    """The cases of the case files: a probe shows a refusal, it does not test a requirement."""
    return (case for case in suite.cases.values() if "probe" not in case.tags)


def _polarity_defects(document: Document, route: Route, case: Case) -> Iterator[DataError]:
    then = case.template["then"]
    if case.polarity == "positive":
        if case.control is not None:
            yield document.error((*route, "control"), "a positive case has no control", key=True)
        return
    # KIT-3
    if case.control is None:
        yield document.error(
            (*route, "id"), f"{case.id} is negative and names no control (a positive case)"
        )
    if "error" not in then and (isinstance(then.get("exit"), list) or not then.get("exit", 0)):
        yield document.error(
            (*route, "then"), "a negative case pins its failure: `error`, or `exit` other than 0"
        )
    if "unchanged" not in then:
        yield document.error(
            (*route, "then"), "a negative case says what must stay: `unchanged: [...]`"
        )


def _refused_options(
    document: Document, route: Route, case: Case, parity: Parity
) -> Iterator[DataError]:
    if case.polarity == "negative":
        return
    for runtime in case.runtimes or case.contract.runtimes:
        for id_ in sorted(_features_of(case) - {case.feature}):
            entry = parity.entry(id_, runtime) if id_ in parity.features else None
            if entry is not None and entry.expect == "unsupported":
                yield document.error(
                    (*route, "when"),
                    f"{id_} is unsupported in runtime {runtime!r}: write `feature: {id_}`, or "
                    "leave that runtime out of the axes",
                )


def _features_of(case: Case) -> set[str]:
    """The feature it names, and those of the commands and options in its command lines."""
    contract = case.contract
    found = {case.feature} if case.feature is not None else set()
    steps = [case.template["when"], *(step["when"] for step in case.template["and"])]
    lines = [step["run"] for step in steps]
    lines += [row["run"] for row in case.template["given"] if "run" in row]
    values = {axis.name: [str(v.value) for v in axis.values] for axis in case.axes}
    for line in lines:
        own = line[: line.index("--")] if "--" in line else line
        words = [word for raw in own for word in values.get(raw.strip("{}"), [raw])]
        if words[:1] != ["awl"]:
            continue
        id_ = contract.subcommand(words)
        if id_ is not None:
            found |= {id_, *_option_features(contract.commands[id_], words)}
    return found


def _option_features(command: Command, words: list[str]) -> Iterator[str]:
    given = {word.partition("=")[0] for word in words}
    for option in command.options:
        if given & {option.name, option.short, *option.aliases}:
            yield option_feature(command, option)


def _has_probe(suite: Suite, case: Case) -> bool:
    feature = suite.parity.features.get(case.feature or "")
    return feature is not None and any(entry.probe for entry in feature.runtimes.values())


def _hole_defects(document: Document, route: Route, case: Case) -> Iterator[DataError]:
    axes = {axis.name: axis for axis in case.axes}
    keys = {f"{axis.name}.{key}" for axis in case.axes for v in axis.values for key in v.extra}
    valid = {*VARIABLES, *axes, *keys}
    trees: list[tuple[Route, object]] = [(route, dict(case.template))]
    for axis in case.axes:
        place = (*route, "axes", axis.name)
        trees += [(place, [v.value, *v.extra.values()]) for v in axis.values]
    for place, tree in trees:
        inside = place != route
        try:
            for where, name in holes(tree):
                full = place if inside else (*route, *where)
                if name not in valid or (inside and name not in VARIABLES):
                    known = VARIABLES if inside else valid
                    yield document.error(full, f"no placeholder {{{name}}}", word=name, valid=known)
                    continue
                axis_name, _, key = name.partition(".")
                for value in axes[axis_name].values if key else ():
                    if key not in value.extra:
                        yield document.error(
                            full, f"value {value.id!r} of {axis_name} has no key {key!r}"
                        )
                if name in ("ws", "work") and not any(
                    "workspace" in row for row in case.template["given"]
                ):
                    yield document.error(full, f"{{{name}}} needs a workspace in `given`")
        except TemplateError as error:
            yield document.error(place if inside else (*route, *error.route), error.message)


def _unused_axes(document: Document, route: Route, case: Case) -> Iterator[DataError]:
    """Yield each axis that nothing asks for and that is called nearly like one of every cell's own:
    ``outptu`` would play the same cell again and again.
    """
    used = {name.partition(".")[0] for _, name in holes(dict(case.template))}
    for axis in case.axes:
        meant = [name for name in OWN_AXES if name != axis.name and _alike(axis.name, name)]
        if meant and axis.name not in used:
            place = (*route, "axes", axis.name)
            message = f"nothing asks for the axis {axis.name!r}: no {{{axis.name}}} in this case"
            yield document.error(place, message, word=axis.name, valid=meant, key=True)


def _alike(word: str, name: str) -> bool:
    same_letters = sorted(word) == sorted(name)
    return same_letters or difflib.SequenceMatcher(None, word, name).ratio() >= 0.8


def _trial_cells(case: Case) -> Iterator[Cell]:
    """Yield cells in which every value of every axis stands once: their sum, not their product."""
    runtime = next(iter(case.runtimes or case.contract.runtimes))
    base = {
        "runtime": AxisValue(runtime, runtime),
        "via": AxisValue("flag", "flag"),
        "output": AxisValue("text", "text"),
        **{axis.name: axis.values[0] for axis in case.axes if axis.values},
    }
    rows = [base, *({**base, axis.name: v} for axis in case.axes for v in axis.values[1:])]
    for row in rows:
        axes = MappingProxyType(row)
        yield Cell(case.id, case, axes, runtime, row["via"].id, row["output"].id)


def _step_faults(bound: Bound) -> Iterator[TemplateError]:
    for n, step in enumerate(bound.steps):
        route: Route = () if n == 0 else ("and", n - 1)
        patterns = [
            (("when", "tty"), getattr(action, "pattern", None)) for action in step.tty or ()
        ]
        if step.signal is not None:
            patterns.append((("when", "signal"), step.signal.after_output))
        for name in ("stdout", "stderr"):
            text = getattr(step.expect, name)
            patterns.append((("then", name), text.matches if text else None))
        for where, pattern in patterns:
            try:
                re.compile(pattern or "")
            except re.error as error:
                yield TemplateError((*route, *where), f"not a pattern: {pattern!r}: {error}")
        for path in step.expect.json.at if step.expect.json else ():
            if not _AT.fullmatch(path):
                yield TemplateError(
                    (*route, "then", "json", "at"),
                    f"not a path: {path!r}; write a.b, a[0], a[*].b or a.length",
                )
