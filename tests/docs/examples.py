"""Examples as documents show them: commands behind `$`, and below each what it prints.

`…` in the expected output stands for anything within a line; a line that is only `…` for any lines.
"""

import re
from typing import NamedTuple

__all__ = ["Example", "examples", "fences", "matches"]

_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A command as it was typed, continued lines included, and the output that stands below it."""

    command: str
    output: str


def fences(text: str) -> list[tuple[str, str]]:
    """Each fenced block of a document: the words behind the fence, and its content."""
    return [(match[1].strip(), match[2]) for match in _FENCE.finditer(text)]


def examples(text: str, language: str = "console") -> list[Example]:
    """Each command in the blocks of ``language``, in order."""
    found: list[Example] = []
    for block in (content for words, content in fences(text) if words == language):
        begun = False
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                found.append(Example(line[2:], ""))
                begun = True
            elif not begun:
                raise ValueError(f"output without a command: {line}")
            elif line.startswith("> ") and not found[-1].output:
                found[-1] = Example(found[-1].command + line[2:], "")
            else:
                found[-1] = Example(found[-1].command, found[-1].output + line)
    return found


def matches(expected: str, seen: str) -> bool:
    """Whether ``seen`` is what the document shows."""
    pattern = ""
    for line in expected.splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(map(re.escape, line.split("…"))) + "\n"
    return re.fullmatch(pattern, seen) is not None
