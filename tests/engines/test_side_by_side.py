"""Two suites at once on one engine, beside what is other people's: same verdicts, all intact."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from conformance.world.sdk import EngineEye

from .conftest import CLIENT, IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

# Few cells, of those that make, list, fill and remove.
SELECT = "rm-known or ls-names or exec-input"
LIMIT = 420


@pytest.fixture
def foreign() -> Iterator[str]:
    """A container and a volume of somebody else's, one with a label much like awl's."""
    address = os.environ.get("DOCKER_HOST", "")
    if not address:
        pytest.skip('DOCKER_HOST is not set: eval "$(scripts/engines env docker)"')
    name = f"foreign{uuid.uuid4().hex[:8]}"

    def docker(*words: str) -> None:
        subprocess.run([CLIENT, *words], check=True, capture_output=True, timeout=60)

    docker("volume", "create", "--label", "awl.workspace=a", name)
    docker("run", "-d", "--name", name, "--label", "awl.workspace=a", "-v", f"{name}:/x", IMAGE,
           "sleep", "infinity")  # fmt: skip
    yield name
    docker("rm", "-f", name)
    docker("volume", "rm", "-f", name)


def suite(out: Path) -> subprocess.Popen[str]:
    words = ("--engine", "docker", "--runtime", "container", "--image", IMAGE, "--select", SELECT)
    return subprocess.Popen(
        [sys.executable, "-m", "conformance.cli", "run", *words, "-n", "1", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def verdicts(out: Path) -> dict[str, str]:
    lines = (out / "results.jsonl").read_text().splitlines()
    rows = [row["result"] for line in lines if "result" in (row := json.loads(line))]
    return {row["cell"]: row["status"] for row in rows}


def test_two_suites_at_once_agree_and_leave_the_rest_alone(tmp_path: Path, foreign: str) -> None:
    with EngineEye(os.environ["DOCKER_HOST"]) as eye:
        before = (eye.containers(""), eye.volumes(""))
        assert foreign in before[0]
        both = [suite(tmp_path / name) for name in ("one", "other")]
        said = [process.communicate(timeout=LIMIT)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], "\n".join(said)
        one, other = verdicts(tmp_path / "one"), verdicts(tmp_path / "other")
        assert one == other
        assert set(one.values()) == {"pass"}
        assert len(one) >= 10
        after = (eye.containers(""), eye.volumes(""))
        assert after[0] == before[0]
        assert after[1] == before[1]
