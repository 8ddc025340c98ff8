"""What the suite may know of a program under test before it runs: is it a Python script of ours?

Such a program can be had warm (``lock.warm``), and its modules compiled before the disk becomes
read-only, where a stale cache would be compiled anew in every call. It is never imported here.
"""

import compileall
import importlib.util
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from conformance.lock.preload import WarmError, interpreter_of

__all__ = ["compile_package", "default_program", "package_of", "why_unusable"]

# As pip, uv, and the tools that they use write the script of an entry point.
_ENTRY = re.compile(r"^from (\w+)[\w.]* import (\w+)[\w.]*$", re.MULTILINE)
# All that such scripts hold. One more statement may lead its import to another package (sys.path).
_LINES = re.compile(
    r"#.*|import (?:re|sys)|from \w[\w.]* import \w+|if __name__ == .__main__.:"
    r"|(?:el)?if sys\.argv\[0\]\.endswith\([^()]*\):|sys\.argv\[0\] = [^;]*"
    r"|sys\.exit\([\w.]+\(\)\)|"
)


def default_program() -> str:
    """The launcher that is played where none is named: the awl beside this suite, else on PATH."""
    beside = Path(sys.executable).parent / "awl"
    return str(beside) if beside.exists() else shutil.which("awl") or "awl"


def why_unusable(program: str) -> str:
    """Why no process can be started from ``program``, with what to do; empty where one can.

    Whether it is a launcher only the run can say. A name without a slash is looked for on PATH.
    """
    if shutil.which(program):
        return ""
    path = Path(program)
    if path.is_dir():
        return "is a directory"
    if "/" not in program:
        beside = f"; for the one in this folder say ./{program}" if path.is_file() else ""
        return f"no such program on PATH{beside}"
    if path.exists():
        return f"not executable: chmod +x {shlex.quote(program)}, and begin it with #!"
    return "no such file"


def package_of(program: str) -> str:
    """The package that a console script of this very environment starts; WarmError with why not.

    Only of this environment: what is installed there runs in the suite's own processes already.
    """
    words = interpreter_of(program)
    if not _is_ours(words[0]):
        raise WarmError(f"{program}: of another interpreter ({' '.join(words)}) than the suite's")
    text = Path(program).read_text(encoding="utf-8", errors="replace")
    found: list[tuple[str, str]] = _ENTRY.findall(text)
    known = all(_LINES.fullmatch(line.strip()) for line in text.splitlines())
    if not known or len(found) != 1 or f"sys.exit({found[0][1]}" not in text:
        raise WarmError(f"{program}: no script of an entry point, as installers write it")
    return found[0][0]


def _is_ours(interpreter: str) -> bool:
    """The same binary, named in the same folder: so it has the same ``sys.prefix``."""
    mine, theirs = Path(sys.executable), Path(interpreter)
    same = os.path.realpath(mine) == os.path.realpath(theirs)
    return same and mine.parent.resolve() == theirs.parent.resolve()


def compile_package(package: str) -> None:
    """Write the byte code of a package's modules where it is missing, stale and can be written."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        compileall.compile_dir(folder, quiet=2)
