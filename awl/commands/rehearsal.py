"""`create --dry-run`: the commands that would run, and none of them run (CREATE-9).

What a command would answer is not known, so the usual answer stands in: a `--ref` is a branch
unless it looks like a tag or a commit, and a repository has no submodules. Questions to git, which
change nothing, are not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl import proc
from awl.errors import OptionUnsupported
from awl.redact import redact, shell_line
from awl.runtimes.api import Rehearsal

if TYPE_CHECKING:
    from awl.model import CreateSpec
    from awl.runtimes.api import Populate, Runtime
    from awl.session import Session

__all__ = ["rehearse"]

_HEX = frozenset("0123456789abcdefABCDEF")
_QUESTIONS = frozenset({"rev-list", "rev-parse", "symbolic-ref"})
_PEELED = "^{commit}"


def rehearse(session: Session, runtime: Runtime, spec: CreateSpec, populate: Populate) -> None:
    """Print each command that making `spec` would run, as a shell reads it, and make nothing.

    Raises `OptionUnsupported` for a runtime that cannot say, and what can be known before.
    """
    if not isinstance(runtime, Rehearsal):
        raise OptionUnsupported(
            f"runtime {runtime.name} cannot say what it would do", "leave --dry-run out"
        )
    commands: list[tuple[str, ...]] = []

    def stand_in(argv: tuple[str, ...]) -> proc.Completed:
        if _QUESTIONS.isdisjoint(argv):
            commands.append(argv)
            return proc.Completed(0, b"", b"")
        if "rev-list" in argv:  # no commits
            return proc.Completed(0, b"", b"")
        answer = _answer(argv[-1])
        return proc.Completed(0 if answer else 1, answer.encode(), b"")

    proc.rehearse(stand_in)
    try:
        populate(runtime.rehearse(spec))
    finally:
        proc.rehearse(None)
    if session.console.json:
        shown = [[redact(word) for word in argv] for argv in commands]
        session.console.document({"dry_run": True, "commands": shown})
        return
    for argv in commands:
        session.console.result(shell_line(argv))


def _answer(asked: str) -> str:
    """Return what git would say of a revision; nothing where it would not know it."""
    name = asked.removesuffix(_PEELED).rpartition("/")[2]
    named = asked.startswith("refs/")
    if asked == "HEAD:.gitmodules" or (named and len(name) >= 7 and _HEX.issuperset(name)):
        return ""
    return name
