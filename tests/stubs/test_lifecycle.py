"""start, stop, restart, kill, rm, rename, wait."""

from __future__ import annotations

import time

import pytest

IMAGE = "agent-workspace/agent-env:v0.1.0"


def _state(fake, name):
    return fake("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}", name).word


def test_stop_takes_the_time_limit_where_the_first_process_ignores_the_signal(fake):
    fake("run", "-d", "--name", "deaf", IMAGE)
    start = time.monotonic()
    assert fake("stop", "-t", "1", "deaf").out == "deaf\n"
    assert time.monotonic() - start >= 1
    assert _state(fake, "deaf") == "exited 137 0"


def test_stop_is_prompt_with_an_init(box):
    start = time.monotonic()
    box("stop", "box")
    assert time.monotonic() - start < 5
    assert _state(box, "box") == "exited 143 0"


def test_stop_of_a_stopped_container_is_a_quiet_success(fake):
    fake("create", "--name", "still", IMAGE)
    said = fake("stop", "still")
    assert (said.out, said.err) == ("still\n", "")


def test_the_stop_signal_and_time_limit_of_the_container_are_used(fake):
    fake(
        "run", "-d", "--name", "one", "--stop-signal", "USR1", "--stop-timeout", "20", IMAGE,
        "sh", "-c", "trap 'exit 5' USR1; while :; do sleep 0.1; done",
    )  # fmt: skip
    time.sleep(0.2)
    fake("stop", "one", timeout=15)
    assert _state(fake, "one") == "exited 5 0"


def test_start_is_idempotent_and_keeps_the_data(box):
    box("exec", "box", "sh", "-c", "echo kept > /work/f")
    box("stop", "box")
    assert box("start", "box").out == "box\n"
    pid = _state(box, "box")
    assert box("start", "box").out == "box\n"
    assert _state(box, "box") == pid
    assert box("exec", "box", "cat", "/work/f").out == "kept\n"


def test_start_attached_hands_through(fake):
    fake("create", "-i", "--name", "one", IMAGE, "sh", "-c", "cat; exit 3")
    assert fake("start", "-a", "-i", "one", stdin=b"words", expect=3).out == "words"


def test_restart_gives_a_new_first_process(box):
    before = _state(box, "box")
    assert box("restart", "-t", "1", "box").out == "box\n"
    assert _state(box, "box").split()[0] == "running"
    assert _state(box, "box") != before


def test_kill_ends_at_once_and_refuses_what_does_not_run(box):
    ident = box("inspect", "-f", "{{.Id}}", "box").word
    assert box("kill", "box").out == "box\n"
    assert _state(box, "box") == "exited 137 0"
    assert box("kill", "box", expect=1).err == (
        "Error response from daemon: Cannot kill container: box: "
        f"Container {ident} is not running\n"
    )
    assert box("kill", "-s", "BOGUS", "box", expect=1).err == (
        "Error response from daemon: Invalid signal: BOGUS\n"
    )


def test_kill_sends_any_signal(fake):
    fake(
        "run",
        "-d",
        "--name",
        "one",
        IMAGE,
        "sh",
        "-c",
        "trap 'exit 4' HUP; while :; do sleep 0.1; done",
    )
    time.sleep(0.2)
    fake("kill", "-s", "SIGHUP", "one")
    assert fake("wait", "one", timeout=10).out == "4\n"


def test_wait_blocks_until_the_end(fake):
    fake("run", "-d", "--name", "one", IMAGE, "sh", "-c", "sleep 0.5; exit 6")
    start = time.monotonic()
    assert fake("wait", "one").out == "6\n"
    assert time.monotonic() - start > 0.2
    assert fake("wait", "one").out == "6\n"


def test_rm_refuses_a_running_container_unless_forced(box):
    ident = box("inspect", "-f", "{{.Id}}", "box").word
    assert box("rm", "box", expect=1).err == (
        f"Error response from daemon: You cannot remove a running container {ident}. Stop the "
        "container before attempting removal or force remove\n"
    )
    assert box("rm", "-f", "box").out == "box\n"
    assert box("volume", "ls", "-q").lines == ["boxwork"]


def test_rm_of_several_goes_on_after_an_absent_one(fake):
    fake("create", "--name", "one", IMAGE)
    said = fake("rm", "absent-c", "one", expect=1)
    assert (said.out, said.err) == ("one\n", "Error: No such container: absent-c\n")
    # The 20.10 client tells the absence even with force, and calls it a success.
    assert fake("rm", "-f", "absent-c").err == "Error: No such container: absent-c\n"


def test_rm_v_takes_anonymous_volumes_only(fake):
    fake("create", "--name", "one", "-v", "/data", "-v", "named:/x", IMAGE)
    assert len(fake("volume", "ls", "-q").lines) == 2
    fake("rm", "-v", "one")
    assert fake("volume", "ls", "-q").lines == ["named"]


def test_read_only_folders_do_not_stop_removal(box):
    box("exec", "box", "sh", "-c", "mkdir -p /tmp/a/b; touch /tmp/a/b/c; chmod 500 /tmp/a/b /tmp/a")
    box("rm", "-f", "box")
    assert list((box.state / "containers").iterdir()) == []


def test_rename_frees_the_old_name_and_keeps_the_rules(box):
    box("rename", "box", "other")
    assert box("ps", "--format", "{{.Names}}").word == "other"
    box("create", "--name", "box", IMAGE)
    for args, words in (
        (("other", "other"), "Renaming a container with the same name as its current name"),
        (
            ("other", "bad/name"),
            "Error when allocating new name: Invalid container name (/bad/name)",
        ),
        (("other", "box"), "Error when allocating new name: Conflict."),
        (("absent-c", "y2"), "No such container: absent-c"),
    ):
        said = box("rename", *args, expect=1)
        assert words in said.err
        assert said.err.endswith(f"Error: failed to rename container named {args[0]}\n")


@pytest.mark.parametrize("command", ["stop", "restart", "wait", "start", "kill"])
def test_an_absent_container_is_told_by_every_command(fake, command):
    said = fake(command, "absent-c", expect=1)
    assert "No such container: absent-c\n" in said.err
    assert said.out == ""


def test_ids_names_and_starts_of_ids_all_find_it(fake):
    ident = fake("create", "--name", "one", IMAGE).word
    for ref in (ident, ident[:5], "one", "/one"):
        assert fake("inspect", "-f", "{{.Id}}", ref).word == ident
    for ref in ("on", "", "../containers", "one/", ident + "0"):
        assert fake("inspect", ref, expect=1).out == "[]\n"
