"""Sessions of a shell in which the examples of the documents are run.

Each has a home of its own inside the lock, the fake engine, `gh` and `code` on PATH, real `git` and
`gpg`, and the test's own git server behind https://github.com (`private/…` wants the password
`a-token`). `$FORGE` is the server's own address: a forge of one's own, spoken to over plain http.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from conformance import resources
from conformance.drivers import process
from conformance.lock.client import Zygote
from conformance.world.remote import RemoteServer, build_repositories
from conformance.world.sandbox import Sandbox, build_toolbox

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token"
END = "--- end of an example ---"
_LIMIT = 180.0


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    with Zygote() as started:
        yield started


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a git server with the suite's repositories."""
    repositories = tmp_path_factory.mktemp("forge")
    build_repositories(repositories)
    with RemoteServer(repositories, ("127.0.0.1",), TOKEN) as server:
        yield server.url("127.0.0.1")


@pytest.fixture(scope="session")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_toolbox(tmp_path_factory.mktemp("tools") / "toolbox")


@pytest.fixture
def sandbox(tmp_path: Path, toolbox: Path, forge: str) -> Sandbox:
    """A home, and the programs that a person has: awl, an engine, gh and code."""
    made = Sandbox(tmp_path / "s", toolbox, "agent-ws", {"https://github.com/": f"{forge}/"})
    made.create()
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "gitconfig").write_text((made.home / ".gitconfig").read_text())
    seed = [sys.executable, "-IS", str(resources.stubs() / "seed.py")]
    words = [str(made.engine / "state"), "--etc", str(etc), "--link", str(made.bin)]
    subprocess.run([*seed, *words], check=True, timeout=30)
    for name in ("awl", "awl-conformance"):
        (made.bin / name).symlink_to(Path(sys.executable).parent / name)
    for name in ("code", "gh"):
        (made.bin / name).symlink_to(resources.stubs() / name)
    return made


@pytest.fixture
def play(sandbox: Sandbox, zygote: Zygote, forge: str) -> Callable[..., list[str]]:
    """Run commands one after the other in one shell; return what each has printed.

    ``lock`` false: without the lock, for what makes locks of its own.
    """

    def run(commands: Sequence[str], *, lock: bool = True, **more: str) -> list[str]:
        env = {
            **sandbox.environment(),
            "AWL_FAKE_DOCKER_STATE": str(sandbox.engine / "state"),
            "FORGE": forge,
            **more,
        }
        del env["AGENT_WORKSPACE_PREFIX"]
        script = sandbox.home / "session.sh"
        ended = f"printf '%s\\n' {shlex.quote(END)}\n"
        script.write_text("exec 2>&1\n" + "".join(f"{one.rstrip()}\n{ended}" for one in commands))
        argv = ["bash", str(script)]
        if lock:
            with zygote.open_case(sandbox.path) as case:
                outcome = process.run(case, argv, env=env, cwd=sandbox.home, timeout=_LIMIT)
            stdout = outcome.stdout
        else:
            stdout = subprocess.run(
                argv, env=env, cwd=sandbox.home, timeout=_LIMIT, stdout=subprocess.PIPE, check=False
            ).stdout
        printed = stdout.decode().split(f"{END}\n")
        assert len(printed) == len(commands) + 1, f"the session ended early, after:\n{printed[-1]}"
        return printed[:-1]

    return run


@pytest.fixture
def package_index(sandbox: Sandbox) -> dict[str, str]:
    """`pip` in the session, and variables that give it this checkout's wheel and nothing else.

    What the wheel needs besides is there already, lent by the environment of the tests.
    """
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    wheels = sandbox.path / "index"
    subprocess.run([*build, wheels, ROOT], check=True, capture_output=True, timeout=120)
    venv = sandbox.home / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    (site,) = venv.glob("lib/python3*/site-packages")
    lent = sandbox.path / "lent"
    lent.mkdir()
    for entry in os.scandir(sysconfig.get_path("purelib")):
        if not entry.name.startswith(("agent_workspace_launcher", "_agent_workspace", "__")):
            (lent / entry.name).symlink_to(entry.path)
    (site / "lent.pth").write_text(f"{lent}\n")
    (sandbox.bin / "awl").unlink()
    pip = sandbox.bin / "pip"
    pip.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pip "$@"\n')
    pip.chmod(0o755)
    return {
        "PATH": f"{venv}/bin:{sandbox.environment()['PATH']}",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_INDEX": "1",
        "PIP_PYTHON": f"{venv}/bin/python",
        "PIP_QUIET": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
