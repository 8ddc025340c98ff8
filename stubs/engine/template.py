"""The part of Go's text/template that `--format` is used with.

Fields, strings, numbers, variables, pipelines, `range`, `if`/`else`, `with`, and docker's
functions (json, join, split, lower, upper, title, len, index, eq, ne, and, or, not, println,
printf, pad, truncate). Anything else is an error, as in the real one.
"""

from __future__ import annotations

from engine.template_functions import FUNCTIONS, NOTHING, is_true, show

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Template", "TemplateError"]

# Fields of docker's documents that are not written where empty, and yet can be named.
_OMITTED = ("ExposedPorts", "Health", "Healthcheck", "Init", "Mounts", "StopTimeout", "Tmpfs")


class TemplateError(Exception):
    """A template that cannot be read (`parsing`), or does not fit its data."""

    def __init__(self, message: str, *, parsing: bool = False) -> None:
        super().__init__(message)
        self.parsing = parsing


def _bad(message: str) -> TemplateError:
    return TemplateError(f"template: :1: {message}", parsing=True)


def _tokens(text: str) -> list[str]:
    # By hand, since importing `re` costs as much as starting the interpreter.
    words, at = [], 0
    while at < len(text):
        start, letter = at, text[at]
        at += 1
        if letter.isspace():
            continue
        if letter in '"`':
            while at < len(text) and text[at] != letter:
                at += 2 if letter == '"' and text[at] == "\\" else 1
            if at >= len(text):
                raise _bad("unterminated quoted string")
            at += 1
        elif letter not in "()|,":
            while at < len(text) and not text[at].isspace() and text[at] not in '()|,"`':
                at += 1
        words.append(text[start:at])
    return words


class Template:
    """A parsed template; `run` fills it in."""

    def __init__(self, text: str) -> None:
        self._parts = list(self._split(text))
        self._tree, rest = self._block(0, ())
        if rest != len(self._parts):
            raise _bad(f"unexpected {{{{{self._parts[rest][1]}}}}}")

    def _split(self, text: str) -> list[tuple[str, str]]:
        parts: list[tuple[str, str]] = []
        while text:
            before, mark, text = text.partition("{{")
            if text.startswith("- "):
                before, text = before.rstrip(), text[2:]
            if before:
                parts.append(("text", before))
            if not mark:
                break
            action, end, text = text.partition("}}")
            if not end:
                raise _bad("unclosed action")
            if action.endswith(" -"):
                action, text = action[:-2], text.lstrip()
            if not action.startswith("/*"):
                parts.append(("action", action.strip()))
        return parts

    def _block(self, index: int, ends: tuple[str, ...]) -> tuple[list[Any], int]:
        nodes: list[Any] = []
        while index < len(self._parts):
            kind, text = self._parts[index]
            word = text.split(" ", 1)[0] if kind == "action" else ""
            if word in ends:
                return nodes, index
            index += 1
            if kind == "text":
                nodes.append(("text", text))
            elif word in ("if", "range", "with"):
                body, index = self._block(index, ("else", "end"))
                other: list[Any] = []
                if index < len(self._parts) and self._parts[index][1].startswith("else"):
                    rest = self._parts[index][1][4:].strip()
                    if rest:  # else if: an if inside the else, sharing its end
                        self._parts[index] = ("action", rest)
                        other, index = self._block_of_one(index)
                    else:
                        other, index = self._block(index + 1, ("end",))
                if index >= len(self._parts):
                    raise _bad("unexpected EOF")
                index += 1
                nodes.append((word, self._words(text[len(word) :]), body, other))
            elif word in ("end", "else"):
                raise _bad(f"unexpected {{{{{word}}}}}")
            elif not text:
                raise _bad("missing value for command")
            else:
                nodes.append(("value", self._words(text)))
        if ends:
            raise _bad("unexpected EOF")
        return nodes, index

    def _block_of_one(self, index: int) -> tuple[list[Any], int]:
        text = self._parts[index][1]
        word = text.split(" ", 1)[0]
        body, index = self._block(index + 1, ("else", "end"))
        other: list[Any] = []
        if self._parts[index][1] == "else":
            other, index = self._block(index + 1, ("end",))
        return [(word, self._words(text[len(word) :]), body, other)], index

    def _words(self, text: str) -> list[str]:
        words = _tokens(text)
        for word in words:
            if word[0].isalpha() and word not in FUNCTIONS and word not in ("true", "false", "nil"):
                raise _bad(f'function "{word}" not defined')
        return words

    def run(self, data: object, *, strict: bool, methods: dict[str, Callable[..., object]]) -> str:
        """The text for `data`. `strict`: a field missing at the top is an error."""
        return _Run(data, strict=strict, methods=methods).nodes(self._tree, data)


class _Run:
    """One filling-in."""

    def __init__(
        self, root: object, *, strict: bool, methods: dict[str, Callable[..., object]]
    ) -> None:
        self._variables: dict[str, object] = {"$": root}
        self._root, self._strict, self._methods = root, strict, methods

    def nodes(self, tree: list[Any], dot: object) -> str:
        out = []
        for node in tree:
            kind = node[0]
            if kind == "text":
                out.append(node[1])
            elif kind == "value":
                value = self._assign(node[1], dot)
                out.append("" if value is None and ":=" in node[1] else show(value))
            elif kind == "range":
                out.append(self._range(node, dot))
            else:
                value = self._assign(node[1], dot, give=True)
                inner = value if kind == "with" and is_true(value) else dot
                out.append(self.nodes(node[2] if is_true(value) else node[3], inner))
        return "".join(out)

    def _assign(self, words: list[str], dot: object, *, give: bool = False) -> object:
        if len(words) > 1 and words[1] == ":=":
            value = self._pipeline(words[2:], dot)
            self._variables[words[0]] = value
            return value if give else None
        return self._pipeline(words, dot)

    def _range(self, node: Any, dot: object) -> str:
        words, names = node[1], []
        if ":=" in words:
            at = words.index(":=")
            names, words = [word for word in words[:at] if word != ","], words[at + 1 :]
        value = self._pipeline(words, dot)
        if isinstance(value, dict):
            pairs: list[tuple[object, object]] = [(key, value[key]) for key in sorted(value)]
        else:
            pairs = list(enumerate(value)) if isinstance(value, (list, tuple)) else []
        out = []
        for pair in pairs:
            chosen = pair if len(names) == 2 else pair[1:]
            self._variables.update(zip(names, chosen, strict=False))
            out.append(self.nodes(node[2], pair[1]))
        return "".join(out) if pairs else self.nodes(node[3], dot)

    def _pipeline(self, words: list[str], dot: object) -> object:
        value: object = NOTHING
        command: list[str] = []
        depth, first = 0, True
        for word in [*words, "|"]:
            depth += (word == "(") - (word == ")")
            if word == "|" and not depth:
                extra = [] if first else [value]
                value, first, command = self._command(command, dot, extra), False, []
            else:
                command.append(word)
        return value

    def _command(self, words: list[str], dot: object, extra: list[object]) -> object:
        if not words:
            raise _bad("missing value for command")
        head = words[0]
        if head in FUNCTIONS:
            return self._call(head, [*self._operands(words[1:], dot), *extra])
        if head.startswith(".") and head[1:] in self._methods:
            return self._methods[head[1:]](self._root, *self._operands(words[1:], dot), *extra)
        values = self._operands(words, dot)
        if len(values) + len(extra) > 1:
            raise TemplateError(f'template: :1:2: executing "" at <{head}>: {head} is not a method '
                                "but has arguments")  # fmt: skip
        return values[0]

    def _call(self, name: str, values: list[object]) -> object:
        try:
            return FUNCTIONS[name](*values)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise TemplateError(
                f'template: :1:2: executing "" at <{name}>: error calling {name}: {error}'
            ) from None

    def _operands(self, words: list[str], dot: object) -> list[object]:
        values: list[object] = []
        index = 0
        while index < len(words):
            word = words[index]
            index += 1
            if word == "(":
                depth, start = 1, index
                while depth:
                    if index >= len(words):
                        raise _bad("unclosed left paren")
                    depth += (words[index] == "(") - (words[index] == ")")
                    index += 1
                value = self._pipeline(words[start : index - 1], dot)
                if index < len(words) and words[index].startswith(".") and len(words[index]) > 1:
                    value = self._path(words[index], value)
                    index += 1
                values.append(value)
            else:
                values.append(self._operand(word, dot))
        return values

    def _operand(self, word: str, dot: object) -> object:
        if word[0] in '"`':
            return word[1:-1] if word[0] == "`" else _unquote(word)
        if word in ("true", "false", "nil"):
            return {"true": True, "false": False, "nil": None}[word]
        if word.lstrip("-").isdigit():
            return int(word)
        if word == ".":
            return dot
        if word.startswith("$"):
            name, point, path = word.partition(".")
            if name not in self._variables:
                raise _bad(f'undefined variable "{name}"')
            return (
                self._path(point + path, self._variables[name]) if point else self._variables[name]
            )
        if word.startswith("."):
            return self._path(word, dot)
        raise _bad(f"unexpected {word!r} in operand")

    def _path(self, path: str, value: object) -> object:
        # Docker decodes into typed structs, then tries the raw JSON: only a field of the top (or of
        # a struct) that is in neither is an error; a missing key of a free map is "<no value>".
        free = False
        for name in path[1:].split("."):
            if not isinstance(value, dict):
                raise TemplateError(
                    f'template: :1:2: executing "" at <{path}>: can\'t evaluate field '
                    f"{name} in type interface {{}}"
                )
            if name not in value and name in _OMITTED:
                return None
            if name not in value:
                if free or not self._strict:
                    return NOTHING
                raise TemplateError(
                    f'template: :1:2: executing "" at <{path}>: map has no entry for key "{name}"'
                )
            free = name in ("Labels", "Options", "Tmpfs", "Sysctls")
            value = value[name]
        return value


def _unquote(word: str) -> str:
    return (
        word[1:-1]
        .replace('\\"', '"')
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\\\", "\\")
    )
