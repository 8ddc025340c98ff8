"""The folder of a run: where it lies, that it goes, and that only the dead are cleared away."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from conformance.world import scratch as module
from conformance.world.scratch import KEPT, PREFIX, base_folder, scratch


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "base_folder", lambda **_: tmp_path)
    return tmp_path


def test_tmpdir_is_the_persons_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert base_folder() == tmp_path


def test_memory_is_taken_where_it_is_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(module, "_is_fit", lambda _: True)
    assert base_folder() == Path("/dev/shm")
    assert base_folder(in_memory=False) != Path("/dev/shm")
    monkeypatch.setattr(module, "_is_fit", lambda _: False)
    assert base_folder() != Path("/dev/shm")


def test_a_folder_without_room_is_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ENOUGH", 1)
    assert module._is_fit(tmp_path)
    assert not module._is_fit(tmp_path / "absent")
    monkeypatch.setattr(module, "_ENOUGH", 2**62)
    assert not module._is_fit(tmp_path)


def test_it_goes_with_all_in_it(base: Path) -> None:
    with scratch() as folder:
        (folder / "deep").mkdir()
        (folder / "deep").chmod(0)
        assert folder.parent == base
        assert folder.name.startswith(PREFIX)
    assert list(base.iterdir()) == []


def test_what_is_kept_stays_and_is_never_cleared(base: Path) -> None:
    with scratch(keep=True) as folder:
        pass
    with scratch():
        assert folder.is_dir()
        assert folder.name.startswith(KEPT)


def test_a_run_that_lives_is_left_alone(base: Path) -> None:
    with scratch() as first, scratch() as second:
        assert first.is_dir()
        assert second.is_dir()


def test_what_a_killed_run_left_is_cleared_by_the_next(base: Path) -> None:
    line = (
        "import sys, time; from pathlib import Path; from conformance.world import scratch as m; "
        "m.base_folder = lambda **_: Path(sys.argv[1])\n"
        "with m.scratch() as folder:\n    print(folder, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", line, str(base)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with scratch():
            assert left.is_dir()
        process.kill()
    (base / "foreign").mkdir()
    limit = time.monotonic() + 5
    while left.exists() and time.monotonic() < limit:
        with scratch():
            pass
    assert not left.exists()
    assert list(base.iterdir()) == [base / "foreign"]
