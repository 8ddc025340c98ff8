from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.awl.conftest import CHECKOUT

if TYPE_CHECKING:
    from tests.awl.conftest import World

_PRINTS = ("sh", "-c", 'echo one; echo two; echo three >&2; exec "$@"', "sh")


def _status(world: World, name: str) -> str:
    status: str = world.awl("status", name, "--json").document["workspace"]["status"]
    return status


@pytest.fixture
def printing(container: World) -> World:
    """Workspaces whose first process has printed three lines."""
    code = (
        "import sys, pathlib, seed;"
        "seed.image(pathlib.Path(sys.argv[1]), 'prints:1', entrypoint=tuple(sys.argv[2:]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, container.state, *_PRINTS], cwd=CHECKOUT / "stubs", check=True
    )
    assert container.awl("create", "--name", "aa", "--image", "prints:1").code == 0
    return container


def test_stop_and_start_keep_what_is_there(container: World) -> None:
    container.awl("create", "--name", "aa")
    container.awl("exec", "aa", "sh", "-c", "echo kept >file")
    for what, status in (("stop", "stopped"), ("start", "running"), ("restart", "running")):
        shown = container.awl(what, "aa")
        assert (shown.code, shown.out, shown.err) == (0, "aa\n", "")
        assert _status(container, "aa") == status
    assert container.awl("exec", "aa", "cat", "file").out == "kept\n"


def test_what_is_so_already_is_a_quiet_success(container: World) -> None:
    container.awl("create", "--name", "aa")
    row = {"name": "aa", "runtime": "container", "status": "running", "changed": False}
    assert container.awl("start", "aa", "--json").document["workspaces"] == [row]
    assert container.awl("stop", "aa", "--time", "3", "--json").document["workspaces"][0]["changed"]
    again = container.awl("stop", "aa", "--json").document["workspaces"]
    assert again == [{**row, "status": "stopped"}]
    assert container.awl("restart", "aa", "--json").document["workspaces"][0]["changed"] is True


def test_several_are_done_once_each_and_known_before_the_first(container: World) -> None:
    for name in ("aa", "bb"):
        container.awl("create", "--name", name)
    shown = container.awl("stop", "aa", "none", "bb")
    assert (shown.code, shown.error, shown.out) == (3, "workspace-not-found", "")
    assert _status(container, "aa") == "running"
    assert container.awl("stop", "bb", "AA", "ws-bb").out == "bb\naa\n"


def test_one_that_is_gone_stops_no_other(container: World) -> None:
    for name in ("aa", "bb"):
        container.awl("create", "--name", name)
    container.docker("rm", "-f", "agent-ws-aa")
    alone = container.awl("start", "aa")
    assert (alone.code, alone.error) == (3, "workspace-not-found")
    shown = container.awl("stop", "aa", "bb")
    assert (shown.code, shown.error, shown.out) == (1, "partial-failure", "bb\n")
    assert _status(container, "bb") == "stopped"


@pytest.mark.parametrize("what", ["start", "stop", "restart", "logs"])
def test_the_host_has_nothing_that_runs(host: World, what: str) -> None:
    host.awl("create", "--name", "aa")
    shown = host.awl(what, "aa")
    assert (shown.code, shown.error, shown.out) == (6, "command-unsupported", "")


@pytest.mark.parametrize(
    "words",
    [["stop", "--time", "x"], ["restart", "--time", "-1"], ["stop", "--time", "3601"],
     ["logs", "--tail", "x"], ["logs", "--tail", "-1"]],
)  # fmt: skip
def test_numbers_are_numbers(container: World, words: list[str]) -> None:
    container.awl("create", "--name", "aa")
    shown = container.awl(*words, "aa")
    assert (shown.code, shown.error) == (2, "value-invalid")
    assert container.awl("stop").error == "usage"


def test_status_tells_of_one(world: World, runtime: str) -> None:
    world.awl("create", str(world.remote()))
    world.awl("create", "--name", "bb")
    shown = world.awl("status", "tool")
    assert shown.code == 0
    assert {"workspace: tool", f"runtime: {runtime}", "repo: work/acme/tool"} <= set(
        shown.out.splitlines()
    )
    rows = world.awl("ls", "--json").document["workspaces"]
    assert world.awl("status", "bb", "--json").document["workspace"] == rows[0]
    assert world.awl("status", "none").error == "workspace-not-found"


def test_logs_are_those_of_the_first_process(printing: World) -> None:
    shown = printing.awl("logs", "aa")
    assert (shown.out, shown.err) == ("one\ntwo\n", "three\n")
    assert printing.awl("logs", "aa", "--tail", "0").out == ""
    assert printing.awl("logs", "none").error == "workspace-not-found"
    printing.awl("stop", "aa")
    followed = printing.awl("logs", "--follow", "aa")
    assert (followed.code, followed.out, followed.err) == (0, "one\ntwo\n", "three\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_goes_on_until_a_signal(printing: World, number: int) -> None:
    child = subprocess.Popen(
        printing.argv("logs", "-f", "aa"),
        env=printing.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert [child.stdout.readline() for _ in range(2)] == ["one\n", "two\n"]
    os.kill(child.pid, number)
    _, said = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "error[interrupted]" in said


def test_what_follows_ends_with_a_launcher_that_was_killed(printing: World) -> None:
    child = subprocess.Popen(
        printing.argv("logs", "-f", "aa"), env=printing.env, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"one\n"
    child.kill()
    child.communicate(timeout=20)  # the end of the stream: nobody holds it any more
    assert child.returncode == -signal.SIGKILL


def test_logs_of_a_container_that_is_gone(printing: World) -> None:
    printing.docker("rm", "-f", "agent-ws-aa")
    assert printing.awl("logs", "aa").error == "workspace-not-found"
