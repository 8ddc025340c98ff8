"""What one side did in one scenario, as far as the contract fixes it: plain trees, step by step.

Compared are the exit code, the error code, results on stdout, documents, and what the suite's own
eyes saw of workspaces, volumes and files. Not compared is what the contract leaves open: wording,
progress, time, the calls that an engine gets, and what a terminal shows.
"""

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from conformance.catalogue.case import Cell
from conformance.catalogue.matrix import bind
from conformance.catalogue.step import Step
from conformance.compare.placeholders import Placeholders
from conformance.invoke import subcommand, wants_json
from conformance.oracles.outcome import code_on
from conformance.reports.document import step_of
from conformance.reports.normal import variables
from conformance.results import Seen, StepRecord

__all__ = ["Observed", "observe"]

# Commands whose result on stdout is fixed in its text form too: names, candidates, what a child
# prints. Of all others the text is for people, and what it says is fixed in the JSON form.
_PLAIN = frozenset({"__complete", "exec", "logs", "ls", "rm"})
# In documents these keys hold words for people, or a number of the moment: only that they are
# there, and of which kind, is fixed.
_WORDS = frozenset({"hint", "mend", "message", "pid", "problem", "reason"})

Tree = dict[str, Any]


@frozen
class Observed:
    """A scenario as one side played it: the status of its cell, and for each step the command line
    that ran and a tree of what was seen.
    """

    status: str
    commands: tuple[tuple[str, ...], ...]
    steps: tuple[Tree, ...]


def observe(row: Mapping[str, Any], cell: Cell, image: str, placeholders: Placeholders) -> Observed:
    """The observations in a report's row of ``cell``."""
    records = [record for record in map(step_of, row["steps"]) if record.role == "step"]
    steps = bind(cell, variables(cell.runtime, image)).steps
    trees = [
        placeholders.within(_step(step, record))
        for step, record in zip(steps, records, strict=False)
    ]
    return Observed(row["status"], tuple(record.argv for record in records), tuple(trees))


def _step(step: Step, record: StepRecord) -> Tree:
    exit_code = record.exit if record.exit is not None else 128 + (record.signal or 0)
    tree: Tree = {"exit": exit_code, "error": code_on(record.stderr, record.argv)}
    if wants_json(record.argv):
        tree["stdout"] = _document(record.stdout)
    elif _is_fixed(step):
        tree["stdout"] = record.stdout
        if "stdout" in record.whole:
            tree["stdout whole"] = record.whole["stdout"].sha256
    seen = record.seen or Seen()
    if seen.workspaces is not None:
        tree["workspaces"] = list(seen.workspaces)
    if seen.volumes is not None:
        tree["volumes"] = list(seen.volumes)
    tree["files"] = {path: _without_none(fact) for path, fact in seen.files.items()}
    tree["changed"] = sorted(p for p in seen.before if seen.before[p] != seen.after.get(p))
    return tree


def _is_fixed(step: Step) -> bool:
    """Whether the contract fixes what this step prints on stdout in text form."""
    if step.tty is not None or step.signal is not None or step.close is not None:
        return False  # what comes before the end of it is a matter of the moment
    return step.argv[:1] != ("awl",) or subcommand(step.argv) in _PLAIN


def _document(text: str) -> Any:
    """The document on a stream; its text where it is none."""
    try:
        return _without_words(json.loads(text))
    except ValueError:
        return text


def _without_words(tree: Any, key: str = "") -> Any:
    if isinstance(tree, dict):
        return {name: _without_words(value, name) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_without_words(value) for value in tree]
    return f"<{key}>" if key in _WORDS and tree is not None else tree


def _without_none(fact: Any) -> Tree:
    facts = {"kind": fact.kind, "mode": fact.mode, "text": fact.text}
    return {name: value for name, value in facts.items() if value is not None}
