"""Terminals: a real one on both sides."""

from __future__ import annotations

import pexpect
import pytest

IMAGE = "agent-workspace/agent-env:v0.1.0"


@pytest.fixture
def typed(fake):
    """Start the client on a terminal of 40 by 100."""
    children = []

    def start(*args):
        child = pexpect.spawn(
            str(fake.docker), list(args), env=fake.env, dimensions=(40, 100), timeout=15
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def test_exec_has_a_terminal_of_the_containers_own(box, typed):
    child = typed(
        "exec", "-it", "box", "sh", "-c", "tty; stty size; test -t 0 -a -t 1 -a -t 2 && echo all"
    )
    child.expect_exact("/dev/pts/")
    child.expect_exact("40 100")
    child.expect_exact("all")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


def test_the_window_size_follows_the_callers(box, typed):
    script = "trap 'stty size' WINCH; echo ready; for i in $(seq 50); do sleep 0.1; done"
    child = typed("exec", "-it", "box", "sh", "-c", script)
    child.expect_exact("ready")
    child.setwinsize(20, 70)
    child.expect_exact("20 70")


def test_control_c_goes_to_the_foreground_of_the_container(box, typed):
    child = typed(
        "exec",
        "-it",
        "box",
        "sh",
        "-c",
        # Not one long sleep: between two commands a signal is lost to whoever is just being forked.
        "trap 'echo interrupted; exit 8' INT; echo ready; while :; do sleep 0.05; done",
    )
    child.expect_exact("ready")
    child.sendcontrol("c")
    child.expect_exact("interrupted")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 8


def test_a_shell_can_be_used_in_a_run(fake, typed):
    child = typed("run", "--rm", "-it", IMAGE, "sh")
    child.expect(r"[$#] ")
    child.sendline("echo $((40+2)) $TERM; exit 5")
    child.expect_exact("42 xterm")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 5
    assert fake("ps", "-aq").out == ""


def test_a_terminal_without_a_callers_terminal_is_given_on_output_only(box):
    assert box("exec", "-t", "box", "tty").out == "/dev/pts/0\r\n"
    assert box("exec", "-it", "box", "tty", expect=1).err == "the input device is not a TTY\n"
    assert box("run", "--rm", "-t", IMAGE, "tty").out == "/dev/pts/0\r\n"


def test_logs_of_a_terminal_are_one_stream(fake):
    fake("run", "-t", "--name", "one", IMAGE, "sh", "-c", "echo out; echo err >&2")
    said = fake("logs", "one")
    assert (said.out, said.err) == ("out\r\nerr\r\n", "")
