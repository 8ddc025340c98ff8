"""A second script that the warm program calls again and again: its calls are forked as well.

A launcher calls its engine's client several times in a case. Where that client is the suite's own
fake, a Python script too, each call would start an interpreter anew. So the fake is imported beside
the program, out of its sight, and the two doors through which a Python program starts another
(``subprocess`` and ``os.posix_spawn``) lead to a fork where the script that they name is the fake.
The child is made as exec and the interpreter's start would make it; every other call goes through
unchanged, and so does one of these in a way that is not known here.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import io
import os
import pkgutil
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from conformance.lock import kernel
from conformance.lock.preload import WarmError, interpreter_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import CodeType, ModuleType

__all__ = ["Companion"]

_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)  # by the interpreter's start
_UNTOUCHABLE = {signal.SIGKILL, signal.SIGSTOP}
_CRASHED, _FAILED = 1, 127
_LOCALE = "C.UTF-8"  # in which the zygote runs (see ``sandbox.COMMON_ENVIRONMENT``)
# What ``_posixsubprocess.fork_exec`` takes, of which only these matter; a build of Python that has
# another number of them is left alone.
_ARGUMENTS = 23


class Companion:
    """A script of ``-IS`` Python with a package beside it. Made in the zygote, used by its forks.

    ``script``: its path; ``folder`` and ``package``: what it imports. Raises WarmError where it
    cannot be had warm.
    """

    def __init__(self, script: str, folder: str, package: str) -> None:
        self.script = os.path.realpath(script)
        self._words = interpreter_of(script)
        if os.path.realpath(self._words[0]) != os.path.realpath(sys.executable):
            raise WarmError(f"{script}: of another interpreter ({self._words[0]})")
        with open(script, "rb") as file:  # noqa: PTH123
            self._code: CodeType = compile(file.read(), script, "exec", dont_inherit=True)
        self._modules = _import_aside(folder, package)

    def install(self) -> None:
        """Lead this process's calls of the script to a fork; in a child that is the program."""
        import subprocess

        own: Any = subprocess  # its private door, the only one which all of its functions share
        own._fork_exec = self._instead_of_fork_exec(own._fork_exec)
        os.posix_spawn = self._instead_of_posix_spawn(os.posix_spawn)

    def is_called_by(self, path: object) -> bool:
        """Whether this path, as exec(2) takes it, is the script."""
        name = os.fsdecode(path) if isinstance(path, str | bytes) else ""
        return "/" in name and os.path.realpath(name) == self.script

    # ------------------------------------------------------------------ the two doors
    def _instead_of_fork_exec(self, execute: Callable[..., int]) -> Callable[..., int]:
        def fork_exec(*given: Any) -> int:
            if len(given) != _ARGUMENTS or len(given[1]) != 1 or not self.is_called_by(given[1][0]):
                return execute(*given)
            (argv, (path,), close_fds, kept, cwd, env, *numbers) = given
            (read_in, _, _, write_out, _, write_err, _, saying, restore, session, group) = numbers[
                :11
            ]
            named = _environment(env)
            if [*numbers[11:14], numbers[15]] != [None] * 4 or not close_fds or not _fits(named):
                return execute(*given)  # another user, or a function of the caller's own

            def settle() -> None:
                if restore:
                    _reset(_IGNORED)
                _place({0: read_in, 1: write_out, 2: write_err})
                try:
                    if cwd is not None:
                        os.chdir(cwd)
                except OSError as error:
                    os.write(saying, b"OSError:%X:noexec" % (error.errno or 0))
                    os._exit(_FAILED)
                if numbers[14] >= 0:
                    os.umask(numbers[14])
                if session:
                    os.setsid()
                if group >= 0:
                    os.setpgid(0, group)
                for fd in {*kept} - {saying}:  # the pipe of errors closes by itself in an exec
                    os.set_inheritable(fd, True)
                _close(lambda fd: fd not in kept or fd == saying)

            return self._fork(os.fsdecode(path), argv, named, settle)

        return fork_exec

    def _instead_of_posix_spawn(self, spawn: Callable[..., int]) -> Callable[..., int]:
        def posix_spawn(path: Any, argv: Any, env: Any, /, **options: Any) -> int:
            known = {"file_actions", "setpgroup", "setsigmask", "setsigdef"}
            actions = options.get("file_actions") or ()
            plain = all(action[0] == os.POSIX_SPAWN_DUP2 for action in actions)
            named = {os.fsdecode(key): os.fsdecode(value) for key, value in env.items()}
            fits = plain and options.keys() <= known and _fits(named)
            if not fits or not self.is_called_by(path):
                return spawn(path, argv, env, **options)

            def settle() -> None:
                _reset(options.get("setsigdef", ()))
                if "setpgroup" in options:
                    os.setpgid(0, options["setpgroup"])
                _place({target: source for _, source, target in actions})
                if "setsigmask" in options:
                    signal.pthread_sigmask(signal.SIG_SETMASK, options["setsigmask"])
                _close(lambda fd: bool(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC))

            return self._fork(os.fsdecode(path), argv, named, settle)

        return posix_spawn

    # ------------------------------------------------------------------ the child
    def _fork(
        self,
        path: str,
        argv: Sequence[str | bytes],
        env: Mapping[str, str],
        settle: Callable[[], None],
    ) -> int:
        """Fork, and return the pid once the child has done what comes before exec."""
        told, telling = os.pipe()
        # Until it is the script the child has the program's handlers, and no signal is for them: as
        # between fork and exec, where the kernel takes them away.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
        except OSError:  # too many processes, and the program is to hear of it
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            raise
        if pid == 0:
            try:
                _forget_handlers()
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
                os.close(told)
                settle()
                with contextlib.suppress(OSError):  # most likely closed already
                    os.close(telling)
                self._become(path, [os.fsdecode(word) for word in argv], env)
            except BaseException:  # noqa: BLE001  - as the interpreter: told, and the end
                sys.stderr = _stream(2)
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(_CRASHED)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(telling)
        with contextlib.suppress(InterruptedError):
            os.read(told, 1)  # its end: the pipe is closed
        os.close(told)
        return pid

    def _become(self, path: str, argv: list[str], env: Mapping[str, str]) -> NoReturn:
        """Be the script: signals, names, environment, modules; it ends the process itself."""
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        kernel.rename([*self._words, path, *argv[1:]], env, os.path.basename(path))  # noqa: PTH119
        os.environ.clear()
        os.environ.update(env)
        sys.argv[:] = [path, *argv[1:]]
        sys.stdin, sys.stdout, sys.stderr = (_stream(number) for number in range(3))
        sys.modules.update(self._modules)
        exec(self._code, {"__name__": "__main__", "__file__": path})  # noqa: S102  - the fake
        sys.stdout.flush()
        os._exit(0)


def _import_aside(folder: str, package: str) -> dict[str, ModuleType]:
    """Import a package with all below it, and take it out of sight again; its modules by name."""
    if package in sys.modules:
        raise WarmError(f"{package}: the program has a module of this name itself")
    sys.path.insert(0, folder)
    try:
        found = importlib.import_module(package)
        for each in pkgutil.walk_packages(found.__path__, f"{package}."):
            importlib.import_module(each.name)
    except ImportError as problem:
        raise WarmError(f"{folder}/{package}: {problem}") from problem
    finally:
        sys.path.remove(folder)
        names = [name for name in sys.modules if name.partition(".")[0] == package]
        modules = {name: sys.modules.pop(name) for name in names}
    return modules


def _environment(env: Sequence[bytes] | None) -> dict[str, str]:
    """The variables as ``subprocess`` hands them over; None: this process's own."""
    if env is None:
        return dict(os.environ)
    pairs = (os.fsdecode(each).partition("=") for each in env)
    return {name: value for name, _, value in pairs}


def _fits(env: Mapping[str, str]) -> bool:
    """Whether an interpreter started with these variables would read text as this one does.

    Without a locale it would choose one, and say so to its children (PEP 538).
    """
    return env.get("LC_ALL") == _LOCALE and not env.keys() & {"LD_PRELOAD", "LD_LIBRARY_PATH"}


def _forget_handlers() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - _UNTOUCHABLE:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


def _reset(signals: Any) -> None:
    for number in set(signals) - _UNTOUCHABLE:
        with contextlib.suppress(OSError):  # two that are the C library's own
            signal.signal(number, signal.SIG_DFL)


def _place(fds: Mapping[int, int]) -> None:
    """Make each of these descriptors that number; -1 leaves the number as it is."""
    # Out of each other's way first: one may stand where another shall go.
    moved = {n: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for n, fd in fds.items() if fd >= 0}
    for number, fd in moved.items():
        os.dup2(fd, number)


def _close(unwanted: Callable[[int], bool]) -> None:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):  # the listing's own
            if int(name) > 2 and unwanted(int(name)):
                os.close(int(name))


def _stream(number: int) -> io.TextIOWrapper:
    raw = io.FileIO(number, "wb" if number else "rb", closefd=False)
    buffered = io.BufferedWriter(raw) if number else io.BufferedReader(raw)
    return io.TextIOWrapper(buffered, "utf-8", "surrogateescape", write_through=number == 2)
