"""`__complete`: what a shell asks when TAB is pressed (COMP-1a, COMP-1b).

    awl __complete -- WORD…                  words as they are meant, without the program's name
    awl __complete SHELL [BEFORE] -- LINE…   words as that shell has them, with it

The last word is the one at the cursor. It prints one candidate a line, a tab and a line about it
may follow; it never fails and never says anything else. Without click, which takes too long.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from awl.completion.candidates import candidates
from awl.completion.wrappers import WRAPPERS

if TYPE_CHECKING:
    from awl.session import Session

__all__ = ["complete"]


def complete(session: Session, words: list[str]) -> int:
    """Print the candidates for the last of `words`; the exit code is always 0."""
    try:
        lines = _reply(session, words)
    except Exception:  # noqa: BLE001 - a TAB that finds nothing is better than a torn command line
        lines = []
    if lines:
        sys.stdout.buffer.write(os.fsencode("\n".join(lines) + "\n"))
        sys.stdout.flush()
    return 0


def _reply(session: Session, words: list[str]) -> list[str]:
    at = words.index("--") if "--" in words else 0
    asked, line = words[:at], words[at + 1 :] if "--" in words else words
    if not asked:
        from awl.completion.zsh import write

        return write(candidates(session, line), "", "")
    shell, before = [*asked, ""][:2]
    from importlib import import_module

    adapter = import_module(f"awl.completion.{shell}")
    program, *rest = adapter.read(line)
    meant = [*WRAPPERS.get(os.path.basename(program), ()), *rest]  # noqa: PTH119 - text
    reply: list[str] = adapter.write(candidates(session, meant), before, line[-1])
    return reply
