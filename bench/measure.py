"""Time whole processes from outside: wall, CPU and peak memory, by ``wait4``.

    rounds({"a": Command(["true"]), "b": Command(["false"])}, n=20)

Commands that are compared take turns (A B A B …), so that a machine that gets slower or faster
meanwhile does so for all of them, and what is compared is what stood side by side.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

__all__ = [
    "Command",
    "CommandFailed",
    "Sample",
    "Spread",
    "once",
    "peak_memory",
    "ratios",
    "rounds",
    "spread",
]

# A bare interpreter of 9 MiB starts the command: a child's peak begins with that of the process
# it was started from, so that a larger one would colour the number (getrusage(2), ru_maxrss).
_PEAK = """\
import json, os, sys
null = os.open(os.devnull, os.O_RDWR)
said = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=said)
_, status, usage = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss]))
"""
_SHOWN = 400
_PATIENCE = 100  # tenths of a second


class CommandFailed(RuntimeError):  # noqa: N818 - what happened, told as such
    """A command that was to be measured ended otherwise than expected, so its time says nothing."""


@dataclass(frozen=True)
class Command:
    """A program to be timed. ``argv`` begins with an absolute path, or makes the words of a round.

    ``env``: its whole environment. ``after``: called after each round, outside of the time.
    ``codes``: the exit codes under which its time counts. ``limit``: seconds until it is ended.
    """

    argv: Sequence[str] | Callable[[int], Sequence[str]]
    env: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[int], object] | None = None
    codes: frozenset[int] = frozenset({0})
    limit: float = 120.0

    def words(self, number: int) -> list[str]:
        """The command line of a round."""
        return list(self.argv(number) if callable(self.argv) else self.argv)


@dataclass(frozen=True)
class Sample:
    """One process from its start until it was waited for.

    ``wall`` and ``cpu`` in seconds, ``cpu`` with all descendants that were waited for; ``peak`` is
    the resident memory, in MiB, of the largest process among these (see ``peak_memory``).
    """

    wall: float
    cpu: float
    peak: float
    code: int = 0


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of ``n`` values."""

    median: float
    least: float
    greatest: float
    n: int


def spread(values: Sequence[float]) -> Spread:
    """Sum values up; ValueError where there are none."""
    if not values:
        raise ValueError("nothing was measured")
    return Spread(statistics.median(values), min(values), max(values), len(values))


def ratios(tops: Sequence[float], bottoms: Sequence[float]) -> Spread:
    """The spread of the quotients of what stood side by side; ValueError at unequal lengths."""
    return spread([top / bottom for top, bottom in zip(tops, bottoms, strict=True)])


def once(command: Command, number: int = 0) -> Sample:
    """Run a command once. CommandFailed for an unexpected exit code, or at the time limit.

    For the main thread only: the limit is an alarm, since a thread that watches would be timed too.
    """
    argv = command.words(number)
    with tempfile.TemporaryFile() as said:
        streams = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, said.fileno(), 2),
        ]
        env = dict(command.env)
        with _limit(command.limit):
            started = time.perf_counter()
            pid = os.posix_spawn(argv[0], argv, env, file_actions=streams)
            try:
                _, status, usage = os.wait4(pid, 0)
                wall = time.perf_counter() - started
            except BaseException:
                _end(pid)
                raise
        code = os.waitstatus_to_exitcode(status)
        if code not in command.codes:
            said.seek(0)
            raise _failed(argv, code, said.read())
    if command.after is not None:
        command.after(number)
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, code)


def rounds(
    commands: Mapping[str, Command], n: int, warm_up: int = 2
) -> dict[str, tuple[Sample, ...]]:
    """Run all commands in turn, ``n`` times, after ``warm_up`` rounds that do not count."""
    taken: dict[str, list[Sample]] = {name: [] for name in commands}
    for number in range(warm_up + n):
        for name, command in commands.items():
            sample = once(command, number)
            if number >= warm_up:
                taken[name].append(sample)
    return {name: tuple(samples) for name, samples in taken.items()}


def peak_memory(command: Command, number: int = 0) -> float:
    """The most resident memory of a command, or of its largest waited-for descendant, in MiB."""
    argv = command.words(number)
    done = subprocess.run(
        [sys.executable, "-IS", "-c", _PEAK, *argv],
        env=dict(command.env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=command.limit,
    )
    if done.returncode != 0:
        raise _failed(argv, done.returncode, done.stderr)
    code, kilobytes = json.loads(done.stdout)
    if code not in command.codes:
        raise _failed(argv, code, done.stderr)
    if command.after is not None:
        command.after(number)
    return float(kilobytes) / 1024


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise CommandFailed(f"it took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _end(pid: int) -> None:
    """End a process that is not waited for any more: it may clean up, but not for ever."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    os.kill(pid, signal.SIGTERM)
    for _ in range(_PATIENCE):
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _failed(argv: Sequence[str], code: int, said: bytes) -> CommandFailed:
    words = said.decode(errors="replace").strip()[-_SHOWN:]
    name = os.path.basename(argv[0])  # noqa: PTH119 - text, and the page shows no paths
    return CommandFailed(f"`{' '.join([name, *argv[1:3]])}` ended with {code}: {words}")
