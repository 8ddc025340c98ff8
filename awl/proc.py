"""The only doorway to other programs: time limits, redaction, no orphans, a log of what ran.

Two ways through it. `run` collects what a program says; it has a time limit, always, and whatever
ends the wait (the limit, a signal) ends the program's whole process group. `spawn` starts a program
on the launcher's own streams, for `exec`, and leaves the waiting to `awl.supervise`.

`subprocess` is imported where it is used: `exec` does without it.
"""

# Names without the suffix `Error`, as in awl.errors.
# ruff: noqa: N818

from __future__ import annotations

import contextlib
import os
import signal
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from awl.errors import AwlError, ToolMissing
from awl.redact import redact, shell_line

if TYPE_CHECKING:
    import subprocess
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

__all__ = [
    "Completed",
    "ProgramMissing",
    "TimeLimitReached",
    "on_path",
    "rehearse",
    "run",
    "spawn",
    "watch",
]

# Seconds to wait for the last words of a child that has ended; a grandchild may hold the stream.
_PATIENCE = 2.0
_CHUNK = 1 << 16
# Python ignores these two; the programs it starts shall not.
_RESET = (signal.SIGPIPE, signal.SIGXFSZ)

_watcher: Callable[[str], None] | None = None
_stand_in: Callable[[tuple[str, ...]], Completed] | None = None


class Completed(NamedTuple):
    """A program that has ended: `code` is negative for a signal, as `subprocess` has it."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Standard output, without the last line end."""
        return self.out.decode(errors="surrogateescape").removesuffix("\n")

    @property
    def words(self) -> str:
        """What the program complained of, on one line, secrets masked; never empty."""
        said = " ".join((self.err or self.out).decode(errors="replace").split())
        return redact(said) or f"exit code {self.code}, and not a word"

    @property
    def is_full(self) -> bool:
        """Whether it complained of a disk that is full."""
        said = self.words.lower()
        return "no space left on device" in said or "disk quota exceeded" in said


class ProgramMissing(ToolMissing):
    """A program that the launcher needs is not on PATH."""


class TimeLimitReached(AwlError):
    """A program did not end in time, and was ended."""


def watch(watcher: Callable[[str], None] | None) -> None:
    """Have `watcher` told each command before it runs, secrets masked (`--verbose`)."""
    global _watcher
    _watcher = watcher


def rehearse(stand_in: Callable[[tuple[str, ...]], Completed] | None) -> None:
    """Have `stand_in` asked instead of each program that `run` would run (`--dry-run`)."""
    global _stand_in
    _stand_in = stand_in


def on_path(program: str, environment: Mapping[str, str], *, relative: bool = False) -> str | None:
    """Return the path of `program` as the person's PATH has it, `None` where it has none.

    An entry that is empty or relative leads nowhere: whoever made the folder in which the person
    stands could plant a program there. With `relative` one that is not empty counts, as for a
    command of the person's own.
    """
    for folder in environment.get("PATH", os.defpath).split(":"):
        if not folder or not (relative or folder.startswith("/")):
            continue
        candidate = f"{folder}/{program}"
        if os.access(candidate, os.X_OK) and not os.access(f"{candidate}/", os.F_OK):
            return candidate
    return None


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    limit: float,
    cwd: str | None = None,
    stdin: bytes | IO[bytes] = b"",
    stdout: IO[bytes] | None = None,
    told: Callable[[str], None] | None = None,
) -> Completed:
    """Run `argv` to its end and collect its output.

    `limit` is in seconds. `stdin` is what the program reads: bytes, or an open file that it gets
    as it is; `stdout` is an open file that takes its output instead of `Completed.out`; `told` is
    told each line of standard error as it comes. Raises `ProgramMissing` and `TimeLimitReached`; an
    exit code is no error here.
    """
    import subprocess

    program = _found(argv[0], env)
    if _stand_in is not None:
        return _stand_in(tuple(argv))
    data = stdin if isinstance(stdin, bytes) else None
    try:
        child = subprocess.Popen(
            [program, *argv[1:]],
            stdin=subprocess.PIPE if isinstance(stdin, bytes) else stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            # A group and a session of its own: it can be ended with all its children, and cannot
            # stop to ask the terminal for a password.
            start_new_session=True,
        )
    except OSError as error:
        raise AwlError(f"cannot run {argv[0]}: {error.strerror}") from error
    _log(argv)
    with child, _Teller(child, told) as teller:
        try:
            out, err = child.communicate(data, timeout=limit)
        except subprocess.TimeoutExpired:
            _end(child.pid)
            child.communicate()
            raise TimeLimitReached(
                f"{redact(shell_line(tuple(argv[:3])))} … did not end within {limit:g} s"
            ) from None
        except BaseException:
            _end(child.pid)
            child.communicate()
            raise
    return Completed(child.returncode, out or b"", err or teller.heard)


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    mask: set[signal.Signals] | set[int],
    stderr: int | None = None,
    group: bool = False,
) -> int:
    """Start `argv` on the launcher's own streams and return its process id.

    `mask` is the signal mask that the program starts with; `stderr` is a descriptor that stands in
    for standard error; with `group` it leads a process group of its own. Raises `OSError` as the
    system has it: for `exec` the difference between missing and not executable counts.
    """
    _log(argv)
    actions = [] if stderr is None else [(os.POSIX_SPAWN_DUP2, stderr, 2)]
    own: dict[str, Any] = {"setpgroup": 0} if group else {}
    return os.posix_spawn(
        argv[0], list(argv), env, file_actions=actions, setsigmask=mask, setsigdef=_RESET, **own
    )


class _Teller:
    """Reads standard error of a child as it comes, where somebody wants to be told of it."""

    def __init__(self, child: subprocess.Popen[bytes], told: Callable[[str], None] | None) -> None:
        self._parts: list[bytes] = []
        self._thread: threading.Thread | None = None
        if told is None or child.stderr is None:
            return
        from threading import Thread

        stream, child.stderr = child.stderr, None  # `communicate` leaves it to the thread
        self._thread = Thread(target=self._listen, args=(stream, told), daemon=True)

    @property
    def heard(self) -> bytes:
        """What a terminal would still show of it; complete once the teller is left."""
        lines = b"".join(self._parts).split(b"\n")
        return b"\n".join(line.removesuffix(b"\r").rpartition(b"\r")[2] for line in lines)

    def __enter__(self) -> Self:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread:
            self._thread.join(_PATIENCE)

    def _listen(self, stream: IO[bytes], told: Callable[[str], None]) -> None:
        with stream:
            rest = b""
            while data := os.read(stream.fileno(), _CHUNK):
                self._parts.append(data)
                # What is written over (by `\r`) is told as well: it is how far something is.
                *lines, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
                for line in lines:
                    if line:
                        told(line.decode(errors="replace").rstrip())


def _found(program: str, env: Mapping[str, str]) -> str:
    path = program if "/" in program else on_path(program, env)
    if path is None:
        raise ProgramMissing(
            f"{program} is not on PATH, and the launcher needs it", f"install {program}"
        )
    return path


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it went by itself, in the same moment
        os.killpg(pid, signal.SIGKILL)


def _log(argv: Sequence[str]) -> None:
    if _watcher is not None:
        _watcher(shell_line(tuple(argv)))
