"""One command on a real terminal, as a person would sit at it."""

from __future__ import annotations

import signal
import time

import pytest

from conformance.drivers.tty import Expect, ExpectEOF, Resize, Send, SendControl, converse

ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TERM": "dumb"}


@pytest.fixture
def talk(case):
    def call(line, *script, **given):
        options = {"env": ENV, "cwd": case.sandbox, "timeout": 20.0, **given}
        return converse(case, ["sh", "-c", line], script=script, **options)

    return call


def test_all_three_streams_are_the_controlling_terminal(talk):
    seen = talk("test -t 0 && test -t 1 && test -t 2 && echo yes; tty; echo there > /dev/tty")
    first, name, last = seen.stdout.split(b"\r\n")[:3]
    assert (first, last, seen.exit) == (b"yes", b"there", 0)
    assert name.startswith(b"/dev/pts/")
    assert seen.stderr == b""


def test_the_window_has_the_size_that_is_given_and_can_change(talk):
    line = "stty size; trap 'stty size; exit 4' WINCH; echo up; while :; do sleep 0.02; done"
    seen = talk(line, Expect("up"), Resize(50, 132), Expect("50 132"), rows=33, columns=99)
    assert (seen.exit, seen.unmet) == (4, "")
    assert seen.stdout.startswith(b"33 99\r\n")


def test_a_question_is_answered(talk):
    line = "printf 'sure? [y/N] '; read answer; echo \"<$answer>\""
    seen = talk(line, Expect(r"\[y/N\] $"), Send("yes\n"), Expect("<yes>"), ExpectEOF())
    assert (seen.exit, seen.unmet) == (0, "")
    assert seen.stdout == b"sure? [y/N] yes\r\n<yes>\r\n"


def test_ctrl_c_interrupts_the_foreground_group(talk, case):
    # Both are there when the words come: a shell between fork and exec may lose the signal.
    line = "sh -c 'echo up; exec sleep 61'; echo not here"
    seen = talk(line, Expect("up"), SendControl("c"))
    assert (seen.signal, seen.exit) == (signal.SIGINT, None)
    assert b"not here" not in seen.stdout
    assert case.leaks() == ()


def test_ctrl_c_can_be_caught(talk):
    line = "trap 'echo caught; exit 130' INT; echo up; while :; do sleep 0.02; done"
    assert talk(line, Expect("up"), SendControl("C"), Expect("caught")).exit == 130


def test_ctrl_d_ends_the_input(talk):
    seen = talk("cat; echo done", Send("line\n"), Expect("line"), SendControl("d"))
    assert seen.exit == 0
    assert seen.stdout.endswith(b"line\r\ndone\r\n")


def test_a_step_that_is_not_met_is_told_and_the_command_is_killed(talk, case):
    seen = talk("echo other; exec sleep 61", Expect("words", timeout=0.1), Send("x"))
    assert "step 1" in seen.unmet
    assert "words" in seen.unmet
    assert "did not come in 0.1 s" in seen.unmet
    assert (seen.signal, seen.timed_out) == (signal.SIGKILL, False)
    assert case.leaks() == ()


def test_a_command_that_ends_before_the_words_keeps_its_own_code(talk):
    seen = talk("exit 3", Expect("words"))
    assert (seen.exit, seen.timed_out) == (3, False)
    assert "ended before" in seen.unmet


def test_an_end_that_does_not_come_is_told(talk):
    assert "it did not end" in talk("exec sleep 61", ExpectEOF(timeout=0.1)).unmet


def test_the_time_limit_holds_whatever_the_script_says(talk, case):
    started = time.monotonic()
    seen = talk("exec sleep 61", Expect("never", timeout=50), timeout=0.3)
    assert seen.timed_out
    assert talk("exec sleep 61", timeout=0.3).timed_out
    assert time.monotonic() - started < 10
    assert case.leaks() == ()


def test_typing_to_a_command_that_does_not_read_is_bounded(talk):
    line = "stty raw -echo; echo up; exec sleep 61"
    seen = talk(line, Expect("up"), Send("z" * 1_000_000), timeout=0.5)
    assert "does not read its input" in seen.unmet


def test_a_flood_is_bounded_in_time_and_memory(talk):
    seen = talk("exec yes", timeout=0.3, keep=100)
    assert (len(seen.stdout), seen.timed_out) == (100, True)
    assert seen.out.length > 100


def test_a_command_that_lets_go_of_the_terminal_is_still_waited_for(talk):
    line = "trap '' HUP; exec <&- >&- 2>&-; sleep 0.2; exit 5"
    assert talk(line, ExpectEOF()).exit == 5


def test_many_words_in_order_across_much_output(talk):
    seen = talk("seq 20000; echo end", Expect("1999\r\n"), Expect("19999"), Expect("end"))
    assert (seen.unmet, seen.exit) == ("", 0)
    assert seen.out.length == sum(len(f"{n}\r\n") for n in range(1, 20001)) + 5


def test_a_command_that_cannot_start_is_an_oserror(case):
    with pytest.raises(FileNotFoundError):
        converse(case, ["no-such"], env=ENV, cwd=case.sandbox, script=(), timeout=5)


@pytest.mark.parametrize("key", ["", "cc", "1", "é"])
def test_keys_that_ctrl_does_not_have_are_refused(key):
    with pytest.raises(ValueError, match="expected one of"):
        SendControl(key)


def test_a_bad_pattern_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match="unterminated"):
        Expect("(")
