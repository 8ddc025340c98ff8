"""Oracles on how a command ended: in time, without a crash, with which code."""

import json
import re
from collections.abc import Iterator, Sequence

from conformance.evidence import Evidence
from conformance.invoke import wants_json
from conformance.results import Check

__all__ = [
    "code_on",
    "crash",
    "ended_in_time",
    "error_code",
    "exit_code",
    "found_error_code",
    "terminal_script",
]

_ERROR = re.compile(r"^.*?\berror\[([a-z]+(?:-[a-z]+)*)\]:", re.MULTILINE)
# How the runtimes of several languages announce that a program fell over.
_CRASHES = (
    "Traceback (most recent call last)",
    "panicked at",
    "goroutine 1 [running]",
    "Segmentation fault",
    "    at Object.<anonymous>",
    'Exception in thread "main"',
)


def ended_in_time(evidence: Evidence) -> Iterator[Check]:
    """REL-2, RT-5c: it ends by itself, and within the step's bound where it has one."""
    outcome = evidence.outcome
    if outcome.timed_out:
        yield Check(
            "ends", False, "the command ends", f"still running after {outcome.duration:.0f} s"
        )
    limit = evidence.step.expect.within
    if limit is not None:
        seen = f"{outcome.duration:.1f} s"
        yield Check("time", outcome.duration <= limit, f"at most {limit:g} s", seen)


def terminal_script(evidence: Evidence) -> Iterator[Check]:
    """On a terminal: what the person waits for comes, and what they type is taken."""
    if evidence.step.tty is not None:
        unmet = evidence.outcome.unmet
        seen = f"{unmet}\n{evidence.stdout[-400:]!r}" if unmet else "followed to the end"
        yield Check("terminal", not unmet, "the terminal script is followed to its end", seen)


def crash(evidence: Evidence) -> Iterator[Check]:
    """CLI-6a: no input of any kind gives a traceback."""
    for name, text in (("stdout", evidence.stdout), ("stderr", evidence.stderr)):
        for words in _CRASHES:
            # A command may be told to print such words itself: then they are its output.
            if words in text and not any(words in argument for argument in evidence.argv):
                yield Check("no crash", False, f"no traceback on {name}", text[-800:])


def exit_code(evidence: Evidence) -> Iterator[Check]:
    """The exact exit code; where chance decides, one of those that are named."""
    expected = (evidence.step.expect.exit, *evidence.step.expect.or_exits)
    seen = f"exit {evidence.exit}"
    if evidence.outcome.signal:
        seen += f" (signal {evidence.outcome.signal})"
    yield Check(
        "exit code", evidence.exit in expected, f"exit {' or '.join(map(str, expected))}", seen
    )


def found_error_code(evidence: Evidence) -> str | None:
    """The string code of the error on stderr, from its text or its document; None without one."""
    return code_on(evidence.stderr, evidence.argv)


def code_on(stderr: str, argv: Sequence[str]) -> str | None:
    """The string code of the error that a command line printed; None without one."""
    if wants_json(argv):
        try:
            code = json.loads(stderr)["error"]["code"]
        except (ValueError, KeyError, TypeError):
            return None
        return code if isinstance(code, str) else None
    found = _ERROR.search(stderr)
    return found.group(1) if found else None


def error_code(evidence: Evidence) -> Iterator[Check]:
    """The stable string code of the error."""
    expected = evidence.step.expect.error
    if expected is None:
        return
    seen = found_error_code(evidence)
    shown = f"error[{seen}]" if seen else f"no error code on stderr: {evidence.stderr[:300]!r}"
    yield Check("error code", seen == expected, f"error[{expected}]", shown)
