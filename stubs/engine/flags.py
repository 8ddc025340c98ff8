"""Read a command line as docker's own parser does, with its words for what is wrong.

A command's flags are one string: `name`, `name,short`, each with `=text`, `=list`, `=int` or
nothing (a switch): `"all,a filter,f=list last,n=int"`.
"""

from __future__ import annotations

from engine.errors import CliError, UsageError

__all__ = ["Parsed", "parse"]

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


class Parsed:
    """What stood on the command line: flags by long name, and the rest in order."""

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.args: list[str] = []

    def given(self, name: str) -> bool:
        """Whether the flag stood on the command line at all."""
        return name in self.values

    def on(self, name: str) -> bool:
        """A switch; off where absent."""
        return self.values.get(name, ["false"])[-1] in _TRUE

    def text(self, name: str, default: str = "") -> str:
        """The last value given, as in the real parser."""
        return self.values.get(name, [default])[-1]

    def texts(self, name: str) -> list[str]:
        """Every value given, in order."""
        return self.values.get(name, [])

    def number(self, name: str, default: int) -> int:
        """A whole number; already checked."""
        return int(self.values[name][-1]) if name in self.values else default


class _Spec:
    """The table of one command: long name to kind, short letter to long name."""

    def __init__(self, text: str) -> None:
        self.kind: dict[str, str] = {}
        self.short: dict[str, str] = {}
        for word in text.split():
            head, _, kind = word.partition("=")
            name, _, short = head.partition(",")
            self.kind[name] = kind or "switch"
            if short:
                self.short[short] = name

    def label(self, name: str) -> str:
        for short, long in self.short.items():
            if long == name:
                return f"-{short}, --{name}"
        return f"--{name}"


def parse(
    argv: list[str], spec_text: str, command: str, usage: str = "", *, interspersed: bool = True
) -> Parsed:
    """Split `argv` into flags and arguments.

    `interspersed=False` stops at the first argument, as `run` and `exec` do. `--help` prints
    `usage` and ends with exit 0. UsageError (exit 125) for what the table does not know.
    """
    spec = _Spec(spec_text)
    found = Parsed()
    index = 0
    while index < len(argv):
        word = argv[index]
        index += 1
        if word == "--":
            found.args += argv[index:]
            break
        if word[:1] != "-" or word == "-":
            found.args.append(word)
            if not interspersed:
                found.args += argv[index:]
                break
            continue
        if word == "--help" or (word == "-h" and "h" not in spec.short):
            raise CliError(_help(usage, command, spec), 0)
        if word.startswith("--"):
            index = _long(word, argv, index, spec, found, command)
        else:
            index = _letters(word, argv, index, spec, found, command)
    return found


def _long(word: str, argv: list[str], index: int, spec: _Spec, found: Parsed, command: str) -> int:
    name, equals, value = word[2:].partition("=")
    kind = spec.kind.get(name)
    if kind is None or not name:
        raise UsageError(f"unknown flag: --{name}" if name else f"bad flag syntax: {word}", command)
    if kind == "switch":
        _store(name, value if equals else "true", spec, found, command)
    elif equals:
        _store(name, value, spec, found, command)
    elif index < len(argv):
        _store(name, argv[index], spec, found, command)
        index += 1
    else:
        raise UsageError(f"flag needs an argument: --{name}", command)
    return index


def _letters(
    word: str, argv: list[str], index: int, spec: _Spec, found: Parsed, command: str
) -> int:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        name = spec.short.get(letter)
        if name is None:
            raise UsageError(f"unknown shorthand flag: {letter!r} in {word}", command)
        if rest.startswith("="):
            _store(name, rest[1:], spec, found, command)
            break
        if spec.kind[name] == "switch":
            _store(name, "true", spec, found, command)
            continue
        if not rest:
            if index >= len(argv):
                raise UsageError(f"flag needs an argument: {letter!r} in {word}", command)
            rest = argv[index]
            index += 1
        _store(name, rest, spec, found, command)
        break
    return index


def _store(name: str, value: str, spec: _Spec, found: Parsed, command: str) -> None:
    kind = spec.kind[name]
    trouble = ""
    if kind == "switch" and value not in _TRUE + _FALSE:
        trouble = f'strconv.ParseBool: parsing "{value}": invalid syntax'
    elif kind == "int":
        try:
            int(value)
        except ValueError:
            trouble = f'strconv.ParseInt: parsing "{value}": invalid syntax'
    if trouble:
        raise UsageError(
            f'invalid argument "{value}" for "{spec.label(name)}" flag: {trouble}', command
        )
    found.values.setdefault(name, []).append(value)


def _help(usage: str, command: str, spec: _Spec) -> str:
    lines = ["", f"Usage:  {command} {usage}".rstrip(), "", "Options:"]
    for name in sorted(spec.kind):
        kind = spec.kind[name]
        shown = (
            "" if kind == "switch" else {"text": " string", "list": " list", "int": " int"}[kind]
        )
        label = spec.label(name)
        lines.append(f"  {label if label[1] != '-' else '    ' + label}{shown}")
    return "\n".join(lines)
