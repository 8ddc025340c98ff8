"""The image `agent-env` in a real engine: what its Dockerfile promises to a workspace."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "agent-workspace/agent-env:v0.1.0"


def docker(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *args], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        not os.environ.get("DOCKER_HOST"), reason='no DOCKER_HOST; eval "$(scripts/engines env)"'
    ),
]


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """A running workspace with fresh volumes at its two mount points."""
    name = f"agent-env-test-{uuid.uuid4().hex[:12]}"
    mounts = ("--volume", f"{name}-w:/work", "--volume", f"{name}-h:/home/agent")
    try:
        started = docker("run", "--detach", "--init", "--name", name, *mounts, IMAGE)
        assert started.returncode == 0, started.stderr
        yield name
    finally:
        docker("rm", "--force", name)
        docker("volume", "rm", f"{name}-w", f"{name}-h")


def test_work_is_done_as_agent_in_work(container: str) -> None:
    done = docker("exec", container, "sh", "-c", "id -un; id -u; id -g; pwd; echo $HOME")
    assert done.stdout.split() == ["agent", "1000", "1000", "/work", "/home/agent"]


def test_fresh_volumes_belong_to_agent(container: str) -> None:
    done = docker("exec", container, "stat", "-c", "%n %U:%G", "/work", "/home/agent")
    assert done.stdout == "/work agent:agent\n/home/agent agent:agent\n"
    assert docker("exec", container, "touch", "/work/x", "/home/agent/x").returncode == 0


def test_secret_folders_are_closed_to_others(container: str) -> None:
    folders = [f"/home/agent/{name}" for name in (".claude", ".codex", ".gnupg", ".ssh")]
    done = docker("exec", container, "stat", "-c", "%a %U", *folders)
    assert set(done.stdout.splitlines()) == {"700 agent"}


def test_stdin_arrives_unchanged(container: str) -> None:
    assert docker("exec", "-i", container, "cat", stdin="a\0b\n").stdout == "a\0b\n"


def test_git_works_in_a_checkout_of_another_owner(container: str) -> None:
    made = docker("exec", "--user", "root", container, "git", "init", "-q", "/work/foreign")
    assert made.returncode == 0, made.stderr
    assert docker("exec", container, "git", "-C", "/work/foreign", "status").returncode == 0


def test_health_check_passes_as_any_user(container: str) -> None:
    for user in ("agent", "root", "4321:4321"):
        done = docker("exec", "--user", user, container, "agent-env-check")
        assert (done.returncode, done.stderr) == (0, ""), user


def test_health_check_passes_under_a_read_only_root_and_workspace() -> None:
    options = ("--read-only", "--tmpfs", "/tmp", "--volume", f"{ROOT}:/work:ro", "--cap-drop=ALL")
    done = docker("run", "--rm", *options, "--network=none", IMAGE, "agent-env-check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("rm /usr/bin/git", "no git on PATH"),
        ("printf 'exit 1' >/usr/bin/git", "git does not start"),
        ("userdel agent", "no user agent"),
        ("usermod -u 1001 agent", "user agent is not uid 1000 with home /home/agent"),
        ("rm -r /home/agent", "/home/agent cannot be entered"),
        ("rm /etc/ssl/certs/ca-certificates.crt", "no CA certificates"),
    ],
)
def test_health_check_names_what_is_missing(damage: str, said: str) -> None:
    script = f"{damage}; agent-env-check"
    done = docker("run", "--rm", "--user", "root", "--network=none", IMAGE, "sh", "-c", script)
    assert done.returncode == 1
    assert said in done.stderr


def test_workspace_with_an_init_stops_when_asked() -> None:
    made = docker("run", "--detach", "--init", "--network=none", IMAGE)
    assert made.returncode == 0, made.stderr
    ident = made.stdout.strip()
    try:
        assert docker("stop", "-t", "30", ident).returncode == 0
        assert docker("inspect", "-f", "{{.State.ExitCode}}", ident).stdout == "143\n"
    finally:
        docker("rm", "--force", ident)


def test_image_states_what_it_is() -> None:
    config = json.loads(docker("image", "inspect", "-f", "{{json .Config}}", IMAGE).stdout)
    assert config["User"] == "agent"
    assert config["WorkingDir"] == "/work"
    assert config["Cmd"] == ["sleep", "infinity"]
    assert config["Healthcheck"]["Test"] == ["CMD", "agent-env-check"]
    assert config["Labels"]["org.opencontainers.image.version"] == IMAGE.rpartition(":")[2]
