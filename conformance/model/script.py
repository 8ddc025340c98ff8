"""A difference as a shell script of a few lines, which needs no suite (KIT-7, KIT-15).

It works in a scratch folder of its own making, or an empty one that is given, and refuses any
other: what it runs may be a broken program. Its last line tests what was seen: the script ends with
1 where the difference shows, and with 0 where it does not.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from conformance.drivers import process
from conformance.execute import zygote_of
from conformance.invoke import wants_json
from conformance.kit.repro import fake_engine
from conformance.model.actions import PREFIX
from conformance.model.commands import GIVEN, GIVEN_FILE, HANGING, ROOT
from conformance.world.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conformance.catalogue.step import Expect, TextExpect
    from conformance.model.commands import Command
    from conformance.model.world import Difference
    from conformance.settings import Settings

__all__ = ["script", "shows"]

_GUARD = (
    'S=${1:-$(mktemp -d)}; mkdir -p "$S" && cd "$S" && [ -z "$(ls -A)" ] ||'
    ' { echo "repro: refused: $S is not an empty folder" >&2; exit 2; }'
)
_TIMEOUT = "timeout -s KILL 2"
# What waits for the repository that hangs is let go, and finds none.
_HANGING = (
    f"mkdir -p {HANGING}/objects {HANGING}/refs; mkfifo {HANGING}/HEAD",
    f"mv {HANGING}/HEAD {HANGING}/pipe; : <>{HANGING}/pipe",
)
_COMMENT = 160
_SECONDS = 120.0


def script(difference: Difference, settings: Settings) -> str:
    """The text of the script: three lines that make its world, then a line for each command."""
    lines = [_line(command, settings) for command in difference.commands]
    if difference.test:
        lines.append(difference.test)
    else:
        lines[-1] = _judged(difference, lines[-1])
    seen = f"expected {difference.expected}; observed {difference.observed}"
    lines[-1] += f"  # {' '.join(seen.split())[:_COMMENT]}"
    return "\n".join(["#!/bin/sh", _GUARD, _world(difference, settings), *lines]) + "\n"


def shows(text: str, settings: Settings) -> bool:
    """Whether a script shows the difference; it is run inside the lock, like all else."""
    sandbox = Sandbox(settings.folder / "cases" / "model-script", settings.toolbox, PREFIX)
    sandbox.create()
    path = sandbox.home / "model.sh"
    path.write_text(text)
    try:
        with zygote_of(settings) as zygote, zygote.open_case(sandbox.path) as lock:
            words = ["sh", str(path), str(sandbox.path / "scratch")]
            env, home = sandbox.environment(), sandbox.home
            return process.run(lock, words, env=env, cwd=home, timeout=_SECONDS).exit == 1
    finally:
        sandbox.remove()


def _world(difference: Difference, settings: Settings) -> str:
    """One line: folders, the environment, the engine, and what is tidied up at the end."""
    words = ["set -f; S=$PWD; mkdir home bin tmp"]
    variables = {
        "HOME": "$S/home",
        "TMPDIR": "$S/tmp",
        "PATH": "$S/bin:$PATH",
        "AGENT_WORKSPACE_HOME": f"$S/home/{ROOT}",
        "AGENT_WORKSPACE_PREFIX": PREFIX,
        "AGENT_WORKSPACE_RUNTIME": difference.runtime,
        "AGENT_ENV_IMAGE": settings.image,
        "AWL_FAKE_DOCKER_STATE": "$S/engine/state",
    }
    words.append("export " + " ".join(f'{name}="{value}"' for name, value in variables.items()))
    if difference.runtime == "container":
        words.append("unset AWL_ENGINE DOCKER_HOST DOCKER_CONTEXT")
        words += fake_engine(settings, "$S")
        words.append("trap 'docker rm -f $(docker ps -aq) >/dev/null 2>&1' EXIT")
    words.append("cd home || exit 2")
    if any(GIVEN_FILE in command.argv for command in difference.commands):
        words.append(f"echo {GIVEN.strip()} >{GIVEN_FILE}")
    if any(command.killed and difference.runtime == "host" for command in difference.commands):
        made, let_go = _HANGING
        words += [made, f"trap '{let_go}' EXIT"]
    return "; ".join(words)


def _line(command: Command, settings: Settings) -> str:
    words = [f"{name}={shlex.quote(value)}" for name, value in command.env.items()]
    if command.killed:
        words.append(_TIMEOUT)
    argv = command.argv
    if command.is_programs:
        argv = (*settings.program, *argv[1:])
    words.append(shlex.join(argv))
    given = ""
    if command.stdin is not None:
        text = command.stdin.replace("\\", "\\\\").replace("\n", "\\n").replace("%", "%%")
        given = f"printf {shlex.quote(text)} | "
    elif command.is_programs:
        words.append("</dev/null")
    return given + " ".join(words)


# ---------------------------------------------------------------------- the last answer
def _judged(difference: Difference, line: str) -> str:
    """The last command, and a test of its exit code, its output and the code of its error.

    As one pattern of the shell for each answer that is right.
    """
    is_json = wants_json(difference.commands[-1].argv)
    expects = [outcome.expect for outcome in difference.outcomes]
    parts = max(_parts(expect) for expect in expects)
    out = "$(echo $out | tr -d ' ')" if is_json else "$(echo $out)"
    subject = ":".join(["$?", *[out] * parts, "$(cat err)"])
    patterns = "|".join(dict.fromkeys(_pattern(expect, parts, is_json) for expect in expects))
    return f"out=$({line} 2>err); case {subject} in {patterns}) ;; *) exit 1 ;; esac"


def _parts(expect: Expect) -> int:
    return max(len(expect.json.at), 1) if expect.json is not None else 1


def _pattern(expect: Expect, parts: int, is_json: bool) -> str:
    out = list(_documents(expect)) or [_text(expect)]
    out += ["*"] * (parts - len(out))
    err = "*"
    if expect.error is not None:
        sign = f'"{expect.error}"' if is_json else f"error[{expect.error}]"
        err = f"*{shlex.quote(sign)}*"
    return ":".join([str(expect.exit), *out, err])


def _text(expect: Expect) -> str:
    """A pattern for standard output, line ends as spaces."""
    wanted: TextExpect | None = expect.stdout
    if wanted is None:
        return "" if expect.error is not None else "*"
    if wanted.equals is not None:
        return shlex.quote(" ".join(wanted.equals.split()))
    if wanted.lines is not None:
        return shlex.quote(" ".join(wanted.lines))
    if wanted.contains:
        return "".join(f"*{shlex.quote(part)}" for part in wanted.contains) + "*"
    return "" if wanted.empty else "*"


def _documents(expect: Expect) -> Iterator[str]:
    """A pattern for each path that a JSON document must have, blanks left out."""
    for path, value in (expect.json.at if expect.json is not None else {}).items():
        if value == []:
            yield f"*{shlex.quote(_member(path.partition('[')[0], []))}*"
            continue
        values: Iterable[object] = value if isinstance(value, list) else [value]
        key = path.rpartition(".")[2]
        yield "*" + "".join(f"{shlex.quote(_member(key, one))}*" for one in values)


def _member(key: str, value: object) -> str:
    return f"{json.dumps(key.rpartition('.')[2])}:{json.dumps(value)}"
