"""Fish: it hands over the words before the cursor read, and the one at the cursor as typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.completion.words import unquote
from awl.completion.wrappers import PROGRAMS, WRAPPERS
from awl.completion.zsh import write

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read", "script", "write"]

_SCRIPT = """\
function __awl_complete
    set -l current (commandline -ct)
    for line in (command PROGRAM __complete fish -- (commandline -opc) "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            printf '%s\\n' "$line"
        end
    end
end
"""


def script(program: str) -> str:
    """Return what a start-up file evaluates: wrappers, and completion for all of them."""
    return "".join(_lines(program))


def read(words: list[str]) -> list[str]:
    """Return the words as they are meant."""
    return [*words[:-1], *(unquote(word)[0] for word in words[-1:])]


def _lines(program: str) -> Iterator[str]:
    for name, words in WRAPPERS.items():
        yield f"function {name}\n    command {' '.join((program, *words))} $argv\nend\n"
    yield _SCRIPT.replace("PROGRAM", program)
    for name in (*PROGRAMS, *WRAPPERS):
        yield f"complete -c {name} -f -a '(__awl_complete)'\n"
