"""Processes are timed as wholes, in turns, and what fails is never a figure."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from bench.measure import (
    Command,
    CommandFailed,
    Spread,
    once,
    peak_memory,
    ratios,
    rounds,
    spread,
)

if TYPE_CHECKING:
    from pathlib import Path

ENV = {"PATH": "/usr/bin:/bin"}


def python(program: str, **options: object) -> Command:
    return Command([sys.executable, "-IS", "-c", program], ENV, **options)  # type: ignore[arg-type]


def test_a_spread_is_median_least_and_greatest() -> None:
    assert Spread(2.0, 1.0, 9.0, 3) == spread([9.0, 1.0, 2.0])


def test_nothing_measured_is_no_spread() -> None:
    with pytest.raises(ValueError, match="nothing"):
        spread([])


def test_ratios_are_of_neighbours_and_not_of_medians() -> None:
    assert Spread(2.0, 2.0, 2.0, 3) == ratios([2.0, 4.0, 20.0], [1.0, 2.0, 10.0])
    # Medians are 4 and 2: their quotient is no median of quotients.
    assert Spread(4.0, 0.2, 9.0, 3) == ratios([4.0, 9.0, 2.0], [1.0, 1.0, 10.0])


def test_ratios_of_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_wall_time_covers_the_whole_process_and_cpu_time_only_its_work() -> None:
    sample = once(python("import time; time.sleep(0.2)"))
    assert sample.wall >= 0.2
    assert sample.cpu < sample.wall


def test_cpu_time_contains_children_that_were_waited_for() -> None:
    burn = "import time\\nwhile time.process_time() < 0.2: pass"
    sample = once(
        python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{burn}'])")
    )
    assert sample.cpu >= 0.2


def test_a_command_takes_exactly_its_environment() -> None:
    once(python("import os; assert os.environ.get('HOME') is None; assert 'PATH' in os.environ"))


def test_an_unexpected_exit_code_is_an_error_with_the_words_of_the_command() -> None:
    with pytest.raises(CommandFailed, match="ended with 3: sorry"):
        once(python("import sys; sys.stderr.write('sorry'); sys.exit(3)"))
    assert once(python("raise SystemExit(3)", codes=frozenset({3}))).code == 3


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    started = time.monotonic()
    with pytest.raises(CommandFailed, match=r"longer than 0\.3 s"):
        once(
            python(
                f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid()));time.sleep(60)",
                limit=0.3,
            )
        )
    assert time.monotonic() - started < 30
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    if note.exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int(note.read_text()), 0)


def test_commands_take_turns_after_rounds_that_do_not_count(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def said(name: str) -> Command:
        return Command(
            lambda number: ["/bin/sh", "-c", f"echo {name}{number} >>{log}"],
            ENV,
            after=lambda number: log.write_text(log.read_text() + f"after {name}{number}\n"),
        )

    taken = rounds({"a": said("a"), "b": said("b")}, n=2, warm_up=1)
    assert {name: len(samples) for name, samples in taken.items()} == {"a": 2, "b": 2}
    turns = log.read_text().splitlines()
    assert turns[:6] == ["a0", "after a0", "b0", "after b0", "a1", "after a1"]
    assert turns[-1] == "after b2"


def test_peak_memory_is_of_the_command_and_not_of_its_measurer() -> None:
    ballast = b"x" * (64 << 20)  # in this process, from which a plain start would inherit it
    small = peak_memory(python("pass"))
    large = peak_memory(python("held = b'x' * (48 << 20)"))
    assert len(ballast) >> 20 > small
    assert 40 < large - small < 60


def test_peak_memory_of_what_fails_is_an_error() -> None:
    with pytest.raises(CommandFailed, match="ended with 4"):
        peak_memory(python("raise SystemExit(4)"))
    with pytest.raises(CommandFailed, match="No such file"):
        peak_memory(Command(["/nonexistent/program"], ENV))
