"""Where faulty programs and fakes are made: copies with a changed text, and launchers around them.

The good ones are only read, and never imported here: a launcher does that when it is called.
"""

from __future__ import annotations

import builtins
import importlib.util
import json
import os
import py_compile
import shutil
import symtable
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import asdict, evolve

from conformance import resources

if TYPE_CHECKING:
    from conformance.faults.fault import Edit, Fault, Subject
    from conformance.settings import Settings

__all__ = ["EditError", "edited", "faulty", "package_folder"]

_BUILTINS = {*dir(builtins), "__file__", "__path__"}
_WRAPPER = Path(__file__).with_name("wrapper.py")
# As an installer writes the script of an entry point: calls of such a program can be forked.
_LAUNCHER = """#!{python}
import os
import sys
os.environ.update({env!r})
from {module} import {function}
if __name__ == "__main__":
    sys.exit({function}())
"""
_WRAPPED = """#!{python}
import os
import sys
os.environ.update({env!r})
from {module} import {function}
import wrapper
if __name__ == "__main__":
    sys.exit(wrapper.run({function}, {wrap!r}))
"""


class EditError(ValueError):
    """An edit that changes nothing, or not what it says."""


def edited(text: str, edit: Edit) -> str:
    """Return ``text`` changed; EditError where the old text is not there exactly once.

    A Python file has to stay one, and may not name what it does not have: a program that crashes
    would only show that crashes are seen.
    """
    count = text.count(edit.find)
    if count != 1:
        raise EditError(f"stands {count} times in {edit.file}, not once: the fault has rotted")
    new = text.replace(edit.find, edit.replace)
    if edit.find == edit.replace:
        raise EditError("is replaced by itself")
    if edit.file.endswith(".py"):
        try:
            compile(new, edit.file, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise EditError(f"what it becomes is no Python: {error}") from None
        strange = sorted(_unbound(new, edit.file) - _unbound(text, edit.file))
        if strange:
            raise EditError(f"what it becomes names {', '.join(strange)}, which it does not have")
    return new


def _unbound(text: str, name: str) -> set[str]:
    """Names of a module that neither it nor Python binds: using them is a NameError."""
    module = symtable.symtable(text, name, "exec")
    used: set[str] = set()
    bound = {symbol.get_name() for symbol in module.get_symbols() if symbol.is_assigned()}
    bound |= {symbol.get_name() for symbol in module.get_symbols() if symbol.is_imported()}
    tables = [module]
    for table in tables:
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_global() or table is module:
                (bound if symbol.is_declared_global() else used).add(symbol.get_name())
    return used - bound - _BUILTINS


def package_folder(package: str) -> Path | None:
    """Return the folder of an installed package, without importing it; None where there is none."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def faulty(fault: Fault, subject: Subject, settings: Settings, folder: Path) -> Settings:
    """Make what is faulty below ``folder``; return the settings of a run that meets it."""
    folder.mkdir(parents=True)
    if fault.fake:
        stubs = folder / "stubs"
        _copy(resources.stubs(), stubs)
        _apply(fault.fake, stubs)
        client = stubs / Path(settings.client).name
        _lead(settings.images / "bin" / client.name, resources.stubs() / client.name, client)
        return evolve(settings, client=str(client))
    library = folder / "lib"
    library.mkdir()
    source = package_folder(subject.package)
    if fault.program and source is not None:
        _copy(source, library / subject.package)
        _apply(fault.program, library / subject.package)
    program = _launcher(fault, subject, library)
    shown = folder / subject.package  # help shows the name by which it was called
    shown.symlink_to(program)
    warm = settings.warm and subject.package
    return evolve(settings, program=(str(shown),), warm=warm)


def _copy(source: Path, target: Path) -> None:
    """Copy a tree with its byte code, which is good as long as a source keeps time and size."""
    shutil.copytree(source, target, symlinks=True)


def _apply(edits: tuple[Edit, ...], folder: Path) -> None:
    for edit in edits:
        path = folder / edit.file
        path.write_text(edited(path.read_text("utf-8"), edit), "utf-8")
    for edit in edits:
        path = folder / edit.file
        if path.suffix == ".py":
            # Inside the lock the disk is read-only. An edit may keep the size of a file, and be
            # made in the same second: the byte code is made anew whatever its time says.
            py_compile.compile(str(path), doraise=True)


def _lead(launcher: Path, good: Path, copy: Path) -> None:
    """Put a launcher beside the copy that is like that of the run, and starts the copy."""
    text = launcher.read_text()
    if str(good) not in text:
        raise EditError(f"{launcher} does not name {good}")
    path = copy.parent / "bin" / launcher.name
    path.parent.mkdir()
    path.write_text(text.replace(str(good), str(copy)))
    path.chmod(0o755)


def _launcher(fault: Fault, subject: Subject, library: Path) -> Path:
    module, _, function = subject.entry.partition(":")
    values = {
        "python": sys.executable,
        "env": dict(subject.env),
        "module": module,
        "function": function,
    }
    text = _LAUNCHER.format(**values)
    if fault.wrap is not None:
        shutil.copy(_WRAPPER, library / _WRAPPER.name)
        py_compile.compile(str(library / _WRAPPER.name), doraise=True)
        wrap = json.loads(json.dumps(asdict(fault.wrap)))  # as JSON has it: keys are texts
        text = _WRAPPED.format(**values, wrap=wrap)
    path = library / "launcher.py"
    path.write_text(text)
    path.chmod(0o755)
    os.utime(library)
    return path
