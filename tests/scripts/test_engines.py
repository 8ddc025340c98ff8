"""`scripts/engines`, as far as it goes without starting an engine: words, codes, and restraint."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ROOT / "scripts" / "engines"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="up and down need root")


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with a name short and plain enough for sockets."""
    return tmp_path_factory.mktemp("eng")


def engines(home: Path | str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ENGINES), *args],
        env={"PATH": os.environ["PATH"], "AWL_ENGINES_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start_tick(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]


def record(home: Path, engine: str, pid: int, tick: str) -> None:
    (home / engine).mkdir()
    (home / engine / "pid").write_text(f"{pid} {tick}\n")


@pytest.mark.parametrize("args", [("--help",), ("-h",), ("help",), ("up", "--help")])
def test_help_is_a_result(home: Path, args: tuple[str, ...]) -> None:
    done = engines(home, *args)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: scripts/engines COMMAND [docker|podman|rootless]\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "no command; one of: up, down, status, env"),
        (("upp",), "unknown command 'upp'; one of: up, down, status, env"),
        (("up", "dockr"), "unknown engine or option 'dockr'; one of: docker, podman, rootless"),
        (("status", "--all"), "unknown engine or option '--all'; one of: docker, podman, rootless"),
        (("up", "--purge"), "--purge belongs to down, not to up"),
    ],
)
def test_usage_error_names_the_value_and_what_is_accepted(
    home: Path, args: tuple[str, ...], said: str
) -> None:
    done = engines(home, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"engines: {said}\nTry: scripts/engines --help\n"


@pytest.mark.parametrize(
    "path", ["relative", "/", "/tmp/with space", "/tmp/a'b", "/tmp/../etc", "/" + "x" * 61]
)
def test_state_folder_that_cannot_be_quoted_or_is_too_long_is_refused(path: str) -> None:
    done = engines(path, "status")
    assert done.returncode == 2
    assert f"AWL_ENGINES_HOME '{path}' has to be absolute, plain" in done.stderr


def test_status_of_what_never_ran_is_down_and_makes_nothing(home: Path) -> None:
    state = home / "none"
    done = engines(state, "status")
    assert (done.returncode, done.stdout) == (3, "docker down\npodman down\n")
    assert not state.exists()


def test_status_asks_for_one_engine_only(home: Path) -> None:
    assert engines(home, "status", "podman").stdout == "podman down\n"


def test_env_of_what_is_down_prints_nothing_to_evaluate(home: Path) -> None:
    done = engines(home, "env")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "engines: not up: docker podman. Try: scripts/engines up\n"


def test_env_prints_lines_for_the_engines_that_are_up(home: Path) -> None:
    record(home, "docker", os.getpid(), start_tick(os.getpid()))
    done = engines(home, "env")
    assert (0, f"export DOCKER_HOST=unix://{home}/docker/docker.sock\n") == (
        done.returncode,
        done.stdout,
    )


def test_status_knows_a_running_process_by_pid_and_start_tick(home: Path) -> None:
    record(home, "docker", os.getpid(), start_tick(os.getpid()))
    done = engines(home, "status", "docker")
    assert (0, f"docker up, pid {os.getpid()}, unix://{home}/docker/docker.sock\n") == (
        done.returncode,
        done.stdout,
    )


def test_pid_given_away_again_is_not_taken_for_the_engine(home: Path) -> None:
    record(home, "docker", os.getpid(), "1")
    assert engines(home, "status", "docker").returncode == 3


def test_zombie_is_not_taken_for_an_engine(home: Path) -> None:
    child = subprocess.Popen(["true"])
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        record(home, "docker", child.pid, start_tick(child.pid))
        assert engines(home, "status", "docker").returncode == 3
    finally:
        child.wait()


@as_root
def test_up_refuses_a_folder_that_holds_something_else(home: Path) -> None:
    (home / "precious").write_text("data")
    done = engines(home, "up")
    assert done.returncode == 1
    assert f"{home} is neither empty nor made by this script" in done.stderr
    assert [entry.name for entry in home.iterdir()] == ["precious"]


@as_root
def test_down_leaves_a_folder_alone_that_it_did_not_make(home: Path) -> None:
    record(home, "docker", 1, "1")
    assert engines(home, "down", "--purge").returncode == 0
    assert (home / "docker" / "pid").exists()


@as_root
def test_down_does_not_end_a_process_that_took_over_the_pid(home: Path) -> None:
    (home / ".awl-engines").touch()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        record(home, "docker", bystander.pid, "1")
        assert engines(home, "down", "docker").returncode == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@as_root
def test_down_ends_the_recorded_process_and_keeps_storage_and_cache(home: Path) -> None:
    (home / ".awl-engines").touch()
    (home / "cache").mkdir()
    daemon = subprocess.Popen(["sleep", "60"])
    try:
        record(home, "docker", daemon.pid, start_tick(daemon.pid))
        (home / "docker" / "data").mkdir()
        assert engines(home, "down", "docker").returncode == 0
        assert daemon.wait(timeout=5) == -15
    finally:
        daemon.kill()
        daemon.wait()
    assert (home / "cache").is_dir()
    assert [entry.name for entry in (home / "docker").iterdir()] == ["data"]


@as_root
def test_down_ends_a_rootless_engine_unasked(home: Path) -> None:
    (home / ".awl-engines").touch()
    daemon = subprocess.Popen(["sleep", "60"])
    try:
        record(home, "rootless", daemon.pid, start_tick(daemon.pid))
        assert engines(home, "status").stdout == "docker down\npodman down\n"
        assert engines(home, "status", "rootless").returncode == 0
        assert engines(home, "down").returncode == 0
        assert daemon.wait(timeout=5) == -15
    finally:
        daemon.kill()
        daemon.wait()


@as_root
def test_purge_removes_the_folder_that_was_made_here(home: Path) -> None:
    (home / ".awl-engines").touch()
    (home / "docker").mkdir()
    assert engines(home, "down", "--purge").returncode == 0
    assert not home.exists()


def test_script_and_dockerfile_agree_on_the_tag() -> None:
    script = ENGINES.read_text()
    recipe = (ROOT / "images" / "agent-env" / "Dockerfile").read_text()
    tag = re.search(r"^readonly IMAGE=agent-workspace/agent-env:(\S+)$", script, re.MULTILINE)
    version = re.search(r"^ARG VERSION=(\S+)$", recipe, re.MULTILINE)
    assert tag is not None
    assert version is not None
    assert tag[1] == version[1]


def test_a_bridge_is_given_an_address_that_does_not_follow_its_ports(tmp_path: Path) -> None:
    """A bridge left to itself changes its address whenever a container comes or goes."""
    calls = tmp_path / "calls"
    stand_in = tmp_path / "ip"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >>{calls}\n[ "$2" != show ]\n')
    stand_in.chmod(0o755)
    script = (
        f'STATE={tmp_path}; . "{ROOT}/scripts/engines.d/machine.sh"; add_bridge awld-1 10.0.0.0/24'
    )
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euc", script], env=env, check=True, timeout=30)
    said = calls.read_text()
    assert re.search(r"^link set awld-1 address 02:42(:[0-9a-f]{2}){4}$", said, re.MULTILINE)
    assert "link set kd-1 master awld-1\n" in said


def stand_in(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def down(home: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "AWL_ENGINES_HOME": str(home)}
    return subprocess.run(
        [str(ENGINES), "down", "docker", "podman"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@as_root
@pytest.mark.parametrize("hangs", ["ps", "stop"])
def test_down_does_not_wait_for_an_engine_that_hangs(
    home: Path, tmp_path: Path, hangs: str
) -> None:
    (home / ".awl-engines").touch()
    stand_in(tmp_path, "podman", f"case $1 in {hangs}) exec sleep 300 ;; ps) echo c1 ;; esac")
    limit = "[ $2 = 20 ] && shift 2 && exec /usr/bin/timeout --signal=KILL 0.5"
    stand_in(tmp_path, "timeout", f'{limit} "$@"')
    daemon = subprocess.Popen(["sleep", "60"])
    try:
        record(home, "podman", daemon.pid, start_tick(daemon.pid))
        done = down(home, tmp_path)
        assert done.returncode == 0, done.stderr
        assert daemon.wait(timeout=5) == -15
    finally:
        daemon.kill()
        daemon.wait()
    assert ("would not stop its containers" in done.stderr) == (hangs == "stop")


@as_root
def test_down_goes_on_with_the_next_engine_after_a_failure(home: Path, tmp_path: Path) -> None:
    (home / ".awl-engines").touch()
    for program in ("iptables-save", "iptables-restore", "podman"):
        stand_in(tmp_path, program, "")
    # Only Docker's bridge is there, and it cannot be removed.
    stand_in(tmp_path, "ip", 'case "$*" in *awlp*) exit 1 ;; "link delete awld"*) exit 1 ;; esac')
    daemons = {engine: subprocess.Popen(["sleep", "60"]) for engine in ("docker", "podman")}
    try:
        for engine, daemon in daemons.items():
            record(home, engine, daemon.pid, start_tick(daemon.pid))
        done = down(home, tmp_path)
        assert [daemon.wait(timeout=5) for daemon in daemons.values()] == [-15, -15]
    finally:
        for daemon in daemons.values():
            daemon.kill()
            daemon.wait()
    assert done.returncode == 1
    assert "engines: not taken down as a whole: docker; the reason is above" in done.stderr
    assert (home / "docker" / "pid").exists()
    assert not (home / "podman" / "pid").exists()
