"""``repro.sh``: a failed cell as a shell script that runs without the suite (KIT-12).

The script works in a scratch folder of its own making and refuses any other: what it runs may be a
broken program, and a path in it must never mean anything of the person's (KIT-15).
"""

import re
import shlex
from pathlib import Path

from conformance.results import Result, StepRecord
from conformance.settings import Settings

__all__ = ["fake_engine", "script", "write_repro"]

# Where a run keeps its images; a reproduction has them in the state of its own engine.
_IMAGES = "AWL_FAKE_DOCKER_IMAGES"

_HEAD = """\
#!/bin/sh
# Reproduces {cell}
# Requirements: {requirements}
# Needs: sh, and what the command lines name. Everything happens in a scratch folder that this
# script makes; it refuses to use one that holds anything.
set -u
SCRATCH=${{1:-$(mktemp -d)}}
case $SCRATCH in /*) ;; *) echo "repro: give an absolute path" >&2; exit 2 ;; esac
mkdir -p "$SCRATCH" || exit 2
if [ -n "$(ls -A "$SCRATCH")" ]; then
  echo "repro: refused: $SCRATCH is not empty" >&2
  exit 2
fi
for folder in home tmp bin engine decoys; do mkdir "$SCRATCH/$folder"; done
cd "$SCRATCH/home" || exit 2
"""


def script(result: Result, settings: Settings) -> str:
    """The text of the script; paths of the sandbox become ``$SCRATCH``."""
    head = _HEAD.format(cell=result.cell, requirements=", ".join(result.requirements))
    lines = [head]
    if settings.engine == "fake":
        lines.append("\n".join(fake_engine(settings, "$SCRATCH")) + "\n")
    if any(
        url in word
        for url in settings.remotes.values()
        for step in result.steps
        for word in step.argv
    ):
        lines.append(
            "# The run's git server is gone: put the address of one of yours in its place.\n"
        )
    lines += [_step(step) for step in result.steps if step.argv]
    for check in result.failures[:3]:
        lines += [f"# {check.oracle}: expected {_line(check.expected)}"]
        lines += [f"# {' ' * len(check.oracle)}  observed {_line(check.observed)}"]
    text = "\n".join(lines) + "\n"
    return re.sub(rf"{re.escape(settings.run)}/cases/[a-z0-9-]+", "'\"$SCRATCH\"'", text)


def fake_engine(settings: Settings, scratch: str) -> tuple[str, str]:
    """Commands that put the fake engine on PATH, with an image of the name that the run used.

    ``scratch`` is the scratch folder as it stands in the script, such as ``$SCRATCH``.
    """
    seeder = shlex.quote(str(Path(settings.client).parent / "seed.py"))
    image = shlex.quote(settings.image)
    return (
        f'ln -s {shlex.quote(settings.client)} "{scratch}/bin/docker"',
        f'python3 {seeder} "{scratch}/engine/state" --image {image} || exit 2',
    )


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def _step(step: StepRecord) -> str:
    base = {"HOME": "home", "TMPDIR": "tmp"}
    env = " ".join(f'{name}="$SCRATCH/{folder}"' for name, folder in base.items())
    env += ' PATH="$SCRATCH/bin:$PATH"'
    for name, value in sorted(step.env.items()):
        if name != _IMAGES:
            env += f" {name}={_quoted(value)}"
    stdin = f"printf %s {_quoted(step.stdin)} | " if step.stdin is not None else ""
    command = " ".join(map(_quoted, step.argv))
    return f'{stdin}env -i {env} \\\n  {command}\necho "exit $? ({step.role})" >&2'


def _quoted(value: str) -> str:
    # Always in quotes, so that a path in it can be taken out of them again.
    return "'" + value.replace("'", "'\\''") + "'"


def write_repro(folder: Path, result: Result, settings: Settings) -> Path:
    """Write the script of a failed cell; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9.=_-]+", "-", result.cell).strip("-")
    path = folder / f"{name}.sh"
    path.write_text(script(result, settings))
    path.chmod(0o755)
    return path
