"""Whether a program under test is a script of this environment, and of which package."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.lock.preload import WarmError
from conformance.world.program import compile_package, package_of

PIP = """\
#!{python}
# -*- coding: utf-8 -*-
import re
import sys
from some_tool.cli import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""
NEWER_PIP = """\
#!{python}
import sys
from some_tool.cli import main
if __name__ == '__main__':
    sys.argv[0] = sys.argv[0].removesuffix('.exe')
    sys.exit(main())
"""
UV = """\
#!{python}
# -*- coding: utf-8 -*-
import sys
from some_tool.cli import Tool
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(Tool.main())
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    """Write a script of this interpreter, or of another; its path."""

    def write(text: str, python: str = sys.executable) -> str:
        path = tmp_path / "tool"
        path.write_text(text.format(python=python))
        return str(path)

    return write


@pytest.mark.parametrize("text", [PIP, NEWER_PIP, UV], ids=["pip", "newer pip", "uv"])
def test_a_console_script_names_its_package(script: Callable[..., str], text: str) -> None:
    assert package_of(script(text)) == "some_tool"


def test_other_names_of_the_same_interpreter_are_this_environments(
    script: Callable[..., str],
) -> None:
    """``python3`` beside ``python``; but the interpreter that a virtual environment was made of
    has other packages, though it is the same binary."""
    beside = sorted(Path(sys.executable).parent.glob("python3*[0-9]"))
    assert beside
    assert package_of(script(PIP, str(beside[0]))) == "some_tool"
    if sys.prefix != sys.base_prefix:
        with pytest.raises(WarmError, match="of another interpreter"):
            package_of(script(PIP, os.path.realpath(sys.executable)))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#!/bin/sh\nexec awl\n", "of another interpreter"),
        ("#!/usr/bin/env python3\nfrom a.b import main\nsys.exit(main())\n", "another interpreter"),
        ("#!{python}\nprint('hello')\n", "no script of an entry point"),
        ("#!{python}\nfrom a import b\nfrom c import d\nsys.exit(d())\n", "no script of an entry"),
        ("#!{python}\nfrom a import b\nsys.exit(c())\n", "no script of an entry point"),
        # Its package is not the one of that name which is installed.
        (PIP.replace("import re\n", "import re\nsys.path.insert(0, 'lib')\n"), "no script of an"),
        (PIP.replace("import sys\n", "import sys, site\n"), "no script of an entry point"),
        ("\x7fELF", "no script with an interpreter"),
        ("#!\nfrom a import b", "no script with an interpreter"),
    ],
)
def test_anything_else_is_execd_and_the_reason_is_told(
    script: Callable[..., str], text: str, why: str
) -> None:
    with pytest.raises(WarmError, match=why):
        package_of(script(text))


def test_a_program_that_is_not_there_is_no_script(tmp_path: Path) -> None:
    with pytest.raises(WarmError, match="No such file"):
        package_of(str(tmp_path / "none"))


def test_a_package_is_compiled_and_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "never_imported"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemError('imported')")
    (folder / "broken.py").write_text("no python")
    monkeypatch.syspath_prepend(tmp_path)
    compile_package("never_imported")
    assert [path.suffix for path in folder.glob("__pycache__/__init__*")] == [".pyc"]
    compile_package("no_such_package")
    compile_package("colorsys")
