from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.awl.conftest import World


@pytest.fixture
def place(world: World, runtime: str) -> World:
    """A world with the workspace `a`."""
    assert world.awl("create", "--name", "a").code == 0
    return world


def _work(world: World) -> str:
    container = world.env["AGENT_WORKSPACE_RUNTIME"] == "container"
    return "/work" if container else str(world.root / "a/work")


def test_the_work_folder_is_where_commands_run(place: World) -> None:
    assert place.awl("exec", "a", "pwd").out == f"{_work(place)}\n"
    place.awl("exec", "a", "mkdir", "sub")
    assert place.awl("exec", "--cwd", "sub", "a", "pwd").out == f"{_work(place)}/sub\n"
    assert place.awl("exec", "--cwd", "/usr", "a", "--", "pwd").out == "/usr\n"
    shown = place.awl("exec", "--cwd", "nope", "a", "pwd")
    assert (shown.code, shown.error) == (125, "operation-failed")


@pytest.mark.parametrize("code", [0, 1, 3, 125, 126, 127, 255])
def test_the_childs_exit_code_is_handed_through(place: World, code: int) -> None:
    shown = place.awl("exec", "a", "--", "sh", "-c", f"exit {code}")
    assert shown == (code, "", "")


def test_a_signal_is_128_and_its_number(place: World) -> None:
    assert place.awl("exec", "a", "--", "sh", "-c", "kill -9 $$").code == 137


def test_streams_are_handed_through_byte_for_byte(place: World) -> None:
    data = bytes(range(256)) * 5000
    script = 'cat; head -c 100000 /dev/zero >&2; printf "\\377" >&2'
    done = subprocess.run(
        place.argv("exec", "a", "sh", "-c", script),
        input=data,
        capture_output=True,
        env=place.env,
    )
    assert done.stdout == data
    assert done.stderr == bytes(100_000) + b"\xff"


def test_one_stream_for_both_keeps_its_order(place: World) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do echo o$i; echo e$i >&2; done"
    done = subprocess.run(
        place.argv("exec", "a", "sh", "-c", script),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=place.env,
        text=True,
    )
    assert sorted(done.stdout.split()) == sorted(f"{s}{i}" for s in "oe" for i in range(1, 9))


@pytest.mark.parametrize(
    "said",
    [
        "Error response from daemon: Container x is not running\n",
        "docker: not the engine's words",
        "Error",
    ],
)
def test_words_like_the_engines_are_the_childs_where_it_says_them(place: World, said: str) -> None:
    shown = place.awl("exec", "a", "sh", "-c", 'printf %s "$1" >&2; exit 1', "sh", said)
    assert shown == (1, "", said)


@pytest.mark.parametrize(
    "words",
    [
        ["a b", "", "$HOME", "`id`", "it's", '"', "\\", "*", "ü💥", "line\nbreak", "\t"],
        ["--runtime", "nowhere", "--json", "-h", "--", "-e", "X=1"],
    ],
)
def test_arguments_arrive_unchanged(place: World, words: list[str]) -> None:
    script = 'for one do printf "%s\\0" "$one"; done'
    shown = place.awl("exec", "a", "sh", "-c", script, "sh", *words)
    assert shown.out.split("\0")[:-1] == words


def test_variables_are_set_or_handed_through(place: World) -> None:
    words = ("-e", "A=1=2", "--env", "B", "-e", "UNSET", "-e", "EMPTY=", "-e", "PATH=/usr/bin:/bin")
    script = 'echo "$A|$B|${UNSET-none}|${EMPTY-none}|$PATH"'
    shown = place.awl("exec", *words, "a", "sh", "-c", script, env={"B": "two words"})
    assert shown.out == "1=2|two words|none||/usr/bin:/bin\n"
    assert place.awl("exec", "-e", "=x", "a", "true").error == "value-invalid"


@pytest.mark.parametrize("name", ["TOKEN", "https_proxy", "DOCKER_HOST", "PATH", "LD_X", "GO-ODD"])
def test_values_of_variables_are_in_no_argument_list(container: World, name: str) -> None:
    container.awl("create", "--name", "a")
    value = "http://me:canary-9@proxy.test\nline '\"$X`"
    words = ("exec", "-e", f"{name}={value}", "a")
    shown = container.awl(*words, "/usr/bin/env", "-0")
    assert f"{name}={value}" in shown.out.split("\0")
    assert "AWL_EXEC_ENV_" not in shown.out
    container.awl(*words, "no-such-command")
    assert "canary-9" not in container.journal.read_text()


@pytest.mark.parametrize(
    "words", [["-e", "TOKEN=canary-9"], ["--env=TOKEN=canary-9"], ["-e", "a b=canary-9"]]
)
def test_values_of_variables_are_in_no_error(world: World, words: list[str]) -> None:
    for output in ("text", "json"):
        shown = world.awl("--output", output, "exec", *words, "a", "true")
        assert shown.error in {"engine-not-installed", "workspace-not-found", "value-invalid"}
        assert "canary-9" not in shown.err
        assert "TOKEN" in shown.err or shown.error != "engine-not-installed"


@pytest.mark.parametrize("command", ["nope", "./nope", "/usr/nope", "cd", ""])
def test_a_missing_command_is_127(place: World, command: str) -> None:
    shown = place.awl("exec", "a", command)
    assert (shown.code, shown.error, shown.out) == (127, "command-not-found", "")


@pytest.mark.parametrize("command", ["/etc/passwd", "/usr", "./plain"])
def test_what_cannot_be_run_is_126(place: World, command: str) -> None:
    place.awl("exec", "a", "sh", "-c", "echo x >plain")
    shown = place.awl("exec", "a", command)
    assert (shown.code, shown.error, shown.out) == (126, "command-not-executable", "")


def test_a_script_without_its_first_line_is_the_shells(place: World) -> None:
    place.awl("exec", "a", "sh", "-c", "echo 'echo \"ran $1\"' >s; chmod +x s")
    assert place.awl("exec", "a", "./s", "x").out == "ran x\n"


def test_without_a_command_a_login_shell_reads_standard_input(place: World) -> None:
    env = {"SHELL": "/bin/bash"}
    script = "pwd; shopt -q login_shell && echo login; exit 4\n"
    shown = place.awl("exec", "a", stdin=script, env=env)
    assert (shown.code, shown.out) == (4, f"{_work(place)}\nlogin\n")


def test_an_unknown_workspace_is_the_launchers_own_failure(place: World) -> None:
    shown = place.awl("exec", "b", "true")
    assert (shown.code, shown.error) == (125, "workspace-not-found")
    assert place.awl("--output", "json", "exec", "b", "true").error == "workspace-not-found"


@pytest.mark.parametrize("words", [["--root"], ["--user", "x"]])
def test_a_host_has_no_users_of_its_own(host: World, words: list[str]) -> None:
    host.awl("create", "--name", "a")
    shown = host.awl("exec", *words, "a", "true")
    assert (shown.code, shown.error) == (125, "option-unsupported")


def test_users_are_chosen_by_the_engine(container: World) -> None:
    container.awl("create", "--name", "a")
    container.awl("exec", "--root", "a", "true")
    assert any("-u" in call and "root" in call for call in container.calls())
    assert container.awl("exec", "--root", "--user", "x", "a", "true").error == "usage"
    assert container.awl("exec", "--user", "-x", "a", "true").error == "value-invalid"


@pytest.mark.parametrize("both", [False, True])
def test_a_stopped_container_is_started_without_a_word(container: World, both: bool) -> None:
    container.awl("create", "--name", "a")
    container.docker("stop", "agent-ws-a")
    done = subprocess.run(
        container.argv("exec", "a", "cat"),
        input=b"kept",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if both else subprocess.PIPE,
        env=container.env,
    )
    assert (done.returncode, done.stdout, done.stderr or b"") == (0, b"kept", b"")


def test_a_container_that_is_gone_is_said_so(container: World) -> None:
    container.awl("create", "--name", "a")
    container.docker("rm", "-f", "agent-ws-a")
    shown = container.awl("exec", "a", "true")
    assert (shown.code, shown.error) == (125, "workspace-not-found")
    assert container.awl("ls", "--json").document["workspaces"][0]["status"] == "unknown"
    assert container.awl("rm", "a", "-y").code == 0
    assert container.docker("volume", "ls", "-q") == ""


def test_the_common_case_is_one_call_of_the_engine(container: World) -> None:
    container.awl("create", "--name", "a")
    before = len(container.calls())
    assert container.awl("exec", "a", "true").code == 0
    assert [call[0] for call in container.calls()[before:]] == ["exec"]


def _alive(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if line.startswith(b"sleep\0") and mark.encode() in line:
            found.append(entry.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("trap", ["", "trap '' TERM INT HUP;"])
def test_a_signal_ends_the_child_and_all_it_started(
    place: World, number: signal.Signals, trap: str
) -> None:
    mark = f"{300_000_000 + os.getpid()}"
    script = f"{trap} (setsid sleep {mark} &) ; sleep {mark} & echo ready; sleep {mark}; echo no"
    call = subprocess.Popen(
        place.argv("exec", "a", "sh", "-c", script), stdout=subprocess.PIPE, env=place.env
    )
    with call:
        assert call.stdout is not None
        assert call.stdout.readline() == b"ready\n"
        while len(_alive(mark)) < 3:
            time.sleep(0.01)
        call.send_signal(number)
        rest, _ = call.communicate(timeout=30)
    assert rest == b""
    assert call.returncode == (137 if trap else 128 + number)
    assert _alive(mark) == []


@pytest.mark.parametrize("trap", ["", "trap '' TERM INT HUP;"])
def test_what_a_killed_launcher_has_started_ends_all_the_same(place: World, trap: str) -> None:
    mark = f"{400_000_000 + os.getpid()}"
    script = f"{trap} (setsid sleep {mark} &) ; sleep {mark} & echo ready; sleep {mark}; echo no"
    call = subprocess.Popen(
        place.argv("exec", "a", "sh", "-c", script), stdout=subprocess.PIPE, env=place.env
    )
    with call:
        assert call.stdout is not None
        assert call.stdout.readline() == b"ready\n"
        while len(_alive(mark)) < 3:
            time.sleep(0.01)
        call.kill()  # it alone: neither the child nor the engine's client
        rest, _ = call.communicate(timeout=30)
    assert rest == b""
    limit = time.monotonic() + 10
    while _alive(mark) and time.monotonic() < limit:
        time.sleep(0.05)
    assert _alive(mark) == []


def test_a_graceful_child_ends_by_its_own_code(place: World) -> None:
    script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    call = subprocess.Popen(
        place.argv("exec", "a", "sh", "-c", script), stdout=subprocess.PIPE, env=place.env
    )
    with call:
        assert call.stdout is not None
        call.stdout.readline()
        call.terminate()
        rest, _ = call.communicate(timeout=30)
    assert (call.returncode, rest) == (7, b"bye\n")


def test_a_client_whose_engine_went_away_is_no_child_that_ended_so(container: World) -> None:
    """A client ends with 255 and without a word where the connection breaks."""
    container.awl("create", "--name", "a", "--no-work-repos")
    child = ("exec", "a", "sh", "-c", "exit 255")
    assert container.awl(*child).code == 255
    gone = container.awl(*child, env={"AWL_FAKE_DOCKER_FAULTS": "daemon-down on inspect"})
    assert (gone.code, gone.error) == (125, "engine-unreachable")
