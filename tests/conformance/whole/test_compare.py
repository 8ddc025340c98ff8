"""Two programs are played and compared, as ``awl-conformance compare`` does it by itself."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conformance.compare.conftest import copy_of_awl
from tests.conformance.whole.conftest import Ran


def test_a_copy_with_one_key_renamed_differs_in_that_key(
    conformance: Callable[..., Ran], good: str, tmp_path: Path
) -> None:
    copy = copy_of_awl(
        tmp_path, "commands/rm_command.py", '"kept_volumes": keep', '"volumes_kept": keep'
    )
    programs = (f"--program={good}", f"--program={copy}")
    words = ("--select", "rm-known-json or rm-unknown", "-n", "1", "--out", str(tmp_path / "out"))
    ran = conformance("compare", *programs, *words)
    assert ran.exit == 1, ran.stderr
    assert "compared  awl 0.1.0 ↔ awl-copy 0.1.0: 10 pairs, 8 agree, 2 differ" in ran.stdout
    assert "✗ stdout $.removed[0].kept_volumes\n    awl 0.1.0       false\n" in ran.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a", "b"}


def test_a_program_that_cannot_be_compared_is_incomplete(
    conformance: Callable[..., Ran], good: str, tmp_path: Path
) -> None:
    words = ("--program", good, "--program", "/bin/true", "--select", "rm-known-json", "-n", "1")
    ran = conformance("compare", *words, "--out", str(tmp_path / "out"))
    assert ran.exit == 4, ran.stdout + ran.stderr
    assert "✗ not played: rm-known-json[container,json]" in ran.stdout


def test_a_selection_of_nothing_is_told_by_the_run(
    conformance: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = conformance("compare", "--select", "rmm", "--out", str(tmp_path / "out"))
    assert ran.exit == 4
    assert "no cell is selected" in ran.stderr


def test_what_lies_where_one_stands_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text('print("imported")\n')
    command = [Path(sys.executable).parent / "awl-conformance", "compare", "--select", "rmm"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 4
    assert "no cell is selected" in done.stderr
    assert "imported" not in done.stdout + done.stderr
