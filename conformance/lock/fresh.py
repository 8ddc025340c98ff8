"""The child of a warmed interpreter, made to look and to end like one that was just started.

Each function does what exec(2) or the interpreter's own start and end do, in their order; the
sources are credentials(7), the kernel's exec and CPython's ``pylifecycle.c`` and ``pythonrun.c``.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import errno
import gc
import importlib.machinery
import io
import os
import signal
import site
import sys
import threading
import time
import traceback
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from conformance.lock import kernel

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from conformance.lock.companion import Companion

__all__ = ["Call", "Interpreter", "run"]

_IGNORED = {signal.SIGPIPE, signal.SIGXFSZ}  # by the interpreter's start
_UNTOUCHABLE = {signal.SIGKILL, signal.SIGSTOP}
_FAILED = 127
_UNWRITTEN = 120  # the interpreter's own: its output could not be written
_INTERRUPTED = 256  # no exit status, but death by SIGINT


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the program: as what it is started, and with what.

    ``words``: the interpreter's part of the command line; ``arguments``: the program's.
    """

    program: str
    words: list[str]
    arguments: list[str]
    env: dict[str, str]
    fds: list[int]
    tty: bool
    locked: bool


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What a started interpreter has: its path of modules, and how its streams are made."""

    path: tuple[str, ...]
    streams: tuple[tuple[str, str, bool, bool], ...]

    @classmethod
    def of_this_process(cls) -> Interpreter:
        """Read off this process, which was started with the calls' own environment."""
        given = (sys.stdin, sys.stdout, sys.stderr)
        described = (
            (each.encoding, each.errors or "strict", each.line_buffering, each.write_through)
            for each in given
            if isinstance(each, io.TextIOWrapper)
        )
        return cls(tuple(sys.path), tuple(described))


def run(
    call: Call,
    code: CodeType,
    interpreter: Interpreter,
    saying: int,
    companion: Companion | None = None,
) -> NoReturn:
    """Become the call, in a child just forked; closes ``saying`` when set, or says the errno."""
    try:
        _become(call, saying)
        main = _settle(call, interpreter)
        if companion is not None:
            companion.install()
    except OSError as problem:
        os.write(saying, b"%d" % (problem.errno or errno.EIO))
        os._exit(_FAILED)
    except BaseException:  # noqa: BLE001  - a defect of the suite: said aloud, and not as the call's
        traceback.print_exc()
        os.write(saying, b"%d" % errno.EINVAL)
        os._exit(_FAILED)
    try:
        _end(_play(code, main, saying))
    finally:
        os._exit(_FAILED)  # whatever happens: never back into the frames of the keeper


# ---------------------------------------------------------------------- as exec does
def _become(call: Call, saying: int) -> None:
    """Session, descriptors, signals, capabilities, and what others see of it in /proc."""
    os.setsid()
    fds = list(call.fds)
    if call.tty:
        # A session leader that opens a terminal gets it as its controlling one (tty_ioctl(4)).
        fds[0] = os.open(f"/proc/self/fd/{fds[0]}", os.O_RDWR)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if int(name) > 2 and int(name) != saying:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(int(name))
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - _UNTOUCHABLE:
        signal.signal(number, signal.SIG_IGN if number in _IGNORED else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if call.locked:
        kernel.drop_capabilities()
        kernel.show_memory()  # the keeper's secrets are its descriptors, closed by now
    argv = [*call.words, call.program, *call.arguments]
    kernel.rename(argv, call.env, os.path.basename(call.program))  # noqa: PTH119
    sys.orig_argv[:] = argv


# ---------------------------------------------------------------------- as the interpreter starts
def _settle(call: Call, interpreter: Interpreter) -> types.ModuleType:
    """The interpreter's own state; the new ``__main__``."""
    os.environ.clear()
    os.environ.update(call.env)
    time.tzset()
    if tempfile := sys.modules.get("tempfile"):
        vars(tempfile)["tempdir"] = None  # found anew, in this call's TMPDIR
    site.USER_BASE = site.USER_SITE = None
    site.getusersitepackages()
    sys.argv[:] = [call.program, *call.arguments]
    sys.path[:] = interpreter.path
    for name in [name for name in sys.modules if name.partition(".")[0] == "conformance"]:
        del sys.modules[name]
    opened = [_stream(number, *how) for number, how in enumerate(interpreter.streams)]
    sys.stdin, sys.stdout, sys.stderr = opened
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = opened  # type: ignore[misc]
    main = types.ModuleType("__main__")
    loader = importlib.machinery.SourceFileLoader("__main__", call.program)
    added: dict[str, Any] = {
        "__annotations__": {},
        "__builtins__": builtins,
        "__cached__": None,
        "__file__": call.program,
        "__loader__": loader,
    }
    vars(main).update(added)
    sys.modules["__main__"] = main
    return main


def _stream(
    number: int, encoding: str, errors: str, by_line: bool, through: bool
) -> io.TextIOWrapper:
    raw = io.FileIO(number, "wb" if number else "rb", closefd=False)
    raw.name = f"<{('stdin', 'stdout', 'stderr')[number]}>"
    terminal = raw.isatty()
    stream = io.TextIOWrapper(
        io.BufferedWriter(raw) if number else io.BufferedReader(raw),
        encoding,
        errors,
        newline="\n",
        line_buffering=by_line or terminal,
        write_through=through,
    )
    stream.mode = "w" if number else "r"  # type: ignore[misc]
    return stream


# ---------------------------------------------------------------------- as it runs and ends
def _play(code: CodeType, main: types.ModuleType, saying: int) -> int:
    """Run the script; its exit status, or ``_INTERRUPTED``."""
    try:
        os.close(saying)  # from now on a signal is the program's
        exec(code, vars(main))  # noqa: S102 - the program under test
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        with contextlib.suppress(Exception):  # as the interpreter: there is nobody to tell
            if sys.stderr is None:
                os.write(2, f"{end.code}\n".encode())
            else:
                print(end.code, file=sys.stderr)  # noqa: T201
        return 1
    except BaseException as error:  # noqa: BLE001  - all that nobody caught
        shown = error.__traceback__ and error.__traceback__.tb_next  # without this function's frame
        sys.excepthook(type(error), error.with_traceback(shown), shown)
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _end(status: int) -> NoReturn:
    """Wait for threads, call what was registered, write out files; then end at once.

    The interpreter would now take apart every module, which costs more than all of the rest.
    """
    _unraised(threading._shutdown, threading)  # type: ignore[attr-defined]
    _unraised(atexit._run_exitfuncs, atexit)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interpreter at its end hears nothing more
    _write_out()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError) as problem:
            if stream is sys.stdout and sys.stderr is not None:
                word = "".join(traceback.format_exception_only(problem))
                with contextlib.suppress(OSError, ValueError):
                    sys.stderr.write(f"Exception ignored in: {stream!r}\n{word}")
            status = _UNWRITTEN
    if status == _INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    ctypes.CDLL(None).fflush(None)
    os._exit(status)


def _unraised(last: Callable[[], object], owner: types.ModuleType) -> None:
    """Call it; what it raises is told, as the interpreter tells it, and changes nothing."""
    try:
        last()
    except BaseException:  # noqa: BLE001  - an interrupt, most likely
        if sys.stderr is not None:
            sys.stderr.write(f"Exception ignored in: {owner!r}\n")
            traceback.print_exc()


def _write_out() -> None:
    """Write out the files that nobody closed, as taking them apart would."""
    own = [
        each
        for stream in (sys.stdout, sys.stderr)
        for each in (stream, getattr(stream, "buffer", 0))
    ]
    made = gc.get_objects()  # since the fork: what was there before is frozen
    for kind in (io.TextIOWrapper, io.BufferedWriter):
        for file in [each for each in made if isinstance(each, kind) and each not in own]:
            with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it any more
                file.flush()
