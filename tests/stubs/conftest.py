"""A fake engine of its own for each test, driven as a person drives it: by its command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STUBS = Path(__file__).parents[2] / "stubs"
IMAGE = "agent-workspace/agent-env:v0.1.0"

sys.path.insert(0, str(STUBS))

import seed  # noqa: E402  (the path above comes first)


class Fake:
    """One state and the `docker` that works on it."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.docker = seed.link(self.bin)
        self.journal = folder / "journal"
        self.env = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(folder),
            "AWL_FAKE_DOCKER_STATE": str(self.state),
            "AWL_FAKE_DOCKER_JOURNAL": str(self.journal),
        }
        seed.image(self.state)

    def start(self, *args: str, env: dict[str, str] | None = None, **options):
        """A call that is left running."""
        return subprocess.Popen(
            [self.docker, *args],
            env={**self.env, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    def __call__(
        self,
        *args: str,
        stdin: bytes = b"",
        env: dict[str, str] | None = None,
        expect: int | None = 0,
        timeout: float = 30,
    ):
        """One call; its exit code must be `expect` (None: any)."""
        done = subprocess.run(
            [self.docker, *args],
            env={**self.env, **(env or {})},
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        result = Said(done.returncode, done.stdout, done.stderr)
        if expect is not None:
            assert result.exit == expect, f"docker {' '.join(args)}: {result}"
        return result

    def clean(self) -> None:
        """Remove every container, whatever faults the state still holds."""
        (self.state / "faults").unlink(missing_ok=True)
        ids = self("ps", "-aq").lines
        if ids:
            self("rm", "-f", "-v", *ids)


class Said:
    """What a call said."""

    def __init__(self, exit_code: int, stdout: bytes, stderr: bytes) -> None:
        self.exit, self.raw, self.raw_err = exit_code, stdout, stderr
        self.out, self.err = (data.decode(errors="replace") for data in (stdout, stderr))

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def word(self) -> str:
        return self.out.strip()

    def __repr__(self) -> str:
        return f"exit {self.exit}, stdout {self.out!r}, stderr {self.err!r}"


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    seed.compile_all()


@pytest.fixture
def fake(tmp_path):
    engine = Fake(tmp_path / "fake")
    yield engine
    engine.clean()


@pytest.fixture
def box(fake):
    """A fake with one running container, `box`, with an init and a volume at /work."""
    fake("run", "-d", "--init", "--name", "box", "-v", "boxwork:/work", IMAGE)
    return fake


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_root() -> bool:
    return os.geteuid() == 0
