"""A reproduction gives a program what it was given, and sets up no more than it needs."""

import subprocess
from pathlib import Path

import pytest

from conformance.drivers.process import Outcome, Stream
from conformance.kit.repro import clear_repros, script, write_repro
from conformance.record import step_record
from conformance.results import Result, Status
from conformance.settings import Settings

EMPTY = Stream(b"", 0, "")


def settings(folder: Path) -> Settings:
    return Settings(
        program=("awl",),
        engine="fake",
        client="/stubs/docker",
        engine_env={},
        image="image",
        remotes={},
        run=str(folder),
        matrices="",
        canary="",
        stamp="c1",
        runtimes=("host",),
    )


def result(*argv: str, stdin: bytes | None = None, runtime: str = "host") -> Result:
    outcome = Outcome(argv, exit=1, signal=None, out=EMPTY, err=EMPTY, duration=0.0)
    return Result(
        cell=f"rm-known[{runtime}]",
        case="rm-known",
        runtime=runtime,
        command="rm",
        requirements=("RM-1a",),
        polarity="positive",
        status=Status.FAIL,
        steps=(step_record("step", argv, {}, outcome, stdin=stdin),),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"y\n",
        b"\xff\xfey\n",
        b"100%s \\n\\0 it's\t\x01\x7f",
        "ünï ✓\n".encode(),
        b"--help",
        b"\xc3(\xe2\x82",
        b"",
    ],
)
def test_standard_input_comes_back_byte_for_byte(tmp_path: Path, data: bytes) -> None:
    path = write_repro(tmp_path, result("cat", stdin=data), settings(tmp_path))
    command = ["sh", str(path), str(tmp_path / "scratch")]
    done = subprocess.run(command, capture_output=True, timeout=20, check=True)
    assert done.stdout == data


def test_bytes_are_octal_as_every_printf_knows() -> None:
    text = script(result("awl", "rm", stdin=b"\xff\xfey\n"), settings(Path("/run-1")))
    assert r"printf '\377\376y\n' | " in text


def test_only_what_speaks_to_an_engine_has_one() -> None:
    known = settings(Path("/run-1"))
    assert "seed.py" not in script(result("awl", "rm", "a"), known)
    assert "seed.py" in script(result("docker", "ps"), known)
    assert "seed.py" in script(result("awl", "rm", "a", runtime="container"), known)


def test_the_scripts_of_an_earlier_run_go_and_nothing_else(tmp_path: Path) -> None:
    script_ = write_repro(tmp_path, result("true"), settings(tmp_path))
    own = tmp_path / "own.sh"
    own.write_text("#!/bin/sh\n")
    clear_repros(tmp_path)
    clear_repros(tmp_path / "none")
    assert own.exists()
    assert not script_.exists()
