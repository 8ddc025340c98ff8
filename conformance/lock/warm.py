"""A fork server: a zygote that has imported the program already, so that a call costs a fork.

Plain exec is the reference, and a forked call must be told from it by its speed alone (``fresh``
makes the child new). So the program's modules are imported under watch, and what would show the
difference is refused: reading the terminal's or the case's state while being imported, printing,
starting threads, keeping a standard stream. A call forks only where each variable that the import
or the interpreter itself depends on is what it was; every other call is exec'd.

What remains different: all forks of one zygote share a hash seed, modules are imported although
this call may not need them, and objects alive at the end are not finalised (files are written out).
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import site
import sys
from typing import TYPE_CHECKING, Any

from conformance.lock import fresh, kernel
from conformance.lock.companion import Companion
from conformance.lock.preload import WarmError, interpreter_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import CodeType, ModuleType

    from conformance.lock.preload import Preload

__all__ = ["Warm"]

_SHAPING = ("LC_", "PYTHON", "LD_", "MALLOC_", "GLIBC_")
_ALL = "*"  # the whole environment was read


class Warm:
    """The program, imported in this process. Made in the zygote; forked by keepers."""

    def __init__(self, preload: Preload, *, locked: bool) -> None:
        self.program = preload.program
        self._env = dict(preload.env)
        self._locked = locked
        self._words = interpreter_of(preload.program)
        self._code = _compiled(preload.program)
        if os.environ.get("LC_CTYPE") != self._env.get("LC_CTYPE"):
            raise WarmError("the interpreter changes the locale it was given (PEP 538)")
        kernel.rename([*sys.orig_argv[:1], "zygote"], dict(os.environ), "zygote")
        if not sys.flags.safe_path:
            folder = os.path.dirname(os.path.realpath(preload.program))  # noqa: PTH120
            sys.path.insert(0, folder)  # where a script's own modules may stand
        self._read = _import_watched(preload.package)
        self._companion = _companion_of(preload)
        self._started = fresh.Interpreter.of_this_process()
        gc.collect()
        gc.freeze()  # a collection in a child would write to, and so copy, all of these pages

    @property
    def varying(self) -> list[str]:
        """The variables read by the import that have no fixed value: a call that has them execs."""
        return sorted(self._read - self._env.keys())

    def fits(self, path: str, env: Mapping[str, str]) -> bool:
        """Whether this call may be forked: the program, and nothing differs that it depends on."""
        if path != self.program or _ALL in self._read:
            return False
        names = {name for name in (*env, *self._env) if name == "LANG" or name.startswith(_SHAPING)}
        same = all(env.get(name) == self._env.get(name) for name in names | self._read)
        return same and not _has_user_site(env)

    def start(self, argv: list[str], env: dict[str, str], fds: list[int], *, tty: bool) -> int:
        """Fork, and return the pid once the child is its own session; OSError where it cannot be.

        ``fds`` become its standard streams; with ``tty`` the first is its controlling terminal.
        """
        if any("\0" in word for word in (*argv, *env, *env.values())):
            raise ValueError("a NUL byte, which no argument and no variable can hold")
        said, saying = os.pipe()
        try:
            pid = os.fork()
            if pid == 0:
                call = fresh.Call(self.program, self._words, argv[1:], env, fds, tty, self._locked)
                fresh.run(call, self._code, self._started, saying, self._companion)
        finally:
            os.close(saying)
            # Its end is the child's word that all is set; a number, that it could not be.
            problem = os.read(said, 16)
            os.close(said)
        if problem:
            raise OSError(int(problem), os.strerror(int(problem)))
        return pid


def _companion_of(preload: Preload) -> Companion | None:
    """The companion, where it can be had; else the program's calls of it are exec'd."""
    if preload.companion is None:
        return None
    try:
        return Companion(*preload.companion)
    except WarmError:
        return None


def _compiled(program: str) -> CodeType:
    with open(program, "rb") as file:  # noqa: PTH123
        source = file.read()
    try:
        return compile(source, program, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as problem:
        raise WarmError(f"{program}: {problem}") from problem


def _has_user_site(env: Mapping[str, str]) -> bool:
    """A folder of modules in the case's own home; a virtual environment does not look there."""
    if not site.ENABLE_USER_SITE:
        return False
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return os.path.isdir(f"{env.get('HOME', '')}/.local/lib/{version}/site-packages")  # noqa: PTH112


# ---------------------------------------------------------------------- the watched import
class _Watched(os._Environ):  # type: ignore[type-arg]
    """``os.environ`` while the program is imported: notes what is read."""

    seen: set[str] = set()  # noqa: RUF012 - one import in one process

    def __getitem__(self, key: Any) -> Any:
        self.seen.add(os.fsdecode(key) if isinstance(key, str | bytes) else _ALL)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[Any]:
        self.seen.add(_ALL)
        return super().__iter__()


def _import_watched(package: str) -> set[str]:
    """Import ``package`` and all below it; the names of the variables that this read."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    held = [sys.getrefcount(stream) for stream in streams]
    kept = os.dup(1), os.dup(2)
    with open(os.memfd_create("said"), "rb", buffering=0) as said:  # noqa: PTH123
        for number in (1, 2):
            os.dup2(said.fileno(), number)
        os.environ.__class__ = os.environb.__class__ = _Watched
        try:
            _import_all(package)
        finally:
            os.environ.__class__ = os.environb.__class__ = os._Environ
            sys.stdout.flush()
            sys.stderr.flush()
            for number, fd in enumerate(kept, 1):
                os.dup2(fd, number)
                os.close(fd)
        size = os.fstat(said.fileno()).st_size
    if size:
        raise WarmError(f"{package}: prints while it is imported")
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208
        raise WarmError(f"{package}: starts threads while it is imported")
    if [sys.getrefcount(stream) for stream in streams] != held:
        raise WarmError(f"{package}: keeps a standard stream while it is imported")
    return set(_Watched.seen)


def _import_all(package: str) -> None:
    try:
        found = importlib.import_module(package)
        for name in _below(found):
            if name.rpartition(".")[2] != "__main__":
                _import_part(name)
    except BaseException as problem:  # foreign code: whatever it raises, exec has the last word
        raise WarmError(f"{package}: {type(problem).__name__}: {problem}") from problem


def _import_part(name: str) -> None:
    """A part may need what is not installed: a call that reaches it is told so, as ever."""
    try:
        importlib.import_module(name)
    except ImportError:
        sys.modules.pop(name, None)


def _below(package: ModuleType) -> list[str]:
    paths = getattr(package, "__path__", None)
    if paths is None:
        return []
    return [found.name for found in pkgutil.walk_packages(paths, f"{package.__name__}.")]
