"""Run one command of a case by pipes and bring back all that was seen.

    outcome = run(lock, ["awl", "ls"], env=env, cwd=home, timeout=20)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conformance.lock.client import CaseLock

__all__ = ["Interrupt", "Outcome", "Stream", "run"]


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A signal to send to the command's group: after some seconds, or after some output.

    Exactly one of ``after_seconds`` and ``after_output`` (searched in stdout and stderr) is given.
    """

    signal: int
    after_seconds: float | None = None
    after_output: bytes | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """What came out of one stream: the kept beginning, and length and sha256 of all of it."""

    kept: bytes
    length: int
    sha256: str

    @property
    def truncated(self) -> bool:
        """Whether more came than was kept."""
        return self.length > len(self.kept)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. ``exit`` is its code, or None where ``signal`` ended it.

    ``duration`` is in seconds. ``timed_out``: the time limit passed and its tree was killed.
    ``held_open``: it ended, but a process that it left behind kept its output open.
    """

    argv: tuple[str, ...]
    exit: int | None
    signal: int | None
    out: Stream
    err: Stream
    duration: float
    timed_out: bool = False
    held_open: bool = False

    @property
    def stdout(self) -> bytes:
        """The kept part of stdout."""
        return self.out.kept

    @property
    def stderr(self) -> bytes:
        """The kept part of stderr (empty for a terminal)."""
        return self.err.kept

    @property
    def truncated(self) -> bool:
        """Whether either stream was longer than what was kept."""
        return self.out.truncated or self.err.truncated


def run(
    lock: CaseLock,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float,
    stdin: bytes | None = None,
    interrupts: tuple[Interrupt, ...] = (),
    close_stdout_after: int | None = None,
    keep: int = 8 * 1024 * 1024,
) -> Outcome:
    """Run ``argv`` in the case with exactly ``env`` and wait for it, at most ``timeout`` seconds.

    ``stdin`` None is ``/dev/null``, bytes come through a pipe that is then closed. With
    ``close_stdout_after`` the reader goes away after that many bytes (0: at once), as ``head``
    does. Of each stream ``keep`` bytes are kept. Raises OSError where the command cannot start.
    """
    ...
