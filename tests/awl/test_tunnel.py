"""`tunnel`: found again, ended whole, and never two of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awl import tunnels
from awl.errors import AwlError, TunnelNotFound, ValueInvalid
from awl.executor import LocalExecutor
from tests.awl.conftest import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.awl.conftest import World

_LOGIN = (
    "To grant access to the server, please log into https://github.com/login/device"
    " and use code 1A2B-3C4D"
)


@pytest.fixture
def place(world: World, runtime: str) -> Iterator[World]:
    """A world with the workspace `a`, where `code` is."""
    assert world.awl("create", "--name", "a").code == 0
    if runtime == "container":
        world.docker("cp", f"{CHECKOUT}/stubs/code", "agent-ws-a:/usr/local/bin/code")
    else:
        (world.bin / "code").symlink_to(CHECKOUT / "stubs/code")
    yield world
    world.awl("tunnel", "a", "--stop")


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalExecutor]:
    """A folder of the host as a workspace, where `code` is."""
    for name in ("bin", "home", "w/work"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bin/code").symlink_to(CHECKOUT / "stubs/code")
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    made = LocalExecutor(
        str(tmp_path / "w"), {**os.environ, "PATH": path, "HOME": str(tmp_path / "home")}
    )
    yield made
    with contextlib.suppress(TunnelNotFound):
        tunnels.stop(made)


def _behave(place: World, *settings: str) -> None:
    place.awl("exec", "a", "--", "sh", "-c", 'cat >"$HOME/.fake-code"', stdin="\n".join(settings))


def _marked(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes():
                found.append(process.name)
    return found


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("a", "a"),
        ("A_b c/d", "a-b-c-d"),
        ("--x--", "x"),
        ("abcdefghijklmnopqrs-tuv", "abcdefghijklmnopqrs"),
        ("x" * 63, "x" * 20),
    ],
)
def test_a_name_is_what_the_service_takes(raw: str, name: str) -> None:
    assert tunnels.service_name(raw, "--name") == name


@pytest.mark.parametrize("raw", ["", "-", "___", "é"])
def test_a_name_of_nothing_is_refused(raw: str) -> None:
    with pytest.raises(ValueInvalid, match="--name"):
        tunnels.service_name(raw, "--name")


def test_a_detached_tunnel_goes_on_is_found_again_and_ends_whole(place: World) -> None:
    made = place.awl("tunnel", "a", "--detach", "--json")
    assert (made.code, made.document["login"]) == (0, _LOGIN)
    log = place.awl("exec", "a", "cat", made.document["log"])
    assert _LOGIN in log.out
    second = place.awl("tunnel", "a", "--detach", "--name", "b")
    assert (second.code, second.error) == (5, "tunnel-running")
    assert "awl tunnel a --stop" in second.err
    assert place.awl("tunnel", "a").error == "tunnel-running"
    ended = place.awl("tunnel", "a", "--stop", "--json")
    assert (ended.document["status"], ended.document["pid"]) == ("stopped", made.document["pid"])
    left = place.awl("exec", "a", "--", "sh", "-c", "grep -lz AWL_TUNNEL_OF= /proc/*/environ")
    assert left.out == ""
    assert place.awl("tunnel", "a", "--stop").error == "tunnel-not-found"


def test_in_the_foreground_the_exit_code_is_handed_through(place: World) -> None:
    _behave(place, "EXIT=7")
    plain = place.awl("tunnel", "a", "--name", "Other")
    assert (plain.code, _LOGIN in plain.out) == (7, True)
    assert "log: " in plain.err
    shown = place.awl("tunnel", "a", "--json")
    assert shown.code == 7
    assert shown.document["status"] == "ended"
    assert shown.document["login"] == _LOGIN
    assert _LOGIN in shown.err
    called = place.awl("exec", "a", "--", "sh", "-c", 'cat "$HOME/.fake-code.log"').out
    assert [line.split()[0] for line in called.splitlines()] == ["name=other", "name=a"]


def test_a_tunnel_that_ends_at_once_is_an_error_with_its_last_words(place: World) -> None:
    _behave(place, "EXIT=4")
    shown = place.awl("tunnel", "a", "--detach")
    assert (shown.code, shown.error) == (1, "operation-failed")
    assert "exit code 4" in shown.err
    assert "told to fail with 4" in shown.err


def test_without_code_the_person_is_told_where_to_get_it(world: World, runtime: str) -> None:
    world.awl("create", "--name", "a")
    for words in ((), ("--detach",)):
        shown = world.awl("tunnel", "a", *words)
        assert (shown.code, shown.error) == (1, "tool-missing")
        assert "code.visualstudio.com" in shown.err


def test_contradicting_options_are_refused(host: World) -> None:
    for words in (("--detach",), ("--name", "x")):
        shown = host.awl("tunnel", "a", "--stop", *words)
        assert (shown.code, shown.error) == (2, "usage")


def test_what_ignores_the_request_is_killed(local: LocalExecutor, tmp_path: Path) -> None:
    (tmp_path / "home/.fake-code").write_text("STUBBORN=yes\n")
    tunnels.detach(local, "a")
    assert tunnels.stop(local).status == "stopped"
    assert _marked(f"AWL_TUNNEL_OF={tmp_path}") == []


def test_a_tunnel_that_says_nothing_yet_runs_all_the_same(
    local: LocalExecutor, tmp_path: Path
) -> None:
    (tmp_path / "home/.fake-code").write_text("DELAY=30\n")
    found = tunnels.detach(local, "a", patience=0.5)
    assert (found.status, found.login) == ("running", None)
    assert tunnels.stop(local).pid == found.pid


def test_leftovers_of_a_dead_tunnel_go_before_the_next(
    local: LocalExecutor, tmp_path: Path
) -> None:
    first = tunnels.detach(local, "a")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)  # what it had started lives on
    deadline = time.monotonic() + 10
    while Path(f"/proc/{first.pid}/environ").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    second = tunnels.detach(local, "b")
    assert second.pid != first.pid
    assert tunnels.stop(local).name == "b"
    assert _marked(f"AWL_TUNNEL_OF={tmp_path}") == []


def test_an_interrupted_start_leaves_no_tunnel(host: World) -> None:
    host.awl("create", "--name", "a")
    (host.bin / "code").symlink_to(CHECKOUT / "stubs/code")
    (host.home / ".fake-code").write_text("DELAY=30\n")
    with subprocess.Popen(host.argv("tunnel", "a", "--detach"), env=host.env) as child:
        deadline = time.monotonic() + 20
        while not _marked(f"AWL_TUNNEL_OF={host.root}") and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 130
    assert _marked(f"AWL_TUNNEL_OF={host.root}") == []


def test_the_launchers_folder_is_not_followed_where_it_is_a_link(
    local: LocalExecutor, tmp_path: Path
) -> None:
    (tmp_path / "w/.awl").symlink_to(tmp_path / "home")
    with pytest.raises(AwlError, match="is a link"):
        tunnels.detach(local, "a")
    assert list((tmp_path / "home").iterdir()) == []


def test_a_workspace_of_the_host_takes_its_tunnel_with_it(host: World) -> None:
    host.awl("create", "--name", "a")
    (host.bin / "code").symlink_to(CHECKOUT / "stubs/code")
    assert host.awl("tunnel", "a", "--detach").code == 0
    assert host.awl("rm", "a", "--yes").code == 0
    assert _marked(f"AWL_TUNNEL_OF={host.root}") == []


def test_workspaces_of_one_home_keep_the_programs_state_apart(host: World) -> None:
    (host.bin / "code").symlink_to(CHECKOUT / "stubs/code")
    (host.home / ".fake-code").write_text("EXIT=0\n")
    for name in ("a", "b"):
        host.awl("create", "--name", name)
        assert host.awl("tunnel", name).code == 0
    said = (host.home / ".fake-code.log").read_text().splitlines()
    assert [line.rpartition("data=")[2] for line in said] == [
        f"{host.root}/{name}/.awl/code" for name in ("a", "b")
    ]
