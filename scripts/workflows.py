"""Lint the workflows and the action offline: their schemas, their scripts, and what they pin.

The schemas are those that check-jsonschema brings along; every ``run:`` goes through shellcheck
with the expressions of GitHub put out of the way.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1] / ".github"
WORKFLOWS = sorted((ROOT / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / "actions").glob("*/action.yml"))
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
PINNED = re.compile(r"(actions/[a-z-]+@v\d+|\./.+)")


def steps_of(data: Any) -> Iterator[dict[str, Any]]:
    """Yield every step of a workflow or of a composite action."""
    yield from data.get("runs", {}).get("steps", ())
    for job in data.get("jobs", {}).values():
        yield from job["steps"]


def problems_of(path: Path) -> Iterator[str]:
    """Yield what is wrong with the steps of one file."""
    data = YAML(typ="safe").load(path)
    for step in steps_of(data):
        name = step.get("name") or step.get("uses") or step.get("run", "")[:40]
        if "uses" in step and not PINNED.fullmatch(step["uses"]):
            yield f"{path}: {name}: pin an action of GitHub's own by its major version"
        if "run" in step:
            script = EXPRESSION.sub("expression", step["run"])
            with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
                given = "".join(f"export {name}=given\n" for name in step.get("env", {}))
                file.write(f"#!/usr/bin/env bash\n{given}{script}\n")
                file.flush()
                # SC2194: a constant that was an expression. SC2050: the same in a test.
                words = ["shellcheck", "-e", "SC2194,SC2050", file.name]
                done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                yield f"{path}: {name}:\n{done.stdout}"
            if "secrets." in step["run"]:
                yield f"{path}: {name}: a secret in a script"


def main() -> int:
    """Return 0 where all is well."""
    kinds = (("github-workflows", WORKFLOWS), ("github-actions", ACTIONS))
    failed = 0
    for schema, files in kinds:
        if not files:
            print(f"workflows: no file for {schema}", file=sys.stderr)
            return 1
        words = ["check-jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
        failed |= subprocess.run(words, check=False).returncode
    found = [problem for path in (*WORKFLOWS, *ACTIONS) for problem in problems_of(path)]
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if failed or found else 0


if __name__ == "__main__":
    sys.exit(main())
