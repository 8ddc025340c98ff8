"""Make a cell concrete: fill its template in and build the typed steps that an executor runs."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from conformance.catalogue.step import (
    UNCHANGED,
    Bound,
    EngineExpect,
    Expect,
    FileExpect,
    Given,
    GivenContainer,
    GivenDirectory,
    GivenEngine,
    GivenEnv,
    GivenFault,
    GivenFile,
    GivenLink,
    GivenProgram,
    GivenRun,
    GivenVolume,
    GivenWorkspace,
    JsonExpect,
    Presence,
    SignalPlan,
    Step,
    TextExpect,
    TtyAction,
    TtyControl,
    TtyEof,
    TtyExpect,
    TtyResize,
    TtySend,
)
from conformance.catalogue.template import TemplateError, fill, text_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.catalogue.case import Cell
    from conformance.catalogue.contract import Contract
    from conformance.catalogue.parity import Signature
    from conformance.catalogue.yamlstrict import Route

__all__ = ["bind", "filled"]


def bind(cell: Cell, variables: Mapping[str, str]) -> Bound:
    """Fill in every placeholder and give typed steps; KeyError names a missing variable.

    ``variables``: root home sandbox tmp remote repos prefix image canary; ``work`` and ``ws`` may
    be given, else ``ws`` is the first workspace of `given` and ``work`` its work directory as seen
    inside. runtime, via, output, other and the axes come from the cell.
    """
    tree = filled(cell, variables)
    given = tuple(_given(row, ("given", n)) for n, row in enumerate(tree["given"]))
    contract = cell.case.contract
    refused = cell.parity.signature if cell.parity and cell.plan == "refusal" else None
    steps = [_step(tree["when"], tree["then"], (), contract, refused)]
    for n, row in enumerate(tree["and"]):
        steps.append(_step(row["when"], row["then"], ("and", n), contract, None))
    return Bound(given, tuple(steps))


def filled(cell: Cell, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the given, when, then and `and` of a cell as written, with nothing left to fill in.

    ``variables`` and errors: as ``bind`` has them.
    """
    template = _template_of(cell)
    tree: dict[str, Any] = fill(template, _names(cell, template, variables))
    return tree


def _template_of(cell: Cell) -> dict[str, Any]:
    template = {"given": [], "then": {}, "and": [], **cell.case.template}
    if cell.plan == "refusal":
        # What follows builds on a success that this runtime does not claim.
        template |= {"then": {}, "and": []}
    return template


def _names(
    cell: Cell, template: dict[str, Any], variables: Mapping[str, str]
) -> Callable[[str], Any]:
    contract = cell.case.contract

    def look_up(name: str) -> Any:
        axis, _, key = name.partition(".")
        if axis in cell.axes:
            value = cell.axes[axis]
            return fill(value.extra[key] if key else value.value, look_up)
        if name in variables:
            return variables[name]
        if name == "other":
            others = (id_ for id_ in contract.runtimes if id_ != cell.runtime)
            return next(others)
        if name == "ws":
            return fill(_first_workspace(template), look_up)
        if name == "work":
            # EXEC-1a; a plug-in runtime may see it elsewhere and then gives `work` itself.
            return fill("{root}/{ws}/work", look_up) if cell.runtime == "host" else "/work"
        raise KeyError(name)

    return look_up


def _first_workspace(template: dict[str, Any]) -> str:
    for row in template["given"]:
        if "workspace" in row:
            return str(row["workspace"])
    raise KeyError("ws")


def _given(row: dict[str, Any], route: Route) -> Given:
    match row:
        case {"workspace": name}:
            return GivenWorkspace(
                text_of(name),
                texts_of(row.get("repos", ())),
                row.get("runtime"),
                texts_of(row.get("args", ())),
            )
        case {"env": variables}:
            return GivenEnv(_environment(variables))
        case {"file": path}:
            return GivenFile(path, text_of(row.get("content", "")), _mode(row, route, 0o644))
        case {"dir": path}:
            return GivenDirectory(path, _mode(row, route, 0o755))
        case {"link": path, "to": target}:
            return GivenLink(path, target)
        case {"container": name}:
            return GivenContainer(name, row.get("labels", {}))
        case {"volume": name}:
            return GivenVolume(name, row.get("labels", {}))
        case {"fault": fault}:
            return GivenFault(fault)
        case {"engine": state}:
            return GivenEngine(state)
        case {"program": name}:
            return GivenProgram(name)
        case {"run": argv}:
            return GivenRun(texts_of(argv))
    raise TemplateError(route, f"not a kind of given: {', '.join(row)}")


def _step(
    when: dict[str, Any],
    then: dict[str, Any],
    route: Route,
    contract: Contract,
    refused: Signature | None,
) -> Step:
    argv = texts_of(when["run"])
    actions = when.get("tty")
    return Step(
        argv=argv,
        expect=_refusal(refused) if refused else _expect(then, argv, (*route, "then"), contract),
        stdin=_stdin(when["stdin"]) if "stdin" in when else None,
        env=_environment(when.get("env", {})),
        cwd=when.get("cwd"),
        tty=None if actions is None else tuple(_action(row) for row in actions),
        signal=_signal(when["signal"], (*route, "when", "signal")) if "signal" in when else None,
        close=when.get("close"),
        timeout=_number(when, "timeout", (*route, "when")),
    )


def _stdin(value: Any) -> bytes:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return text_of(value).encode()


def _action(row: dict[str, Any]) -> TtyAction:
    match row:
        case {"expect": pattern}:
            return TtyExpect(pattern)
        case {"send": text}:
            return TtySend(text)
        case {"control": letter}:
            return TtyControl(letter)
        case {"resize": [rows, columns]}:
            return TtyResize(rows, columns)
    return TtyEof()


def _signal(row: dict[str, Any], route: Route) -> SignalPlan:
    names = {name.removeprefix("SIG"): name for name in signal.Signals.__members__}
    _known((*route, "send"), "signal", text_of(row["send"]), names)
    after = row["after"]
    if isinstance(after, dict):
        return SignalPlan(row["send"], after_file=text_of(after["file"]))
    if isinstance(after, str):
        return SignalPlan(row["send"], after_output=after)
    return SignalPlan(row["send"], after_seconds=float(after))


def _refusal(signature: Signature) -> Expect:
    return Expect(exit=signature.exit, error=signature.error, unchanged=UNCHANGED)


def _expect(
    then: dict[str, Any], argv: tuple[str, ...], route: Route, contract: Contract
) -> Expect:
    error, json, engine = then.get("error"), then.get("json"), then.get("engine")
    pinned = 0
    if error is not None:
        _known((*route, "error"), "error code", error, contract.error_codes)
        pinned = contract.exit_of(error, contract.subcommand(argv))
    if json is not None and "schema" in json:
        _known((*route, "json", "schema"), "output", json["schema"], contract.outputs)
    wanted = then.get("exit", pinned)
    wanted = wanted if isinstance(wanted, list) else [wanted]
    codes = [_whole(code, "exit", route) for code in wanted]
    return Expect(
        exit=codes[0],
        or_exits=tuple(codes[1:]),
        error=error,
        stdout=_text(then.get("stdout")),
        stderr=_text(then.get("stderr")),
        json=None if json is None else JsonExpect(json.get("schema"), json.get("at", {})),
        workspaces=_presence(then.get("workspaces")),
        volumes=_presence(then.get("volumes")),
        files={path: _file(row, (*route, "files")) for path, row in then.get("files", {}).items()},
        unchanged=tuple(then.get("unchanged", ())),
        engine=None if engine is None else _engine(engine, (*route, "engine")),
        within=_number(then, "within", route),
    )


def _engine(row: dict[str, Any], route: Route) -> EngineExpect:
    calls, most = _count(row, "calls", route), _count(row, "max", route)
    return EngineExpect(calls, most, texts_of(row.get("never", ())))


def _known(route: Route, kind: str, word: str, valid: Mapping[str, object]) -> None:
    if word not in valid:
        raise TemplateError(route, f"no {kind} {word!r}", word, valid)


def _text(row: dict[str, Any] | None) -> TextExpect | None:
    if row is None:
        return None
    lists = {key: texts_of(row[key]) for key in ("lines", "contains", "lacks") if key in row}
    return TextExpect(
        equals=text_of(row["is"]) if "is" in row else None,
        matches=text_of(row["matches"]) if "matches" in row else None,
        empty=row.get("empty"),
        sha256=row.get("sha256"),
        **lists,
    )


def _presence(row: dict[str, Any] | None) -> Presence | None:
    if row is None:
        return None
    return Presence(texts_of(row.get("present", ())), texts_of(row.get("absent", ())))


def _file(row: Any, route: Route) -> FileExpect:
    if isinstance(row, str):
        return FileExpect(row)  # type: ignore[arg-type]  # the schema allows the four kinds only
    return FileExpect(
        row.get("kind", "file"),
        content=text_of(row["content"]) if "content" in row else None,
        contains=texts_of(row.get("contains", ())),
        mode=_mode(row, route) if "mode" in row else None,
    )


def _mode(row: dict[str, Any], route: Route, default: int = 0) -> int:
    text = row.get("mode", f"0{default:o}")
    try:
        return int(text, 8)
    except (TypeError, ValueError):
        raise TemplateError((*route, "mode"), f"{text!r} is no permission bits") from None


def _whole(value: Any, key: str, route: Route) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TemplateError((*route, key), f"{key}: {value!r} is not a whole number")


def _count(row: dict[str, Any], key: str, route: Route) -> int | None:
    return None if row.get(key) is None else _whole(row[key], key, route)


def _number(row: dict[str, Any], key: str, route: Route) -> float | None:
    value = row.get(key)
    if value is None or (isinstance(value, int | float) and value > 0):
        return value
    raise TemplateError((*route, key), f"{key}: {value!r} is not a number of seconds")


def _environment(row: Mapping[str, Any]) -> dict[str, str | None]:
    return {key: None if value is None else text_of(value) for key, value in row.items()}
