"""A program that is wrong in the worst way harms nothing but its own sandboxes (KIT-15)."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from .conftest import ROOT, Ran


def checksum(folder: Path) -> str:
    """One digest over names, modes, times and contents of all that is below a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        entry = path.lstat()
        total.update(f"{path} {entry.st_mode} {entry.st_mtime_ns} {entry.st_ino}".encode())
        if path.is_file() and not path.is_symlink():
            total.update(path.read_bytes())
    return total.hexdigest()


def test_a_destroyer_runs_through_the_suite_and_nothing_outside_changes(
    conformance: Callable[..., Ran], program: Callable[[str], str], good: str, tmp_path: Path
) -> None:
    marked = tmp_path / "outside" / "marked"
    for name in ("a", "b", "demo", "unknown", "decoy", "deep/er"):
        (marked / name).mkdir(parents=True)
        (marked / name / "precious.txt").write_text(name)
    beside = marked.parent / "decoys"
    beside.mkdir()
    (beside / "leaf").write_text("leaf")
    before = checksum(marked.parent)
    text = (ROOT / "tests/programs/destroyer").read_text()
    path = program(text.replace("@GOOD@", good).replace("@OUTSIDE@", str(marked)))

    # The cells that remove, reset or are hostile; AWL_TEST_WHOLE=1 plays all, which takes longer.
    chosen = () if os.environ.get("AWL_TEST_WHOLE") else ("--select", "rm-* or *hostile* or sec-*")
    ran = conformance("run", "--program", path, "-n", "2", *chosen, timeout=1500)

    assert checksum(marked.parent) == before
    assert not (marked / "the-lock-is-broken").exists()
    # It ran, and was found out: inside their own sandbox its victims are real.
    statuses = ran.statuses()
    assert ran.exit == 1
    assert sum(status == "fail" for status in statuses.values()) >= 1
    assert sum(status == "pass" for status in statuses.values()) > len(statuses) / 4
