"""Oracles: each looks at one side of a step's evidence and says what held and what did not.

An oracle is a function from :class:`~conformance.evidence.Evidence` to checks. It says nothing
where the step expects nothing of its side, and never looks at another oracle's side.
"""

from collections.abc import Callable, Iterator

from conformance.evidence import Evidence
from conformance.oracles.calls import engine_calls
from conformance.oracles.documents import error_document, json_document
from conformance.oracles.outcome import crash, ended_in_time, error_code, exit_code, terminal_script
from conformance.oracles.secrets import secret_seen
from conformance.oracles.streams import clean_stdout, stderr_text, stdout_text
from conformance.oracles.world import files, unchanged, volumes, workspaces
from conformance.results import Check

__all__ = ["ORACLES", "examine"]

ORACLES: tuple[Callable[[Evidence], Iterator[Check]], ...] = (
    ended_in_time,
    crash,
    terminal_script,
    exit_code,
    error_code,
    error_document,
    clean_stdout,
    stdout_text,
    stderr_text,
    json_document,
    workspaces,
    volumes,
    files,
    unchanged,
    engine_calls,
    secret_seen,
)


def examine(evidence: Evidence) -> tuple[Check, ...]:
    """Every check of every oracle, the decisive ones first."""
    return tuple(check for oracle in ORACLES for check in oracle(evidence))
