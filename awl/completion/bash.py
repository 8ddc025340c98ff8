"""Bash: it splits words at `=` and `:` and hands them over as they were typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.completion.candidates import FILES
from awl.completion.words import quote, unquote
from awl.completion.wrappers import PROGRAMS, WRAPPERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from awl.completion.candidates import Candidate

__all__ = ["read", "script", "write"]

# The words of COMP_LINE are put together again; `before` is the part of the last one that bash
# takes for a word of its own and does not replace.
_SCRIPT = """\
_awl_complete() {
  local rest=${COMP_LINE:0:COMP_POINT} raw bare before='' line n words=()
  for ((n = 0; n <= COMP_CWORD; n++)); do
    raw=${COMP_WORDS[n]}
    bare=${rest#"${rest%%[![:space:]]*}"}
    [ "$n" -lt "$COMP_CWORD" ] || raw=$bare
    if [ "$n" -gt 0 ] && [ -n "$rest" ] && [ "$rest" = "$bare" ]; then
      before=${words[${#words[@]} - 1]}
      words[${#words[@]} - 1]=$before$raw
      case $raw in [=:]) before=$before$raw ;; esac
    else
      before=''
      words[${#words[@]}]=$raw
    fi
    rest=${bare#"$raw"}
  done
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = :files ]; then
      compopt -o filenames
      while IFS= read -r line; do COMPREPLY[${#COMPREPLY[@]}]=$line; done < <(compgen -f -- "$raw")
    else
      COMPREPLY[${#COMPREPLY[@]}]=$line
    fi
  done < <(command PROGRAM __complete bash "$before" -- "${words[@]}" 2>/dev/null)
}
"""


def script(program: str) -> str:
    """Return what a start-up file evaluates: wrappers, and completion for all of them."""
    wrappers = "".join(
        f'function {name} {{ command {" ".join((program, *words))} "$@"; }}\n'
        for name, words in WRAPPERS.items()
    )
    names = " ".join((*PROGRAMS, *WRAPPERS))
    body = _SCRIPT.replace("PROGRAM", program)
    return f"{wrappers}{body}complete -F _awl_complete {names}\n"


def read(words: list[str]) -> list[str]:
    """Return the words of the line as they are meant, the program's name first."""
    return [unquote(word)[0] for word in words]


def write(found: Iterable[Candidate], before: str, current: str) -> list[str]:
    """Return the lines of the reply: what is to stand for the part that bash replaces."""
    cut = len(unquote(before)[0])
    open_quote = unquote(current)[1]
    return [FILES if one.value == FILES else quote(one.value[cut:], open_quote) for one in found]
