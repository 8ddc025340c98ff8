"""Oracles: each looks at one side of a step's evidence and says what held and what did not.

An oracle is a function from :class:`~conformance.evidence.Evidence` to checks. It says nothing
where the step expects nothing of its side, and never looks at another oracle's side.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from conformance.evidence import Evidence
from conformance.oracles.calls import engine_calls
from conformance.oracles.documents import error_document, json_document
from conformance.oracles.outcome import crash, ended_in_time, error_code, exit_code, terminal_script
from conformance.oracles.secrets import secret_seen
from conformance.oracles.streams import clean_stdout, stderr_text, stdout_text
from conformance.oracles.world import files, unchanged, volumes, workspaces
from conformance.results import Check

__all__ = ["CHECKS", "ORACLES", "check_kind", "examine"]

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

#: Every kind of check with the oracle that makes it. A check's name may say more after its kind:
#: ``unchanged home``. ``execute`` looks for ``leaks`` and ``privileges``, once a scene is over.
CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "ends": "ended_in_time",
        "time": "ended_in_time",
        "no crash": "crash",
        "terminal": "terminal_script",
        "exit code": "exit_code",
        "error code": "error_code",
        "error document": "error_document",
        "clean stdout": "clean_stdout",
        "stdout": "stdout_text",
        "stderr": "stderr_text",
        "json": "json_document",
        "json schema": "json_document",
        "json value": "json_document",
        "workspaces of": "workspaces",
        "volumes": "volumes",
        "file": "files",
        "file mode": "files",
        "file content": "files",
        "unchanged": "unchanged",
        "engine calls": "engine_calls",
        "secrets": "secret_seen",
        "leaks": "leaks",
        "privileges": "privileges",
    }
)


def check_kind(name: str) -> str:
    """The kind of a check by its name; KeyError for one that is none."""
    if name in CHECKS:
        return name
    head = next((kind for kind in CHECKS if name.startswith(f"{kind} ")), None)
    if head is None:
        raise KeyError(f"no kind of check is called {name!r}")
    return head


def examine(evidence: Evidence) -> tuple[Check, ...]:
    """Every check of every oracle, the decisive ones first."""
    return tuple(check for oracle in ORACLES for check in oracle(evidence))
