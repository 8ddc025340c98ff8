"""Real runs of a few cells, made once: what is compared is what runs really write."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import awl
from tests.conformance.reports.conftest import Ran, call, run

__all__ = ["SELECT", "Ran", "call"]

SELECT = "ls-rows or rm-known-json or rm-unknown"
# As an installer writes it, but for a package of its own.
_LAUNCHER = """\
#!{python}
import sys
sys.path.insert(0, {library!r})
from awl.cli import main
sys.exit(main())
"""


def copy_of_awl(folder: Path, file: str, old: str, new: str) -> Path:
    """The launcher of a copy of awl in which one text of one file is another."""
    library = folder / "lib"
    shutil.copytree(Path(awl.__file__).parent, library / "awl")
    path = library / "awl" / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    launcher = folder / "awl-copy"
    launcher.write_text(_LAUNCHER.format(python=sys.executable, library=str(library)))
    launcher.chmod(0o755)
    return launcher


@pytest.fixture(scope="session")
def good(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The folder of a run of awl."""

    def make(folder: Path) -> None:
        ran = run(folder, "--select", SELECT)
        assert ran.exit == 0, ran.stdout + ran.stderr

    return once("compare-good", make)


@pytest.fixture(scope="session")
def renamed(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The folder of a run of a copy of awl in which one key of a document has another name."""

    def make(folder: Path) -> None:
        program = copy_of_awl(
            folder, "commands/rm_command.py", '"kept_volumes": keep', '"volumes_kept": keep'
        )
        ran = run(folder, "--select", SELECT, "--program", str(program))
        assert ran.exit == 1, ran.stdout + ran.stderr

    return once("compare-renamed", make)
