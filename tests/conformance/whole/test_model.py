"""The model, played as a person does: on the good program, on faulty ones, on the liberal one."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.faults.fault import Edit, Fault, Subject
from conformance.faults.workshop import faulty
from conformance.settings import Settings

from .conftest import ROOT, Ran

Call = Callable[..., Ran]

# Faults of order: no command of its own is wrong, but one that comes after certain others. Each is
# found by what is lost, or left over, some steps later.
KEPT = Fault(
    id="kept-volumes-are-made-anew",
    text="a create after rm --keep-volumes makes the volumes anew",
    breaks="RM-2b",
    runtimes=("container",),
    program=(
        Edit(
            "runtimes/container.py",
            "            kept = own.volumes_before()\n",
            "            kept = own.volumes_before()\n"
            '            if spec.name in self._store.records("kept"):\n'
            "                own.remove_volumes(kept)\n"
            "                kept = set()\n",
        ),
    ),
)
STOPPED = Fault(
    id="start-is-from-new",
    text="a workspace that is started after a stop has lost its files",
    breaks="LIFE-1d",
    runtimes=("container",),
    program=(
        Edit(
            "engines/executor.py",
            "        self._engine.start(self._container)\n        return True",
            "        self._engine.start(self._container)\n"
            '        self._engine.call("exec", self._container, "rm", "-f", "/work/note")\n'
            "        return True",
        ),
    ),
)
KILLED = Fault(
    id="killed-create-is-in-the-way",
    text="what a killed create has left on the host is in the way of the next one",
    breaks="CREATE-5d",
    runtimes=("host",),
    program=(
        Edit(
            "runtimes/host.py",
            "            self._store.sweep(name)\n            stage = ",
            "            if any(entry.startswith(f'{name}.') for entry in os.listdir("
            "f'{self._root}/{OWN}/tmp') if os.path.isdir(f'{self._root}/{OWN}/tmp')):\n"
            "                raise WorkspaceExists(f'{name} is half made')\n"
            "            stage = ",
        ),
    ),
)
SUBJECT = Subject("awl", "awl.cli:main")


@pytest.fixture
def wrong(tmp_path: Path, good: str) -> Callable[[Fault], str]:
    """Make a program with a fault; its path."""
    settings = Settings((good,), "fake", "", {}, "", {}, "", "", "", "", (), warm="awl")

    def make(fault: Fault) -> str:
        return faulty(fault, SUBJECT, settings, tmp_path / fault.id).program[0]

    return make


def test_the_good_program_shows_no_difference(conformance: Call, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    words = ("--sequences", "16", "--seed", "1", "-n", "2", "--out", str(tmp_path))
    ran = conformance("model", *words, cwd=here)
    assert ran.exit == 0, ran.stdout
    assert "16 sequences" in ran.stdout
    assert "in container, host" in ran.stdout
    assert ran.stdout.endswith("model: no difference\n")
    assert not (tmp_path / "model.sh").exists()
    assert not list(here.iterdir())


@pytest.mark.parametrize("fault", [KEPT, STOPPED, KILLED], ids=lambda fault: fault.id)
def test_a_fault_of_order_is_found_and_told_in_eight_lines(
    conformance: Call, tmp_path: Path, wrong: Callable[[Fault], str], good: str, fault: Fault
) -> None:
    program = wrong(fault)
    words = ("--sequences", "300", "--seed", "1", "-n", "2", "--out", str(tmp_path))
    narrow = () if fault is KEPT else ("--runtime", fault.runtimes[0])
    ran = conformance("model", "--program", program, *words, *narrow, timeout=600)
    assert ran.exit == 1, ran.stdout
    assert f"runtime   {fault.runtimes[0]}" in ran.stdout
    path = tmp_path / "model.sh"
    text = path.read_text()
    assert text in ran.stdout
    assert "does not show it" not in ran.stdout
    assert len(text.splitlines()) <= 8, text
    # It needs no suite, and shows no difference where the program is good.
    assert shown(path, tmp_path / "one") == 1
    path.write_text(text.replace(program, good))
    assert shown(path, tmp_path / "two") == 0


def shown(path: Path, scratch: Path) -> int:
    """The exit code of a script, played from nowhere in particular."""
    done = subprocess.run(
        ["sh", str(path), str(scratch)],
        capture_output=True,
        timeout=120,
        check=False,
        cwd="/",
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
    )
    return done.returncode


def test_the_liberal_launcher_is_free_to_differ(conformance: Call, tmp_path: Path) -> None:
    # The commands that it does not have.
    unclaimed = [f"--without={kind}" for kind in ("doctor", "reset", "push", "pull")]
    words = ("--runtime", "host", *unclaimed, "--seed", "1")
    program = str(ROOT / "tests/programs/liberal")
    rest = ("--sequences", "30", "-n", "2", "--out", str(tmp_path))
    ran = conformance("model", "--program", program, *words, *rest)
    assert ran.exit == 0, ran.stdout


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--sequences", "0"), 4, "nothing would be proved"),
        (("--runtime", "hots"), 2, "nearest: 'host'"),
        (("--without", "lss"), 2, "lss"),
    ],
)
def test_what_cannot_be_played(
    conformance: Call, words: tuple[str, ...], code: int, part: str
) -> None:
    ran = conformance("model", *words)
    assert ran.exit == code
    assert part in ran.stderr


def test_no_launcher_is_one_root_cause(conformance: Call) -> None:
    ran = conformance("model", "--program", "/bin/true", "--sequences", "5")
    assert ran.exit == 1
    assert "does not answer as a launcher" in ran.stderr
