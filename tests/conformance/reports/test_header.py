"""The header of a run: versions, digests, and nothing that opens a door."""

import sys
from pathlib import Path

from conformance.reports.header import (
    Selection,
    now,
    program_digest,
    redacted,
    suite_digest,
)


def test_secrets_are_left_out() -> None:
    assert redacted(
        {
            "DOCKER_HOST": "tcp://user:pass@engine.example:2376",
            "DOCKER_CERT_PATH": "/home/me/certs",
            "REGISTRY_TOKEN": "s3cret",
            "DOCKER_CONTEXT": "default",
        }
    ) == {
        "DOCKER_CERT_PATH": "<redacted>",
        "DOCKER_CONTEXT": "default",
        "DOCKER_HOST": "tcp://<redacted>@engine.example:2376",
        "REGISTRY_TOKEN": "<redacted>",
    }


def test_a_program_is_told_from_another_by_its_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("#!/bin/sh\n")
    other.write_text("#!/bin/sh\n# more\n")
    assert program_digest(str(one)) != program_digest(str(other))
    assert program_digest(str(tmp_path / "none")) == ""


def test_of_a_python_program_the_modules_count_and_not_the_script() -> None:
    beside = Path(sys.executable).parent
    names = ("awl", "agent-workspace-launcher")
    assert len({program_digest(str(beside / name)) for name in names}) == 1


def test_a_selection_is_read_back(tmp_path: Path) -> None:
    from attrs import asdict

    chosen = Selection(engine="docker", runtimes=("host",), select="rm", shard=(2, 4))
    data = {**asdict(chosen), "runtimes": ["host"], "shard": [2, 4]}
    assert Selection.from_json(data) == chosen


def test_digests_and_times_have_their_form() -> None:
    assert len(suite_digest()) == 64
    assert suite_digest() == suite_digest()
    assert len(now()) == len("2026-01-01T00:00:00Z")
