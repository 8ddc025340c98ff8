"""``explain``: a requirement, a case, a cell, a command or a code, as a page for people.

It is what an author of a launcher reads instead of the suite's code: what is asked, in which
commands, what must hold after them, and what to type next.
"""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from conformance.catalogue.binding import filled
from conformance.catalogue.case import Case, Cell, Suite
from conformance.catalogue.matrix import expand
from conformance.catalogue.parity import Feature, ParityEntry
from conformance.catalogue.template import VARIABLES, texts_of
from conformance.invoke import invocation

__all__ = ["explain", "names"]

# More cells than these are a list for `cases`.
_MANY = 12
_WIDTH = 96
_YAML: dict[str, Any] = {"allow_unicode": True, "sort_keys": False, "default_flow_style": None}


def names(suite: Suite) -> Iterator[str]:
    """Everything that ``explain`` knows by name, cells left out."""
    yield from suite.contract.requirements
    yield from suite.cases
    yield from suite.contract.commands
    yield from suite.contract.outputs
    yield from suite.contract.error_codes
    yield from suite.contract.runtimes
    yield from suite.parity.features
    yield from sorted({_family(id_) for id_ in suite.contract.requirements})
    yield from map(str, suite.contract.exit_codes)


def explain(suite: Suite, id_: str) -> str | None:
    """A page on whatever has a name: a requirement or a family of these, a case, a cell, a command,
    a feature, a runtime, an output, an error code, an exit code. None where nothing has it.
    """
    contract = suite.contract
    known = [*names(suite)]
    if id_ not in known:
        id_ = next((name for name in known if name.lower() == id_.lower()), id_)
    if id_ in contract.requirements:
        return "\n".join(_requirement(suite, id_))
    if id_ in suite.cases:
        return "\n".join(_case(suite, suite.cases[id_]))
    if id_ in contract.commands:
        return "\n".join(_command(suite, id_))
    if id_ in contract.outputs:
        return "\n".join(_output(suite, id_))
    if id_ in contract.error_codes:
        code = contract.error_codes[id_]
        return f"error {code.code}: exit {code.exit}\n  {code.text}"
    if id_.isdigit() and int(id_) in contract.exit_codes:
        row = contract.exit_codes[int(id_)]
        codes = [
            f"  {c.code}: {c.text}" for c in contract.error_codes.values() if c.exit == row.exit
        ]
        return "\n".join([f"exit {row.exit} {row.name}: {row.text}", *codes])
    if id_ in contract.runtimes:
        return "\n".join(_runtime(suite, id_))
    if id_ in suite.parity.features:
        return "\n".join(_feature(suite, suite.parity.features[id_]))
    for cell in expand(suite):
        if cell.id == id_:
            return "\n".join(_cell(suite, cell))
    if family := [one for one in contract.requirements if _is_of(one, id_)]:
        return "\n".join([*_requirements(suite, family), *_next(f"explain {family[0]}")])
    return None


# ---------------------------------------------------------------------- one kind each
def _requirement(suite: Suite, id_: str) -> Iterator[str]:
    one = suite.contract.requirements[id_]
    yield f"{id_} ({one.level}, profile {one.profile}, since contract {one.since})"
    yield f"  {one.text}"
    counts = Counter(cell.case.id for cell in expand(suite))
    cases = [case for case in suite.cases.values() if id_ in case.covers]
    rows = [row for row in suite.parity.features.values() if id_ in row.requires]
    yield from _features(rows)
    yield ""
    if not cases:
        yield "  planned: no case checks it yet"
        return
    yield "cases"
    for case in cases:
        count = _cells(counts[case.id])
        yield f"  {case.id}  {case.polarity}, {count}  ({case.file}:{case.line})"
        yield f"      {_line(_typed(case.template['when']))}"
    yield from _next(f"explain {cases[0].id}", f"run --select {id_}")


def _case(suite: Suite, case: Case) -> Iterator[str]:
    cells = [cell for cell in expand(suite) if cell.case.id == case.id]
    yield from _head(suite, case, case.id)
    yield from _told(suite, case.template, _typed)
    for axis in case.axes:
        yield ""
        yield f"{{{axis.name}}}"
        width = max(len(value.id) for value in axis.values)
        for value in axis.values:
            shown = {"value": value.value, **value.extra} if value.extra else value.value
            plain = str(value.value) == value.id and not value.extra
            yield f"  {value.id}" if plain else f"  {value.id:<{width}}  {_flow(shown)}"
    yield ""
    yield _cells(len(cells))
    yield from (f"  {cell.id}{_planned(cell)}" for cell in cells[:_MANY])
    if len(cells) > _MANY:
        yield f"  and {len(cells) - _MANY} more: awl-conformance cases --select {case.id}"
    if cells:
        yield from _next(f"explain '{cells[0].id}'", f"replay '{cells[0].id}'")


def _cell(suite: Suite, cell: Cell) -> Iterator[str]:
    def typed(when: Mapping[str, Any]) -> str:
        call = invocation(
            ("awl",), texts_of(when["run"]), runtime=cell.runtime, via=cell.via, output=cell.output
        )
        return " ".join([*(f"{name}={value}" for name, value in call.env), shlex.join(call.argv)])

    yield from _head(suite, cell.case, f"{cell.id}{_planned(cell)}")
    if cell.parity:
        yield f"  parity  {cell.parity.feature} {_stated(cell.parity)}"
    yield from _told(suite, filled(cell, {name: f"{{{name}}}" for name in VARIABLES}), typed)
    yield from _next(f"replay '{cell.id}'")


def _command(suite: Suite, id_: str) -> Iterator[str]:
    command = suite.contract.commands[id_]
    yield f"awl {command.usage}"
    yield f"  {command.text}"
    yield from (f"  {option.name:<18} {option.text}" for option in command.options)
    if command.json:
        yield ""
        yield from _output(suite, command.json)
    rows = [row for row in suite.parity.features.values() if row.command == id_]
    yield ""
    wanted = {one for row in rows for one in row.requires}
    yield from _requirements(suite, [one for one in suite.contract.requirements if one in wanted])
    yield from _features(rows)
    yield from _next(f"run --select {id_}", f"cases --select {id_}")


def _runtime(suite: Suite, id_: str) -> Iterator[str]:
    one = suite.contract.runtimes[id_]
    other = f", also called {', '.join(one.aliases)}" if one.aliases else ""
    yield f"runtime {id_}{other}{' (the default)' if one.default else ''}"
    yield f"  {one.text}"
    rows = [row for row in suite.parity.features.values() if row.runtimes[id_].expect != "same"]
    yield from _features(rows)
    yield from _next(f"run --runtime {id_}")


def _feature(suite: Suite, row: Feature) -> Iterator[str]:
    yield from [*_features([row])][1:]
    yield ""
    yield from _requirements(suite, row.requires)
    yield from _next(f"run --select {shlex.quote(' or '.join(row.requires))}")


def _output(suite: Suite, id_: str) -> Iterator[str]:
    yield f"--json prints one document (JSON Schema {id_!r})"
    yield from _block(suite.contract.outputs[id_])


# ---------------------------------------------------------------------- their parts
def _head(suite: Suite, case: Case, title: str) -> Iterator[str]:
    yield f"{title} ({case.polarity}; {case.file}:{case.line})"
    if case.text:
        yield f"  {case.text}"
    if case.needs:
        yield f"  needs   {', '.join(sorted(case.needs))}"
    if case.control:
        yield f"  control {case.control}: it must pass, or this one proves nothing"
    yield ""
    yield from _requirements(suite, case.covers)


def _requirements(suite: Suite, ids: Iterable[str]) -> Iterator[str]:
    yield "requirements"
    for id_ in ids:
        one = suite.contract.requirements[id_]
        yield f"  {id_} ({one.level}): {one.text}"


def _family(id_: str) -> str:
    """``CREATE`` of ``CREATE-5a``: the chapter of a requirement."""
    return id_.partition("-")[0]


def _is_of(id_: str, name: str) -> bool:
    """Whether a requirement belongs to ``name``: ``CREATE-5a`` to CREATE and to CREATE-5."""
    return re.fullmatch(rf"{re.escape(name)}(-\d+)?[a-z]?", id_, re.IGNORECASE) is not None


def _features(rows: Sequence[Feature]) -> Iterator[str]:
    """What the parity matrix says of these features."""
    if rows:
        yield ""
        yield "parity"
    for row in rows:
        said = {runtime: _stated(entry) for runtime, entry in row.runtimes.items()}
        if len(set(said.values())) == 1:
            yield f"  {row.id}: {next(iter(said.values()))} in each runtime"
        else:
            yield f"  {row.id}"
            yield from (f"    {runtime:<10} {text}" for runtime, text in said.items())


def _stated(entry: ParityEntry) -> str:
    said = str(entry.expect)
    if entry.signature:
        said += f", exit {entry.signature.exit} {entry.signature.error or ''}".rstrip()
    return f"{said}: {entry.reason}" if entry.reason else said


def _told(
    suite: Suite, template: Mapping[str, Any], typed: Callable[[Mapping[str, Any]], str]
) -> Iterator[str]:
    """What is there, what is typed, and what must hold after it, step for step."""
    if template.get("given"):
        yield ""
        yield "given"
        yield from (f"  {_given(row)}" for row in template["given"])
    for step in (template, *template.get("and", ())):
        yield ""
        yield "when" if step is template else "and when"
        yield f"  {typed(step['when'])}"
        yield from _block({key: value for key, value in step["when"].items() if key != "run"})
        then = step.get("then") or {}
        yield "then"
        yield from _block({"exit": _exit(suite, then), **then})


def _exit(suite: Suite, then: Mapping[str, Any]) -> Any:
    """The exit code that a step must have: where only an error is named, that of the error."""
    if "error" not in then:
        return then.get("exit", 0)
    known = suite.contract.error_codes.get(str(then["error"]))
    return then.get("exit", known.exit if known else "that of the error")


def _given(row: Mapping[str, Any]) -> str:
    if "run" in row:
        return f"run: {shlex.join(texts_of(row['run']))}"
    return _flow(row)[1:-1]


def _typed(when: Mapping[str, Any]) -> str:
    # Placeholders are no quotes' business.
    words = texts_of(when["run"])
    return " ".join(word if word.startswith("{") else shlex.quote(word) for word in words)


def _block(values: Mapping[str, Any]) -> Iterator[str]:
    """A line for each key, or some where they would be long."""
    for key, value in values.items():
        line = f"{key}: {_flow(value)}"
        if len(line) > _WIDTH:
            text = yaml.dump({key: _plain(value)}, Dumper=_Dumper, width=_WIDTH, **_YAML)
            yield from (f"  {line}" for line in text.splitlines())
        else:
            yield f"  {line}"


def _flow(value: Any) -> str:
    wide = {**_YAML, "default_flow_style": True, "width": 10_000}
    text: str = yaml.dump(_plain(value), Dumper=_Dumper, **wide)
    return text.removesuffix("...\n").strip()


def _line(text: str) -> str:
    """Its first line, cut where it is long."""
    first, *rest = text.splitlines()
    return f"{first[:_WIDTH]} …" if rest or len(first) > _WIDTH else first


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines in quotes, with its ends of line as \\n."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if "\n" in text else None
    ),
)


def _plain(value: Any) -> Any:
    """The same of dicts, lists and scalars only, as a dumper wants them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _planned(cell: Cell) -> str:
    return "" if cell.plan == "run" else f" ({cell.plan})"


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"


def _next(*commands: str) -> Iterator[str]:
    yield ""
    yield "next"
    for command in commands:
        # A launcher of one's own has to be named, or awl itself would be played.
        own = " [--program PATH]" if command.startswith(("run ", "replay ")) else ""
        yield f"  awl-conformance {command}{own}"
