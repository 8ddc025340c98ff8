"""Several calls at once, other users, and machines that lack something."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awl.executor import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.awl.conftest import World

_LIMIT = 120


def test_of_twenty_creates_of_one_name_one_wins(world: World, runtime: str) -> None:
    if runtime == "host":  # a dead call has left its share
        (world.root / ".awl/tmp/a.dead").mkdir(parents=True)
    calls = [
        subprocess.Popen(
            world.argv("create", "--name", "a"),
            env=world.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(20)
    ]
    said = [call.communicate(timeout=_LIMIT)[1] for call in calls]
    assert sorted(call.returncode for call in calls) == [0] + [5] * 19, said
    codes = {line.partition("[")[2].partition("]")[0] for one in said for line in one.split("\n")}
    assert codes <= {"", "workspace-exists", "workspace-busy"}
    assert world.awl("ls").out == "a\n"
    assert world.awl("exec", "a", "true").code == 0
    assert world.awl("rm", "a", "--yes").code == 0
    assert not world.root.exists()


def test_creates_of_twenty_names_do_not_meet(host: World) -> None:
    names = [f"a{number:02}" for number in range(20)]
    calls = [
        subprocess.Popen(host.argv("create", "--name", name), env=host.env, stdout=subprocess.PIPE)
        for name in names
    ]
    for call in calls:
        call.communicate(timeout=_LIMIT)
    assert [call.returncode for call in calls] == [0] * 20
    assert host.awl("ls").out.split() == names


# ---------------------------------------------------------------- other users


@pytest.fixture
def strangers_home() -> Iterator[Path]:
    """A home that another user owns, where that user can get at it."""
    folder = Path(tempfile.mkdtemp(prefix="awl-stranger-"))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    os.chown(home, 1000, 1000)
    yield home
    shutil.rmtree(folder)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_works_for_a_user_who_is_not_root(strangers_home: Path, world: World) -> None:
    become = ("setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups")
    env = {"HOME": str(strangers_home), "PATH": os.environ["PATH"], "AWL_RUNTIME": "host"}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*become, *words],
            env=env,
            cwd=strangers_home,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
        )

    if call(sys.executable, "-c", "import awl.cli").returncode != 0:
        pytest.skip("the launcher lies where others cannot read it")
    awl = (sys.executable, "-m", "awl")
    assert call("git", "init", "-q", "--bare", "acme/tool.git").returncode == 0
    made = call(*awl, "create", "./acme/tool.git")
    assert made.returncode == 0, made.stderr
    assert call(*awl, "exec", "tool", "id", "-u").stdout == "1000\n"
    folder = strangers_home / ".local/state/agent-workspace-launcher/workspaces"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_uid for path in folder.rglob("*")} == {1000}
    # What the user may not read or remove is said, and not a crash.
    (folder / "tool/work/roots").mkdir(mode=0o700)
    (folder / "tool/work/roots/file").touch()
    refused = call(*awl, "rm", "tool", "--yes", "--force")
    assert refused.returncode == 1
    assert "roots" in refused.stderr
    assert "Traceback" not in refused.stderr
    left = next(folder.glob(".awl/tmp/*"), folder / "tool")
    shutil.rmtree(next(left.rglob("roots")))
    call(*awl, "rm", "tool", "--yes", "--force")
    assert call(*awl, "create", "--name", "tool").returncode == 0
    # A root that cannot be written is an error of one line.
    env["AGENT_WORKSPACE_HOME"] = "/usr/awl-no"
    refused = call(*awl, "create", "--name", "a")
    assert refused.returncode == 1
    assert "Permission denied" in refused.stderr


# ---------------------------------------------------------------- git


def test_settings_of_the_persons_environment_count_beside_credentials(host: World) -> None:
    bare = host.remote()
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{bare.parent.parent}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://forge.test/",
    }
    shown = host.awl("create", "https://me:canary-7@forge.test/acme/tool.git", env=settings)
    assert shown.code == 0, shown.err
    assert (host.root / "tool/work/acme/tool/file").read_text() == "one\n"


def test_numbered_settings_are_put_one_after_the_other() -> None:
    one = {"A": "1", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "x", "GIT_CONFIG_VALUE_0": "1"}
    two = {"B": "2", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "y", "GIT_CONFIG_VALUE_0": "2"}
    assert joined(one, two) == {
        **one,
        "B": "2",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_1": "y",
        "GIT_CONFIG_VALUE_1": "2",
    }
    assert joined(one, {"B": "2"}) == {**one, "B": "2"}
    assert joined({"A": "1"}, two) == {"A": "1", **two}
    assert joined({"GIT_CONFIG_COUNT": "many"}, two) == two


def test_without_git_it_is_said_what_is_missing(host: World) -> None:
    remote = host.remote()
    path = host.folder / "few"
    path.mkdir()
    for program in ("sh", "find", "realpath"):
        (path / program).symlink_to(shutil.which(program) or "/bin/sh")
    shown = host.awl("create", str(remote), env={"PATH": str(path)})
    assert (shown.code, shown.error) == (1, "tool-missing")
    assert "install git" in shown.err
    assert not host.root.exists()


def test_a_kept_repository_is_not_brought_to_another_ref(container: World) -> None:
    remote = str(container.remote())
    container.awl("create", remote)
    container.awl("exec", "tool", "sh", "-c", "echo mine >acme/tool/file")
    container.awl("rm", "tool", "--yes", "--keep-volumes")
    refused = container.awl("create", "--ref", "feature", remote)
    assert (refused.code, refused.error) == (5, "work-would-be-lost")
    assert "acme/tool" in refused.err
    assert container.awl("create", "--ref", "trunk", remote).code == 0
    assert container.awl("exec", "tool", "cat", "acme/tool/file").out == "mine\n"


def test_paths_that_are_no_text_are_shown_all_the_same(host: World) -> None:
    folder = os.fsencode(host.folder) + b"/odd\xff/tool"
    os.makedirs(folder)  # noqa: PTH103 - bytes
    host.git(Path(os.fsdecode(folder)), "init", "-q")
    env = {**host.env, "PYTHONIOENCODING": "utf-8:strict"}  # as in most locales
    done = subprocess.run(
        [*host.argv("create"), folder], env=env, capture_output=True, timeout=_LIMIT
    )
    assert done.returncode == 0, done.stderr
    assert folder in done.stdout
