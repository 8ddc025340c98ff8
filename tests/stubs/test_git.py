"""The stand-in for git is git, and holds one call at a gate."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

STUB = Path(__file__).resolve().parents[2] / "stubs/git"
_LIMIT = 20.0


def _env(folder: Path) -> dict[str, str]:
    (folder / "bin").mkdir(exist_ok=True)
    own = folder / "bin/git"
    if not own.is_symlink():
        own.symlink_to(STUB)
    return {"HOME": str(folder), "PATH": f"{folder}/bin:/usr/local/bin:/usr/bin:/bin"}


def test_it_is_git(tmp_path: Path) -> None:
    env = _env(tmp_path)
    for words in (("--version",), ("rev-parse", "--verify", "no such\nref")):
        own, real = (
            subprocess.run(
                [program, *words], env=env, cwd=tmp_path, capture_output=True, timeout=_LIMIT
            )
            for program in (tmp_path / "bin/git", "/usr/bin/git")
        )
        assert (own.returncode, own.stdout, own.stderr) == (
            real.returncode,
            real.stdout,
            real.stderr,
        )


def test_the_nth_call_waits_until_its_gate_is_removed(tmp_path: Path) -> None:
    gate = tmp_path / "a gate"
    env = _env(tmp_path)
    (tmp_path / "bin/git.gate").write_text(f"2 {gate}\n")
    words = ["git", "--version", "two\nlines"]
    subprocess.run(words, env=env, check=False, capture_output=True, timeout=_LIMIT)
    assert not gate.exists()
    with subprocess.Popen(["git", "--version"], env=env, stdout=subprocess.PIPE) as held:
        try:
            limit = time.monotonic() + _LIMIT
            while not gate.exists() and time.monotonic() < limit:
                time.sleep(0.01)
            assert held.poll() is None
            assert gate.read_text().strip() == str(os.getsid(held.pid))
        finally:
            gate.unlink(missing_ok=True)
        out, _ = held.communicate(timeout=_LIMIT)
    assert out.startswith(b"git version")


def test_without_another_git_it_says_so(tmp_path: Path) -> None:
    env = {**_env(tmp_path), "PATH": f"{tmp_path}/bin"}
    done = subprocess.run(
        ["/bin/sh", STUB], env=env, capture_output=True, text=True, timeout=_LIMIT
    )
    assert done.returncode == 127
    assert "no other git on PATH" in done.stderr
