"""What a cell does once bound: the state before it, its commands, and what must hold after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "UNCHANGED",
    "Bound",
    "EngineExpect",
    "Expect",
    "FileExpect",
    "Given",
    "GivenContainer",
    "GivenDirectory",
    "GivenEngine",
    "GivenEnv",
    "GivenFault",
    "GivenFile",
    "GivenLink",
    "GivenProgram",
    "GivenRun",
    "GivenVolume",
    "GivenWorkspace",
    "JsonExpect",
    "Presence",
    "SignalPlan",
    "Step",
    "TextExpect",
    "TtyAction",
    "TtyControl",
    "TtyEof",
    "TtyExpect",
    "TtyResize",
    "TtySend",
]

# What a step may promise to leave alone.
UNCHANGED = ("workspaces", "engine", "home", "decoys")


@frozen
class GivenWorkspace:
    """A workspace made with the program: ``create --name NAME`` (``--no-work-repos`` if no repos).

    ``runtime`` None: the cell's. ``args`` follow the options and precede the repos.
    """

    name: str
    repos: tuple[str, ...] = ()
    runtime: str | None = None
    args: tuple[str, ...] = ()


@frozen
class GivenEnv:
    """Variables of all later steps; None unsets one."""

    variables: Mapping[str, str | None] = field(hash=False)


@frozen
class GivenFile:
    """A file with its parent directories; ``mode`` are permission bits."""

    path: str
    content: str = ""
    mode: int = 0o644


@frozen
class GivenDirectory:
    """A directory with its parents."""

    path: str
    mode: int = 0o755


@frozen
class GivenLink:
    """A symbolic link at ``path``; ``to`` need not exist."""

    path: str
    to: str


@frozen
class GivenContainer:
    """A container that is not the program's, made with the engine directly."""

    name: str
    labels: Mapping[str, str] = field(factory=dict, hash=False)


@frozen
class GivenVolume:
    """A volume that is not the program's, made with the engine directly."""

    name: str
    labels: Mapping[str, str] = field(factory=dict, hash=False)


@frozen
class GivenFault:
    """A line of the fake engine's fault language, in force for all later steps."""

    fault: str


@frozen
class GivenEngine:
    """``absent``: no engine command on PATH. ``down``: DOCKER_HOST leads to a dead socket.

    ``podman``: Podman is on PATH, and no docker. ``both``: both are. ``docker-is-podman``: what is
    called docker hands everything to Podman, as the package podman-docker has it.
    """

    state: Literal["absent", "down", "podman", "both", "docker-is-podman"]


@frozen
class GivenProgram:
    """A stand-in program of ``stubs/`` on PATH: the machine's, and that of every container made
    so far.
    """

    name: str


@frozen
class GivenRun:
    """A command in the sandbox that must exit 0; an ``argv[0]`` of ``awl`` is the program."""

    argv: tuple[str, ...]


Given = (
    GivenWorkspace
    | GivenEnv
    | GivenFile
    | GivenDirectory
    | GivenLink
    | GivenContainer
    | GivenVolume
    | GivenFault
    | GivenEngine
    | GivenProgram
    | GivenRun
)


@frozen
class TtyExpect:
    """Wait for this regular expression on the terminal."""

    pattern: str


@frozen
class TtySend:
    """Type this text (no newline is added)."""

    text: str


@frozen
class TtyControl:
    """Press Ctrl and this letter."""

    letter: str


@frozen
class TtyResize:
    """Give the terminal this size."""

    rows: int
    columns: int


@frozen
class TtyEof:
    """Wait for the end of the terminal's output."""


TtyAction = TtyExpect | TtySend | TtyControl | TtyResize | TtyEof


@frozen
class SignalPlan:
    """A signal (``TERM``) to the step's process: after some seconds or some output, or as soon as
    there is a file; exactly one.
    """

    send: str
    after_seconds: float | None = None
    after_output: str | None = None
    after_file: str | None = None


@frozen
class TextExpect:
    """What a stream must be; every member that is not None must hold."""

    equals: str | None = None
    lines: tuple[str, ...] | None = None
    contains: tuple[str, ...] | None = None
    lacks: tuple[str, ...] | None = None
    matches: str | None = None
    empty: bool | None = None
    sha256: str | None = None


@frozen
class JsonExpect:
    """stdout is one JSON document: valid for an output ``schema`` of the contract, with ``at``.

    Keys of ``at`` are paths: ``a.b``, ``a[0]``, ``a[*].b`` (the list of all), ``a.length``.
    """

    schema: str | None = None
    at: Mapping[str, object] = field(factory=dict, hash=False)


@frozen
class Presence:
    """Names that must be there and names that must not."""

    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


@frozen
class FileExpect:
    """What is at a path (links not followed). ``contains`` are parts of the content."""

    kind: Literal["dir", "file", "link", "absent"]
    content: str | None = None
    contains: tuple[str, ...] = ()
    mode: int | None = None


@frozen
class EngineExpect:
    """Engine calls of the step by the journal: exactly ``calls``, at most ``max``, no ``never``."""

    calls: int | None = None
    max: int | None = None
    never: tuple[str, ...] = ()


@frozen
class Expect:
    """What must hold after a step. ``exit`` is always pinned; None elsewhere means unchecked.

    ``or_exits`` are further codes that will do, where chance decides: a signal may come too late.
    """

    exit: int
    error: str | None = None
    stdout: TextExpect | None = None
    stderr: TextExpect | None = None
    json: JsonExpect | None = None
    workspaces: Presence | None = None
    volumes: Presence | None = None
    files: Mapping[str, FileExpect] = field(factory=dict, hash=False)
    unchanged: tuple[str, ...] = ()
    engine: EngineExpect | None = None
    within: float | None = None
    or_exits: tuple[int, ...] = ()


@frozen
class Step:
    """One command and what must hold after it.

    ``argv[0] == "awl"``: the program, with the cell's runtime, via and output put in. ``stdin``
    None: empty. ``tty`` not None: run on a terminal and play these actions. ``close``: the reader
    of this stream goes away at once. ``timeout`` is in seconds; None: the suite's default.
    """

    argv: tuple[str, ...]
    expect: Expect
    stdin: bytes | None = None
    env: Mapping[str, str | None] = field(factory=dict, hash=False)
    cwd: str | None = None
    tty: tuple[TtyAction, ...] | None = None
    signal: SignalPlan | None = None
    close: Literal["stdout", "stderr"] | None = None
    timeout: float | None = None


@frozen
class Bound:
    """A cell made concrete: ``given`` in order, then ``steps``; the first one is the `when`."""

    given: tuple[Given, ...]
    steps: tuple[Step, ...]
