"""The plain forms of `exec`, `ls`, `create` and `version`, read without click.

Importing click costs more than an `exec` may take beyond the engine's own time. What is read here
is a subset, word for word, of what click takes (`tests/awl/test_quick.py` compares the two); a line
that holds anything else, mistakes included, is left to click as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awl.session import Session

__all__ = ["Line", "read", "run"]

_FLAGS = {
    "create": {
        "--dry-run": "dry_run",
        "--keep-failed": "keep_failed",
        "--no-clone": "no_work_repos",
        "--no-extras": "no_extras",
        "--no-pull": "no_pull",
        "--no-work-repos": "no_work_repos",
    },
    "exec": {"--root": "root"},
    "ls": {"--all": "everywhere"},
    "version": {},
}
_VALUES = {
    "create": {
        "--image": "image",
        "--name": "name",
        "--private-repo": "private_repo",
        "--ref": "ref",
    },
    "exec": {"--cwd": "cwd", "--user": "user", "-e": "env", "--env": "env"},
}
#: Options that every command has, in the order of `Line`.
_CHOICES = ("--runtime", "--engine")
_CHOICES_WITH_VALUE = ("--runtime=", "--engine=")
_MANY = frozenset({"env", "private_repo"})
#: What shells call; it is in no list of commands.
_COMPLETE = "__complete"


class Line(NamedTuple):
    """A line that was read: the command, runtime and engine if named, JSON or not, the rest."""

    command: str
    runtime: str | None
    engine: str | None
    json: bool
    values: dict[str, Any]


def run(call: Session) -> int | None:
    """Run a plain line and return its exit code; `None` where the line is click's to read."""
    line = read(call.arguments)
    if line is None:
        return None
    if line.command == _COMPLETE:
        from awl.commands.complete_command import complete

        call.runtime_flag, call.engine_flag = line.runtime, line.engine
        return complete(call, line.values["words"])
    call.console.json = line.json
    if line.runtime is not None:
        call.choose_runtime(line.runtime)
    if line.engine is not None:
        call.choose_engine(line.engine)
    if line.command == "exec":
        from awl.commands.exec_command import execute

        return execute(call, **line.values)
    if line.command == "ls":
        from awl.commands.ls_command import ls

        ls(call, **line.values)
    elif line.command == "create":
        from awl.commands.create_command import create

        create(call, **line.values)
    else:
        from awl.commands.version_command import version

        version(call)
    return 0


def read(arguments: Sequence[str]) -> Line | None:
    """Read a plain line; `None` for anything else."""
    command: str | None = None
    chosen: dict[str, str | None] = dict.fromkeys(_CHOICES)
    json = False
    flags: set[str] = set()
    given: dict[str, list[str]] = {}
    loose: list[str] = []
    words = list(arguments)
    if words[-1:] == ["--version"] and words[:-1] in ([], ["--json"]):  # an option that commands
        words[-1] = "version"
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            if command == "create":
                loose.append(word)
            elif command == "exec":
                rest = {"workspace": word, "words": tuple(words)}
                return Line(command, *_chosen(chosen), json, _values(command, flags, given) | rest)
            elif command is None and word == _COMPLETE:
                return Line(word, *_chosen(chosen), json, {"words": words})
            elif command is not None or word not in _FLAGS:
                return None
            else:
                command = word
        elif word == "--json":
            json = True
        elif command and word in _FLAGS[command]:
            flags.add(_FLAGS[command][word])
        elif word.startswith(_CHOICES_WITH_VALUE):
            option, _, value = word.partition("=")
            chosen[option] = value
        elif (word in _CHOICES or word in _VALUES.get(command or "", ())) and words:
            value = words.pop(0)
            if value.startswith("-"):
                return None
            if word in _CHOICES:
                chosen[word] = value
            else:
                given.setdefault(_VALUES[command or ""][word], []).append(value)
        else:
            return None
    if command in {None, "exec"}:
        return None
    rest = {"repos": tuple(loose)} if command == "create" else {}
    return Line(command, *_chosen(chosen), json, _values(command, flags, given) | rest)


def _values(command: str, flags: set[str], given: dict[str, list[str]]) -> dict[str, Any]:
    """Return what click would call the command with, but for its arguments."""
    values: dict[str, Any] = {name: name in flags for name in _FLAGS[command].values()}
    for name in _VALUES.get(command, {}).values():
        words = given.get(name, ())
        values[name] = tuple(words) if name in _MANY else words[-1] if words else None
    return values


def _chosen(values: dict[str, str | None]) -> tuple[str | None, str | None]:
    return values[_CHOICES[0]], values[_CHOICES[1]]
