"""``repro.sh``: a failed cell as a shell script that runs without the suite (KIT-12).

The script works in a scratch folder of its own making and refuses any other: what it runs may be a
broken program, and a path in it must never mean anything of the person's (KIT-15).
"""

import re
import shlex
from pathlib import Path

from conformance.results import Result, StepRecord
from conformance.settings import Settings

__all__ = ["clear_repros", "fake_engine", "script", "write_repro"]

# Where a run keeps its images; a reproduction has them in the state of its own engine.
_IMAGES = "AWL_FAKE_DOCKER_IMAGES"

# What every script begins with, and nothing else does.
_MARK = "#!/bin/sh\n# Reproduces "
_HEAD = """\
{mark}{cell}
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
    head = _HEAD.format(mark=_MARK, cell=result.cell, requirements=", ".join(result.requirements))
    lines = [head]
    if settings.engine == "fake" and _wants_engine(result):
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


def _wants_engine(result: Result) -> bool:
    """Whether anything in the script speaks to an engine: on the host only a ``docker`` of its."""
    return result.runtime != "host" or any("docker" in step.argv for step in result.steps)


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
    stdin = f"printf {_quoted(_format(step.stdin))} | " if step.stdin is not None else ""
    command = " ".join(map(_quoted, step.argv))
    return f'{stdin}env -i {env} \\\n  {command}\necho "exit $? ({step.role})" >&2'


# How a record writes a byte that is no text (``record.step_record``).
_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")
# A dash that comes first would begin an option.
_ESCAPES = {"\n": "\\n", "\\": "\\\\", "%": "%%", "-": "\\055"}


def _format(stdin: str) -> str:
    """A format of ``printf`` that gives the bytes of a recorded standard input.

    In octal, which the printf of every sh knows. In a record the text ``\\xff`` looks like the
    byte, and is taken for it.
    """
    # As Python escapes them in turn: the encoding below gives the bytes back.
    text = _BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), stdin)
    return "".join(
        _ESCAPES.get(chr(byte), chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
        for byte in text.encode("utf-8", "surrogateescape")
    )


def _quoted(value: str) -> str:
    # Always in quotes, so that a path in it can be taken out of them again.
    return "'" + value.replace("'", "'\\''") + "'"


def clear_repros(folder: Path) -> None:
    """Remove the scripts of an earlier run; what else lies in the folder is none of ours."""
    for path in folder.glob("*.sh"):
        if path.is_file() and path.read_bytes().startswith(_MARK.encode()):
            path.unlink()


def write_repro(folder: Path, result: Result, settings: Settings) -> Path:
    """Write the script of a failed cell; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9.=_-]+", "-", result.cell).strip("-")
    path = folder / f"{name}.sh"
    path.write_text(script(result, settings))
    path.chmod(0o755)
    return path
