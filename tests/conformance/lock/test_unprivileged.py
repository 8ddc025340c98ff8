"""The lock as a plain user has it. Where the tests run as one, all the others show it too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user takes root")

ROOT = Path(__file__).parents[3]
AS_USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--inh-caps=-all"]
PROGRAM = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conformance.drivers.process import run
from conformance.lock.client import Zygote
from conformance.lock.probe import probe
home = Path(sys.argv[2])
box = home / "sandbox"
box.mkdir()
decoys = home / "decoys"
decoys.mkdir()
(decoys / "one").write_text("one")
report = probe(home)
assert report.holds, report.reason
env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
with Zygote() as zygote, zygote.open_case(box) as case:
    def sh(line):
        seen = run(case, ["sh", "-c", line], env=env, cwd=box, timeout=20)
        return [seen.exit, seen.stdout.decode(), seen.stderr.decode()]
    answers = {
        "id": sh("id -u; touch mine; stat -c %u mine"),
        "rm": sh(f"rm -rf {decoys}; cat {decoys}/one"),
        "kill": sh("kill -9 -1"),
        "ps": sh("ps -e -o pid= | wc -l"),
        "tty": sh("echo x > /dev/tty"),
        "nested": sh("mkdir m; unshare -Urmpf sh -c 'mount -t tmpfs x m && echo in > m/x && cat m/x"
                     " && mount -t proc -o ro x /proc && set -- /proc/[0-9]* && echo $#'"),
        "nested attack": sh(f"unshare -Urm sh -c 'mount -o remount,rw,bind /; rm -rf {decoys}'"),
        "again": sh("echo alive"),
    }
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def base():
    """A folder that another user can enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def answers(base):
    python = plain_python()
    shutil.copytree(ROOT / "conformance" / "lock", base / "code" / "conformance" / "lock")
    shutil.copytree(ROOT / "conformance" / "drivers", base / "code" / "conformance" / "drivers")
    shutil.copy(ROOT / "conformance" / "__init__.py", base / "code" / "conformance")
    home = base / "home"
    home.mkdir()
    os.chown(home, 1000, 1000)
    done = subprocess.run(
        [*AS_USER, python, "-c", PROGRAM, str(base / "code"), str(home)],
        env={"HOME": str(home), "TMPDIR": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (home / "decoys" / "one").read_text() == "one"
    return json.loads(done.stdout)


def plain_python() -> str:
    """An interpreter that another user can run (a virtual environment in /root is not)."""
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        path = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
        check = "import sys; sys.exit(sys.version_info < (3, 11))"
        if path and not subprocess.run([*AS_USER, path, "-c", check], check=False).returncode:
            return path
    pytest.skip("no python 3.11 that a plain user can run")


def test_the_user_stays_who_it_is(answers):
    assert answers["id"] == [0, "1000\n1000\n", ""]


def test_decoys_outside_stay(answers):
    assert answers["rm"][0] == 0
    assert answers["rm"][1] == "one"
    assert "Read-only file system" in answers["rm"][2]


def test_only_the_case_is_killed_and_seen(answers):
    assert int(answers["ps"][1]) <= 4
    assert answers["again"] == [0, "alive\n", ""]


def test_a_program_without_terminal_has_none(answers):
    assert "No such device" in answers["tty"][2]


def test_a_nested_user_namespace_can_mount_and_opens_nothing(answers):
    assert answers["nested"] == [0, "in\n1\n", ""]
    assert "permission denied" in answers["nested attack"][2]
