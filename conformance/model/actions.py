"""What may happen in a sequence: the program's commands, and what others do behind its back.

An action is a plain value; of which command line it becomes, and what must follow, the reference
knows. Its first values are the simplest: shrinking goes there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "NAMES",
    "PLACES",
    "PREFIX",
    "SPELLINGS",
    "Action",
    "Behind",
    "Change",
    "Clear",
    "Create",
    "Dirty",
    "Doctor",
    "Failed",
    "Foreign",
    "ForeignGone",
    "Killed",
    "Leave",
    "Listing",
    "Missing",
    "Name",
    "Place",
    "Pull",
    "Push",
    "Read",
    "Remove",
    "Reset",
    "Show",
    "Times",
    "Write",
    "kind_of",
]

#: AGENT_WORKSPACE_PREFIX of every sequence.
PREFIX = "model"
#: Names that begin alike, and one that is called as a volume of another might be.
NAMES = ("a", "a-b", "a-work")
#: How a name may be written (NAME-1a), by a word for it.
SPELLINGS: Mapping[str, str] = {
    "plain": "{}",
    "upper": "{upper}",
    "spaced": " {} ",
    "prefixed": "agent-ws-{}",
    "own": f"{PREFIX}-{{}}",
    "short": "ws-{}",
    "dotted": "{dotted}.",
}

Place = Literal["work", "home"]
#: Where files are written: each on a volume of its own in a container.
PLACES: tuple[Place, ...] = ("work", "home")


@frozen
class Name:
    """A workspace's name, and how it is written (a key of ``SPELLINGS``)."""

    name: str
    how: str = "plain"

    @property
    def text(self) -> str:
        """As it stands on the command line."""
        dotted = self.name.replace("-", ".")
        return SPELLINGS[self.how].format(self.name, upper=self.name.upper(), dotted=dotted)


@frozen
class Create:
    """``create --name NAME --no-work-repos``."""

    name: Name
    json: bool = False


@frozen
class Killed:
    """A ``create`` that is killed when it is half way (CREATE-5d)."""

    name: Name


@frozen
class Failed:
    """A ``create`` with a repository that does not exist (CREATE-5a)."""

    name: Name


@frozen
class Listing:
    """``ls``."""

    json: bool = False


@frozen
class Write:
    """``exec`` of something that reads its input into a file, in the work folder or at home."""

    name: Name
    place: Place
    content: str


@frozen
class Read:
    """``exec`` of ``cat`` on such a file."""

    name: Name
    place: Place


@frozen
class Leave:
    """``exec`` of something that ends with this code."""

    name: Name
    code: int


@frozen
class Missing:
    """``exec`` of a command that does not exist."""

    name: Name


@frozen
class Dirty:
    """``exec`` of git: a repository of the agent's own, with work that is nowhere else (RM-4)."""

    name: Name


@frozen
class Clear:
    """``exec``: that repository is removed again."""

    name: Name


@frozen
class Push:
    """``sync push`` of a file of the machine to the work folder."""

    name: Name


@frozen
class Pull:
    """``sync pull`` of the file that is written in the work folder."""

    name: Name


@frozen
class Change:
    """``start``, ``stop`` or ``restart``."""

    what: Literal["stop", "start", "restart"]
    names: tuple[Name, ...]
    json: bool = False


@frozen
class Show:
    """``status``."""

    name: Name
    json: bool = False


@frozen
class Remove:
    """``rm``, of everything where there are no names; ``answer``: ``--yes``, or what it reads."""

    names: tuple[Name, ...]
    answer: Literal["--yes", "y", "n", ""] = "--yes"
    force: bool = False
    keep: bool = False
    json: bool = False

    @property
    def everything(self) -> bool:
        """Whether it is ``rm --all``."""
        return not self.names


@frozen
class Reset:
    """``reset work-repos`` where there is no repository (RESET-3b)."""

    name: Name


@frozen
class Doctor:
    """``doctor``, with ``--fix --yes`` or without."""

    fix: bool = False


@frozen
class Foreign:
    """Somebody makes a container or folder of a workspace's name, which is not the launcher's."""

    name: str


@frozen
class ForeignGone:
    """And takes it away again."""

    name: str


@frozen
class Behind:
    """Somebody stops, kills, starts or removes a workspace with the engine, or by hand."""

    what: Literal["remove", "stop", "kill", "start"]
    name: str


@frozen
class Times:
    """The clock has jumped: all that the launcher has written seems to be of this year.

    No clock of the machine is set: nothing can do that to a program in any language without root
    over the machine. What a launcher can see of earlier calls are the times of its files.
    """

    year: int


Action = (
    Create
    | Failed
    | Killed
    | Listing
    | Write
    | Read
    | Leave
    | Missing
    | Dirty
    | Clear
    | Push
    | Pull
    | Change
    | Show
    | Remove
    | Reset
    | Doctor
    | Foreign
    | ForeignGone
    | Behind
    | Times
)


def kind_of(action: Action) -> str:
    """The word for an action in counts and options: a command, or what others do."""
    match action:
        case Change(what=what):
            return what
        case Listing():
            return "ls"
        case Show():
            return "status"
        case Remove():
            return "rm"
        case Write() | Read() | Leave() | Missing() | Dirty() | Clear():
            return "exec"
        case Push() | Pull():
            return "sync"
        case Behind(what=what):
            return f"behind-{what}"
        case Foreign() | ForeignGone():
            return "foreign"
    return type(action).__name__.lower()
