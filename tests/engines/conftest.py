"""Daemons of our own: dockerd on a scratch root, started and killed as a test likes.

They need root, dockerd, and the saved image that `scripts/engines up` leaves. Nothing of another
engine on the machine is touched; what was started is ended by pid.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINES = Path(os.environ.get("AWL_ENGINES_HOME", "/var/tmp/awl-engines"))
IMAGE = "agent-workspace/agent-env:v0.1.0"
CLIENT = next((path for path in ("/usr/bin/docker", shutil.which("docker") or "") if path), "")
LIMIT = 60.0


class Said(NamedTuple):
    code: int
    out: str
    err: str


def saved_image() -> Path | None:
    """The newest image that `scripts/engines up` has saved."""
    found = sorted(ENGINES.glob("cache/agent-env-*.tar"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def why_not() -> str:
    """Why no daemon can be started here; nothing where it can."""
    if os.geteuid() != 0:
        return "a daemon needs root"
    if not shutil.which("dockerd", path="/usr/sbin:/usr/bin:/usr/local/bin"):
        return "there is no dockerd; scripts/engines up installs it"
    if saved_image() is None:
        return "there is no saved image; scripts/engines up makes it"
    return ""


class Daemon:
    """One dockerd, its data kept from start to start."""

    def __init__(self, folder: Path, *, tls: Path | None = None) -> None:
        self.folder = folder
        self.tls = tls
        self.process: subprocess.Popen[bytes] | None = None
        self.host = f"unix://{folder}/d.sock"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "DOCKER_HOST": self.host}
        self.options: list[str] = []
        if tls is not None:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            self.host = f"tcp://127.0.0.1:{port}"
            self.env |= {
                "DOCKER_HOST": self.host,
                "DOCKER_TLS_VERIFY": "1",
                "DOCKER_CERT_PATH": str(tls),
            }
            files = {"cacert": "ca", "cert": "server", "key": "server-key"}
            given = (f"--tls{kind}={tls}/{name}.pem" for kind, name in files.items())
            self.options = ["--tlsverify", *given]

    def start(self) -> None:
        """Start it and wait until it answers."""
        # What a killed one left: a new one would take these at their word.
        for stale in ("d.pid", "exec/containerd/containerd.pid"):
            (self.folder / stale).unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *("dockerd", "--host", self.host, "--data-root", f"{self.folder}/data"),
                    *("--exec-root", f"{self.folder}/exec", "--pidfile", f"{self.folder}/d.pid"),
                    *("--bridge", "none", "--iptables=false", "--ip6tables=false"),
                    *("--ip-forward=false", "--ip-masq=false", "--group", "root", *self.options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + LIMIT
        while self.docker("version", check=False).code != 0:
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < end, "dockerd did not answer in a minute"
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as the kernel does where memory runs out."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self._end_helpers()

    def close(self) -> None:
        """Stop it, with all that it started."""
        if self.process is not None and self.process.poll() is None:
            ids = self.docker("ps", "-aq", check=False).out.split()
            if ids:
                self.docker("rm", "-f", *ids, check=False)
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._end_helpers()
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        for line in reversed(mounts):
            if (point := line.split()[1]).startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", point], check=False)

    def _end_helpers(self) -> None:
        """End what a killed daemon leaves: its containerd, shims, and below them the containers."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if not (entry / "comm").read_text().startswith("containerd"):
                    continue
                if f"{self.folder}/" not in (entry / "cmdline").read_text():
                    continue
                children = (entry / "task" / entry.name / "children").read_text().split()
                for pid in (*children, entry.name):
                    os.kill(int(pid), signal.SIGKILL)

    def docker(self, *words: str, check: bool = True) -> Said:
        done = subprocess.run(
            [CLIENT, *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)


class Person:
    """Somebody who calls awl, with a home of their own and a `docker` that can be stood in for."""

    def __init__(self, folder: Path, daemon: Daemon) -> None:
        self.home = folder / "home"
        self.bin = folder / "bin"
        for path in (self.home, self.bin):
            path.mkdir(parents=True)
        (self.bin / "docker").symlink_to(CLIENT)
        self.env = {
            **daemon.env,
            "HOME": str(self.home),
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "AWL_ENGINE": "docker",
            "DOCKER_CONFIG": str(folder / "config"),
        }

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "awl", *words]

    def awl(self, *words: str, stdin: str = "") -> Said:
        done = subprocess.run(
            self.argv(*words),
            env=self.env,
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def stand_in(self, script: str) -> None:
        """Put a shell script in front of the client, which it knows as $docker."""
        path = self.bin / "docker"
        path.unlink()
        path.write_text(f"#!/bin/sh\ndocker={CLIENT}\n{script}\n")
        path.chmod(0o755)

    def stand_aside(self) -> None:
        """Take the script away."""
        (self.bin / "docker").unlink()
        (self.bin / "docker").symlink_to(CLIENT)


@pytest.fixture(autouse=True)
def _asked_for(request: pytest.FixtureRequest) -> None:
    """These take minutes and start daemons: nobody gets them who has not asked for them."""
    if "engine" not in (request.config.option.markexpr or ""):
        pytest.skip("asked for with: pytest -m engine (tox -e engines)")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place with a name short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="awld", dir="/var/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def daemon(folder: Path) -> Iterator[Daemon]:
    """A dockerd on a socket, with the image."""
    yield from running(Daemon(folder))


def running(daemon: Daemon) -> Iterator[Daemon]:
    if reason := why_not():
        pytest.skip(reason)
    try:
        daemon.start()
        daemon.docker("load", "--quiet", "--input", str(saved_image()))
        yield daemon
    finally:
        daemon.close()
