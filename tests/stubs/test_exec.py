"""`docker exec`: into the namespaces of a running container."""

from __future__ import annotations

import os
import signal
import time

import pytest

from .conftest import is_root

IMAGE = "agent-workspace/agent-env:v0.1.0"


def test_a_program_runs_in_the_containers_working_directory(box):
    assert box("exec", "box", "pwd").out == "/work\n"
    assert box("exec", "-w", "/tmp", "box", "pwd").out == "/tmp\n"


def test_streams_stay_apart_and_bytes_stay_bytes(box):
    said = box("exec", "-i", "box", "sh", "-c", "cat; printf 'e\\377' >&2", stdin=bytes(range(256)))
    assert (said.raw, said.raw_err) == (bytes(range(256)), b"e\xff")


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -TERM $$", 143), ("kill -9 $$", 137)]
)
def test_exit_codes_are_the_programs_own(box, script, code):
    box("exec", "box", "sh", "-c", script, expect=code)


def test_arguments_arrive_unchanged(box):
    words = ["a b", "", "-x", "$HOME", "é\n", "'\"", "--", "\t"]
    assert box("exec", "box", "printf", "%s|", *words).out == "|".join(words) + "|"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["box", "nosuchcmd"], 'exec: "nosuchcmd": executable file not found in $PATH: unknown'),
        (["box", ""], 'exec: "": executable file not found in $PATH: unknown'),
        (["box", "/etc/passwd"], 'exec: "/etc/passwd": permission denied: unknown'),
        (["-w", "/nonexist", "box", "pwd"], 'chdir to cwd ("/nonexist") set in config.json failed'),
        (["-w", "rel", "box", "pwd"], "exec failed: Cwd must be an absolute path: unknown"),
        (["-u", "nobodyx", "box", "id"], "unable to find user nobodyx: no matching entries"),
    ],
)
def test_what_cannot_be_run_is_told_on_stdout_with_126(box, args, words):
    said = box("exec", *args, expect=126)
    assert words in said.out
    assert said.err == ""


def test_the_environment_is_the_containers_and_what_is_given(box):
    said = box(
        "exec", "-e", "A", "-e", "B=1 2", "-e", "C=", "-e", "GONE", "box", "env", env={"A": "mine"}
    )
    env = dict(line.split("=", 1) for line in said.lines)
    assert env.pop("HOSTNAME") == box("inspect", "-f", "{{.Config.Hostname}}", "box").word
    assert env == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/home/agent",
        "A": "mine",
        "B": "1 2",
        "C": "",
    }


@pytest.mark.skipif(not is_root(), reason="an unprivileged caller has one user only")
def test_users_are_real_where_the_caller_is_root(box):
    assert box("exec", "box", "id", "-un").out == "agent\n"
    assert box("exec", "-u", "root", "box", "sh", "-c", "id -u; echo $HOME").out == "0\n/root\n"
    assert box("exec", "-u", "4321", "box", "id").out == "uid=4321 gid=0(root) groups=0(root)\n"
    box("exec", "-u", "root", "box", "sh", "-c", "mkdir -m 700 /work/mine")
    assert "Permission denied" in box("exec", "box", "ls", "/work/mine", expect=2).err


def test_absent_and_stopped_containers_are_two_errors(fake):
    ident = fake("create", "--name", "still", IMAGE).word
    assert fake("exec", "absent-c", "true", expect=1).err == "Error: No such container: absent-c\n"
    assert fake("exec", "still", "true", expect=1).err == (
        f"Error response from daemon: Container {ident} is not running\n"
    )


def test_detached_exec_returns_at_once_and_goes_on(box):
    box("exec", "-d", "box", "sh", "-c", "sleep 0.3; echo done > /work/flag")
    assert box("exec", "box", "ls", "/work").out == ""
    deadline = time.monotonic() + 10
    while box("exec", "box", "ls", "/work").out == "" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert box("exec", "box", "cat", "/work/flag").out == "done\n"
    assert box("exec", "-d", "box", "nosuchcmd", expect=1).err.startswith(
        "Error response from daemon: OCI"
    )


def test_the_program_survives_its_client_and_does_not_notice(box):
    call = box.start(
        "exec", "box", "sh", "-c", "echo up; sleep 0.5; echo more; echo end > /work/flag"
    )
    assert call.stdout.readline() == b"up\n"
    call.send_signal(signal.SIGKILL)
    assert call.communicate(timeout=10) == (b"", b"")  # and its pipes are closed at once
    deadline = time.monotonic() + 10
    while "flag" not in box("exec", "box", "ls", "/work").out and time.monotonic() < deadline:
        time.sleep(0.05)
    assert box("exec", "box", "cat", "/work/flag").out == "end\n"


def test_stopping_the_container_ends_what_was_started_in_it(box):
    call = box.start("exec", "box", "sh", "-c", "echo up; exec sleep 60")
    assert call.stdout.readline() == b"up\n"
    box("stop", "box")
    call.communicate(timeout=10)
    assert call.returncode == 137


def test_a_left_over_child_that_holds_the_output_delays_the_end_by_two_seconds_at_most(box):
    start = time.monotonic()
    assert box("exec", "box", "sh", "-c", "sleep 30 & echo hi").out == "hi\n"
    assert time.monotonic() - start < 10


def test_large_streams_both_ways_do_not_block_each_other(box):
    data = os.urandom(1 << 20) * 3
    assert box("exec", "-i", "box", "cat", stdin=data).raw == data


def test_a_long_exec_does_not_block_other_calls(box):
    call = box.start("exec", "box", "sleep", "20")
    box("exec", "box", "true", timeout=10)
    box("run", "--rm", IMAGE, "true", timeout=10)
    call.kill()
    call.communicate()


@pytest.mark.parametrize("script", ["echo done", "exec <&-; sleep 0.1; echo done"])
def test_input_that_is_not_read_costs_no_output(box, script):
    words = ("exec", "-i", "box", "sh", "-c", script)
    for size in (8, 8, 8, 200_000):
        assert box(*words, stdin=b"x" * size).out == "done\n"


def test_a_program_has_the_usual_broken_pipes(box):
    box("exec", "box", "sh", "-c", "kill -PIPE $$", expect=141)


def test_an_unread_pipe_ends_the_client_silently(box):
    call = box.start("exec", "box", "sh", "-c", "yes | head -c 1000000")
    call.stdout.close()
    with call.stderr, call.stdin:
        assert call.stderr.read() == b""
    assert call.wait(10) == -signal.SIGPIPE
