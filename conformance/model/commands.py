"""Actions as command lines: of the program, of the engine, or of a person's own hand.

All run in the sandbox's home, with the environment that ``ENVIRONMENT`` names, so that the same
lines stand in a script that reproduces them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from attrs import field, frozen

from conformance.model.actions import (
    PREFIX,
    Action,
    Behind,
    Change,
    Clear,
    Create,
    Dirty,
    Doctor,
    Failed,
    Foreign,
    ForeignGone,
    Killed,
    Leave,
    Listing,
    Missing,
    Name,
    Pull,
    Push,
    Read,
    Remove,
    Reset,
    Show,
    Times,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FOREIGN",
    "GIVEN",
    "GIVEN_FILE",
    "HANGING",
    "KILLED_AFTER",
    "ROOT",
    "TAKEN",
    "Command",
    "command_of",
    "container_of",
    "path_of",
]

#: The root of workspaces, from the sandbox's home.
ROOT = "ws"
#: What is in a foreign folder: as in a workspace's.
FOREIGN = ("work",)
#: A repository, in the sandbox's home, that keeps whoever clones it waiting.
HANGING = "hang.git"
#: A repository that is not there, from the sandbox's home.
NOWHERE = "nowhere.git"
#: What a file of the machine holds that is pushed, and its name; and where one is pulled to.
GIVEN, GIVEN_FILE, TAKEN = "given\n", "given", "taken"
#: Seconds after which a ``create`` is killed; what it does until it waits takes a tenth of them.
KILLED_AFTER = 0.5
_FAULTS = "AWL_FAKE_DOCKER_FAULTS"


@frozen
class Command:
    """A command line; ``argv[0] == "awl"`` is the program. ``killed``: SIGKILL comes to it."""

    argv: tuple[str, ...]
    stdin: str | None = None
    env: Mapping[str, str] = field(factory=dict, hash=False)
    killed: bool = False

    @property
    def is_programs(self) -> bool:
        """Whether the program is called, and not something else behind its back."""
        return self.argv[0] == "awl"


def container_of(name: str) -> str:
    """The container of a workspace (NAME-2)."""
    return f"{PREFIX}-{name}"


def path_of(place: str, runtime: str) -> str:
    """The file that is written in a place, from the work folder: a host has one home for all."""
    if place == "work":
        return "note"
    return "/home/agent/note" if runtime == "container" else "note-at-home"


def command_of(action: Action, runtime: str, image: str) -> Command:
    """The command line of an action in a runtime."""
    match action:
        case Create(name=name, json=json):
            return Command(_awl("create", json, "--name", name.text, "--no-work-repos"))
        case Killed(name=name):
            return _killed(name, runtime)
        case Failed(name=name):
            return Command(_awl("create", False, "--name", name.text, f"./{NOWHERE}"))
        case Push(name=name):
            return Command(_awl("sync", False, "push", name.text, GIVEN_FILE, "note"))
        case Pull(name=name):
            return Command(_awl("sync", False, "pull", name.text, "note", TAKEN))
        case Listing(json=json):
            return Command(_awl("ls", json))
        case Write(name=name, place=place, content=content):
            return Command(_exec(name, "sh", "-c", f"cat >{path_of(place, runtime)}"), content)
        case Read(name=name, place=place):
            return Command(_exec(name, "cat", path_of(place, runtime)))
        case Leave(name=name, code=code):
            return Command(_exec(name, "sh", "-c", f"exit {code}"))
        case Missing(name=name):
            return Command(_exec(name, "no-such-command"))
        case Dirty(name=name):
            return Command(_exec(name, "sh", "-c", "git init -q me/own && echo 1 >me/own/file"))
        case Clear(name=name):
            return Command(_exec(name, "rm", "-rf", "me"))
        case Change(what=what, names=names, json=json):
            return Command(_awl(what, json, *(name.text for name in names)))
        case Show(name=name, json=json):
            return Command(_awl("status", json, name.text))
        case Remove():
            return _remove(action)
        case Reset(name=name):
            return Command(_awl("reset", False, "work-repos", name.text, "--yes"))
        case Doctor(fix=fix):
            return Command(_awl("doctor", False, *(("--fix", "--yes") if fix else ())))
        case Times(year=year):
            # The root may not be there.
            act = f"find {ROOT} -exec touch -h -d {year}-01-01 {{}} + 2>/dev/null; true"
            return Command(("sh", "-c", act))
    return Command(_by_hand(action, runtime, image))


def _awl(command: str, json: bool, *words: str) -> tuple[str, ...]:
    return ("awl", command, *(("--json",) if json else ()), *words)


def _exec(name: Name, *words: str) -> tuple[str, ...]:
    return ("awl", "exec", name.text, "--", *words)


def _killed(name: Name, runtime: str) -> Command:
    argv = ("awl", "create", "--name", name.text)
    if runtime == "host":
        return Command((*argv, f"./{HANGING}"), killed=True)
    return Command((*argv, "--no-work-repos"), env={_FAULTS: "slow=5 on exec"}, killed=True)


def _remove(action: Remove) -> Command:
    words = [name.text for name in action.names] or ["--all"]
    if action.keep:
        words.append("--keep-volumes")
    if action.force:
        words.append("--force")
    stdin = None
    if action.answer == "--yes":
        words.append("--yes")
    elif action.answer:
        stdin = f"{action.answer}\n"
    return Command(_awl("rm", action.json, *words), stdin)


def _by_hand(action: Foreign | ForeignGone | Behind, runtime: str, image: str) -> tuple[str, ...]:
    """What others do: to containers with the engine's client, to folders with plain tools."""
    folder, container = f"{ROOT}/{action.name}", container_of(action.name)
    on_host = runtime == "host"
    match action:
        case Foreign():
            if on_host:
                return ("mkdir", "-p", *(f"{folder}/{part}" for part in FOREIGN))
            return ("docker", "run", "-d", "--init", "--name", container, image, "sleep", "999")
        case ForeignGone() | Behind(what="remove"):
            return ("rm", "-rf", folder) if on_host else ("docker", "rm", "-f", container)
        case Behind(what="stop"):
            return ("docker", "stop", "-t", "0", container)
        case Behind(what=what):
            return ("docker", what, container)
        case _:
            assert_never(action)
