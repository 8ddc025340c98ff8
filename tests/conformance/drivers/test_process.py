"""One command by pipes: all that it says and does comes back, in bounded time and memory."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import time

import pytest

from conformance.drivers.process import Interrupt, run


def test_exit_code_streams_and_argv_come_back(sh):
    seen = sh("echo out; echo err >&2; exit 7")
    assert (seen.exit, seen.signal) == (7, None)
    assert (seen.stdout, seen.stderr) == (b"out\n", b"err\n")
    assert seen.argv == ("sh", "-c", "echo out; echo err >&2; exit 7")
    assert not any((seen.timed_out, seen.held_open, seen.truncated, seen.unmet))
    assert 0 < seen.duration < 10


def test_an_outcome_is_frozen(sh):
    with pytest.raises(dataclasses.FrozenInstanceError):
        sh("true").exit = 1


def test_death_by_a_signal_is_told_apart_from_an_exit_code(sh):
    assert (sh("kill -TERM $$").exit, sh("kill -TERM $$").signal) == (None, signal.SIGTERM)
    assert (sh("exit 143").exit, sh("exit 143").signal) == (143, None)


def test_the_environment_is_exactly_what_is_given(case):
    seen = run(case, ["/usr/bin/env"], env={"ONLY": "this"}, cwd=case.sandbox, timeout=20)
    assert seen.stdout == b"ONLY=this\n"


def test_the_command_runs_in_the_folder_that_is_given(sh, case):
    below = case.sandbox / "with space"
    below.mkdir()
    assert sh("pwd", cwd=below).stdout == f"{below}\n".encode()


def test_a_command_that_cannot_start_is_an_oserror(case):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(FileNotFoundError):
        run(case, ["no-such"], env={"PATH": "/bin"}, cwd=case.sandbox, timeout=5, stdin=b"x")
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 4, b"\0\xff" * 1_500_000])
def test_binary_input_comes_through_whole(sh, data):
    seen = sh("cat", stdin=data)
    assert seen.out.length == len(data)
    assert seen.out.sha256 == hashlib.sha256(data).hexdigest()


def test_without_input_stdin_is_at_its_end(sh):
    assert sh("cat; readlink /proc/self/fd/0").stdout == b"/dev/null\n"


def test_a_command_need_not_read_its_input(sh):
    assert sh("exec true", stdin=b"x" * 5_000_000).exit == 0


def test_big_outputs_on_both_pipes_and_big_input_do_not_deadlock(sh):
    size = 5_000_000
    line = f"head -c {size} /dev/zero & head -c {size} /dev/zero >&2; wc -c; wait"
    seen = sh(line, stdin=b"x" * size)
    assert (seen.out.length, seen.err.length) == (size + len(f"{size}\n"), size)


def test_only_the_beginning_is_kept_but_all_is_counted_and_digested(sh):
    seen = sh("head -c 1000000 /dev/zero; echo end >&2", keep=1000)
    assert seen.stdout == b"\0" * 1000
    assert seen.out.length == 1_000_000
    assert seen.out.sha256 == hashlib.sha256(b"\0" * 1_000_000).hexdigest()
    assert (seen.out.truncated, seen.err.truncated, seen.truncated) == (True, False, True)


def test_the_time_limit_kills_the_whole_tree(sh, case):
    seen = sh("sleep 61 & setsid sleep 62 & echo up; sleep 63", timeout=0.3)
    assert seen.timed_out
    assert (seen.exit, seen.signal, seen.stdout) == (None, signal.SIGKILL, b"up\n")
    assert 0.3 <= seen.duration < 5
    assert case.leaks() == ()


def test_a_command_that_floods_is_still_stopped_in_time(sh):
    seen = sh("yes & yes >&2", timeout=0.3, keep=10)
    assert seen.timed_out
    assert seen.duration < 5


def test_a_process_left_behind_is_told_and_not_waited_for(sh, case):
    seen = sh("sleep 61 & echo done")
    assert (seen.exit, seen.stdout, seen.held_open) == (0, b"done\n", True)
    assert seen.duration < 5
    assert [process.argv for process in case.ps()] == [("sleep", "61")]


def test_a_flood_that_is_left_behind_does_not_hold_us_up(sh, case):
    started = time.monotonic()
    assert sh("yes & exit 3", keep=10).held_open
    assert time.monotonic() - started < 5
    case.kill_all()


def test_output_that_a_helper_finishes_after_the_end_is_still_read(sh):
    seen = sh("(sleep 0.05; echo late) & echo early")
    assert (seen.stdout, seen.held_open) == (b"early\nlate\n", False)


@pytest.mark.parametrize("moment", [{"after_seconds": 0.05}, {"after_output": b"ready"}])
def test_an_interrupt_comes_at_its_moment(sh, moment):
    line = "trap 'echo caught; exit 130' INT; echo ready; while :; do sleep 0.02; done"
    seen = sh(line, interrupts=(Interrupt(signal.SIGINT, **moment),))
    assert (seen.exit, seen.stdout) == (130, b"ready\ncaught\n")


def test_an_interrupt_reaches_the_whole_group_as_ctrl_c_does(sh, case):
    line = "sh -c 'echo up; exec sleep 61'; echo not here"
    seen = sh(line, interrupts=(Interrupt(signal.SIGINT, after_output=b"up"),))
    assert (seen.signal, seen.stdout) == (signal.SIGINT, b"up\n")
    assert case.leaks() == ()


def test_an_interrupt_waits_for_a_file(sh, tmp_path):
    sign = tmp_path / "here"
    line = f"trap 'echo caught; exit 130' INT; : >{sign}; while :; do sleep 0.02; done"
    seen = sh(line, interrupts=(Interrupt(signal.SIGINT, after_file=sign),))
    assert (seen.exit, seen.stdout) == (130, b"caught\n")


def test_words_across_two_reads_are_found(sh):
    line = "printf re; sleep 0.05; printf ady; exec sleep 60"
    seen = sh(line, interrupts=(Interrupt(signal.SIGTERM, after_output=b"ready"),))
    assert seen.signal == signal.SIGTERM


def test_several_interrupts_come_in_turn(sh):
    line = "trap 'echo one' INT; echo up; while :; do sleep 0.02; done"
    first = Interrupt(signal.SIGINT, after_output=b"up")
    second = Interrupt(signal.SIGTERM, after_output=b"one")
    seen = sh(line, interrupts=(first, second))
    assert (seen.signal, seen.stdout) == (signal.SIGTERM, b"up\none\n")


@pytest.mark.parametrize("given", [{}, {"after_seconds": 1.0, "after_output": b"x"}])
def test_an_interrupt_has_exactly_one_moment(given):
    with pytest.raises(ValueError, match="exactly one"):
        Interrupt(signal.SIGINT, **given)


def test_a_reader_that_goes_away_is_a_closed_pipe(sh):
    assert sh("exec yes", close_stdout_after=10).signal == signal.SIGPIPE
    seen = sh("trap '' PIPE; sleep 0.05; echo x; echo code $? >&2", close_stdout_after=0)
    assert (seen.stdout, seen.stderr.splitlines()[-1]) == (b"", b"code 1")
