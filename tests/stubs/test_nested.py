"""The fake inside the suite's lock, and for an unprivileged caller."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import seed

from .conftest import STUBS, is_root

IMAGE = "agent-workspace/agent-env:v0.1.0"
ROOT = STUBS.parent
AS_USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--inh-caps=-all"]
PROGRAM = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conformance.drivers.process import run
from conformance.lock.client import Zygote
box = Path(sys.argv[2])
env = {"PATH": f"{box}/bin:/usr/bin:/bin", "HOME": str(box)}
env["AWL_FAKE_DOCKER_STATE"] = f"{box}/state"
with Zygote() as zygote, zygote.open_case(box) as case:
    def sh(line):
        seen = run(case, ["sh", "-c", line], env=env, cwd=box, timeout=20)
        return [seen.exit, seen.stdout.decode(), seen.stderr.decode()]
    image = sys.argv[3]
    answers = {
        "run": sh(f"docker run -d --init --name one -v vol:/work {image}"),
        "exec": sh("docker exec one sh -c 'pwd; touch f; ls'"),
        "code": sh("docker exec one sh -c 'exit 9'"),
        "tty": sh("docker exec -t one tty"),
        "stdin": sh("echo words | docker exec -i one cat"),
        "once": sh(f"docker run --rm --network none --read-only {image} sh -c 'exit 3'"),
        "seen": [list(process.argv) for process in case.ps()],
        "rm": sh("docker rm -f -v one && docker volume rm vol && docker ps -aq"),
        "leaks": [list(process.argv) for process in case.leaks()],
    }
json.dump(answers, sys.stdout)
"""


@pytest.fixture
def sandbox():
    """A folder that another user can enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        box = Path(folder) / "box"
        (box / "bin").mkdir(parents=True)
        seed.image(box / "state")
        Path(folder).chmod(0o755)
        yield box


def _hand_over(path: Path) -> None:
    os.chown(path, 1000, 1000)
    for entry in path.rglob("*"):
        os.chown(entry, 1000, 1000, follow_symlinks=False)


@pytest.mark.parametrize("user", ["same", "plain"])
def test_it_works_inside_the_lock(sandbox, user):
    if user == "plain" and not is_root():
        pytest.skip("becoming another user takes root")
    plain = user == "plain"
    python = "/usr/bin/python3" if plain else sys.executable
    seed.link(sandbox / "bin", python=python)
    if plain:
        _hand_over(sandbox)
    done = subprocess.run(
        [*(AS_USER if plain else []), python, "-c", PROGRAM, ROOT, sandbox, IMAGE],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    answers = json.loads(done.stdout)
    assert answers["run"][0] == 0, answers["run"]
    assert answers["exec"] == [0, "/work\nf\n", ""]
    assert answers["code"][0] == 9
    assert answers["tty"][:2] == [0, "/dev/pts/0\r\n"]
    assert answers["stdin"] == [0, "words\n", ""]
    assert answers["once"][0] == 3
    assert answers["seen"][0][0].startswith("fake-docker-supervisor ")
    assert answers["rm"] == [0, "one\nvol\n", ""]
    assert answers["leaks"] == []


@pytest.mark.skipif(not is_root(), reason="becoming another user takes root")
def test_an_unprivileged_caller_has_one_user_and_says_so_nowhere_else(sandbox):
    docker = seed.link(sandbox / "bin", python="/usr/bin/python3")
    _hand_over(sandbox)
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(sandbox),
        "AWL_FAKE_DOCKER_STATE": f"{sandbox}/state",
    }

    def call(*args):
        return subprocess.run(
            [*AS_USER, docker, *args],
            env=env,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout

    call("run", "-d", "--init", "--name", "one", "-v", "vol:/work", IMAGE)
    assert (
        call("exec", "one", "sh", "-c", "id -u; pwd; touch f; echo $HOME")
        == "0\n/work\n/home/agent\n"
    )
    call("exec", "one", "sh", "-c", "mkdir -p /tmp/a; touch /tmp/a/b; chmod 0 /tmp/a")
    call("rm", "-f", "-v", "one")
    assert call("ps", "-aq") == ""
    shutil.rmtree(sandbox / "state" / "volumes" / "vol")
