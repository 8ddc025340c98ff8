"""Zsh: its own functions read quotes and write them, and show a line about each candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.completion.wrappers import PROGRAMS, WRAPPERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from awl.completion.candidates import Candidate

__all__ = ["read", "script", "write"]

_SCRIPT = """\
_awl_complete() {
  local line
  local -a found shown
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      _files
    else
      found+=("${line%%$'\\t'*}")
      shown+=("${line/$'\\t'/  -- }")
    fi
  done < <(command PROGRAM __complete zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
  (( $#found )) && compadd -l -d shown -a found
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i -D; }
"""


def script(program: str) -> str:
    """Return what a start-up file evaluates: wrappers, and completion for all of them."""
    wrappers = "".join(
        f'function {name} {{ command {" ".join((program, *words))} "$@" }}\n'
        for name, words in WRAPPERS.items()
    )
    names = " ".join((*PROGRAMS, *WRAPPERS))
    body = _SCRIPT.replace("PROGRAM", program)
    return f"{wrappers}{body}compdef _awl_complete {names}\n"


def read(words: list[str]) -> list[str]:
    """Return the words as they are: zsh has read its quotes."""
    return words


def write(found: Iterable[Candidate], before: str, current: str) -> list[str]:
    """Return the lines of the reply: a candidate, a tab, and the line about it."""
    del before, current
    return ["\t".join(filter(None, one)) for one in found]
