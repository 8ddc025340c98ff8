"""Oracles on what a command printed."""

import hashlib
import re
from collections.abc import Iterator

from conformance.catalogue.step import TextExpect
from conformance.drivers.process import Stream
from conformance.evidence import Evidence
from conformance.results import Check

__all__ = ["clean_stdout", "stderr_text", "stdout_text"]


def clean_stdout(evidence: Evidence) -> Iterator[Check]:
    """CLI-4: stdout holds results only, so a command that failed by itself leaves it empty."""
    expect = evidence.step.expect
    if expect.error is None or expect.stdout is not None or expect.json is not None:
        return
    if evidence.step.tty is not None:
        return
    text = evidence.stdout
    yield Check("clean stdout", not text, "nothing on stdout beside an error", repr(text[:300]))


def stdout_text(evidence: Evidence) -> Iterator[Check]:
    """What the step expects of stdout (of the terminal, where it ran on one)."""
    if evidence.step.expect.stdout is not None:
        yield from _text(
            "stdout", evidence.step.expect.stdout, evidence.stdout, evidence.outcome.out
        )


def stderr_text(evidence: Evidence) -> Iterator[Check]:
    """What the step expects of stderr."""
    if evidence.step.expect.stderr is not None:
        yield from _text(
            "stderr", evidence.step.expect.stderr, evidence.stderr, evidence.outcome.err
        )


def _text(name: str, expect: TextExpect, text: str, stream: Stream) -> Iterator[Check]:
    shown = repr(text[:600])
    if expect.equals is not None:
        # By digest, which holds for all that came and not only for what was kept.
        wanted = hashlib.sha256(expect.equals.encode("utf-8", "surrogateescape")).hexdigest()
        yield Check(name, stream.sha256 == wanted, f"exactly {expect.equals!r}", shown)
    if expect.lines is not None:
        wanted = "".join(f"{line}\n" for line in expect.lines)
        yield Check(name, text == wanted, f"the lines {list(expect.lines)}", shown)
    for part in expect.contains or ():
        yield Check(name, part in text, f"contains {part!r}", shown)
    for part in expect.lacks or ():
        yield Check(name, part not in text, f"lacks {part!r}", shown)
    if expect.matches is not None:
        found = re.search(expect.matches, text, re.MULTILINE | re.DOTALL)
        yield Check(name, found is not None, f"matches /{expect.matches}/", shown)
    if expect.empty is not None:
        wanted = "nothing" if expect.empty else "something"
        yield Check(name, (not text) == expect.empty, wanted, shown)
    if expect.sha256 is not None:
        seen = f"sha256 {stream.sha256}, {stream.length} bytes"
        yield Check(name, stream.sha256 == expect.sha256, f"sha256 {expect.sha256}", seen)
