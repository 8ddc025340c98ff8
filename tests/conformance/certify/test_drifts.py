"""Ways in which a fake drifts from what it plays; `certify` finds each, without any engine.

Each drift is one change of a copy of `stubs/`. The same cases pass on the fake as it is, so it is
the drift that is found.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from conformance import resources

if TYPE_CHECKING:
    from pathlib import Path


class Drift(NamedTuple):
    """A line of the fake, what it becomes, and the cases by which that shows."""

    id: str
    file: str
    line: str
    drifted: str
    cases: str


DRIFTS = (
    Drift(
        "ignored-flag",
        "commands/execute.py",
        'flags.text("workdir") or doc["Config"]["WorkingDir"]',
        'doc["Config"]["WorkingDir"]',
        "exec-workdir*",
    ),
    Drift(
        "wrong-exit-code",
        "commands/execute.py",
        "    return 126\n",
        "    return int(code)\n",
        "exec-not-runnable*",
    ),
    Drift(
        "null-became-a-list",
        "container.py",
        '"CapAdd": flags.texts("cap-add") or None',
        '"CapAdd": flags.texts("cap-add")',
        "inspect-container[HostConfig.Cap*",
    ),
    Drift(
        "number-became-a-text",
        "container.py",
        '"RestartCount": 0',
        '"RestartCount": "0"',
        "inspect-container[Restart*",
    ),
    Drift(
        "wrong-order",
        "commands/ps.py",
        'key=lambda doc: str(doc["Created"]), reverse=True',
        'key=lambda doc: str(doc["Created"])',
        "ps-filter[name]",
    ),
    Drift(
        "lost-stderr",
        "commands/execute.py",
        'raise DaemonError(f"Container {doc[\'Id\']} is not running")\n    order',
        'raise DaemonError("")\n    order',
        "exec-where*",
    ),
    Drift(
        "filters-any-of",
        "commands/ps.py",
        "if not all(_labelled(doc, value) for value in values):",
        "if not any(_labelled(doc, value) for value in values):",
        "ps-filter[labels*",
    ),
    Drift(
        "tail-one-too-many",
        "commands/logs.py",
        "entries[len(entries) - min(count, len(entries)) :]",
        "entries[len(entries) - min(count + 1, len(entries)) :]",
        "logs[*",
    ),
    Drift(
        "unknown-flag-taken",
        "flags.py",
        "    if kind is None or not name:\n",
        "    if kind is None and name:\n        return index\n    if not name:\n",
        "exec-usage[unknown]",
    ),
    Drift(
        "last-became-first",
        "options.py",
        "            found[name] = item\n",
        "            found.setdefault(name, item)\n",
        "exec-env[last]",
    ),
    Drift(
        "in-use-and-gone",
        "volumes.py",
        "            if users:\n",
        "            if users and not force:\n",
        "volume-remove[used-forced]",
    ),
    Drift(
        "absent-is-no-failure",
        "commands/inspect.py",
        "            failed, words = call.retold(error)\n",
        "            failed, words = 0, call.retold(error)[1]\n",
        "inspect-what[absent]",
    ),
)  # fmt: skip


def certify(pattern: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "conformance.cli",
            "certify",
            "-n",
            "1",
            "--select",
            pattern,
            *words,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("drift", DRIFTS, ids=[drift.id for drift in DRIFTS])
def test_a_drift_is_found(drift: Drift, tmp_path: Path) -> None:
    shutil.copytree(
        resources.stubs(), tmp_path / "stubs", ignore=shutil.ignore_patterns("__pycache__")
    )
    path = tmp_path / "stubs" / "engine" / drift.file
    text = path.read_text()
    assert text.count(drift.line) == 1, "the fake has changed: change the drift too"
    path.write_text(text.replace(drift.line, drift.drifted))
    found = certify(drift.cases, "--stubs", str(tmp_path / "stubs"))
    assert found.returncode == 1, found.stdout + found.stderr
    assert f"✗ {drift.cases.partition('[')[0].rstrip('*')}" in found.stdout


@pytest.mark.parametrize("group", ["exec-*", "inspect-*", "ps-filter*", "logs*", "volume-remove*"])
def test_the_fake_as_it_is_has_none(group: str) -> None:
    found = certify(group)
    assert found.returncode == 0, found.stdout + found.stderr
