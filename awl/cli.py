"""The entry point: one call from the command line to its exit code.

The plain forms of what is called most are read by `awl.quick`: importing click takes longer than
all else that `exec` does; every other line, and every mistake, goes to click (`awl.group`).
"""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from awl import quick
from awl.console import silence
from awl.errors import AwlError, EngineError, Interrupted, NoCommand, NoSpace
from awl.exits import exit_code_of
from awl.session import Session

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

# Objects made before garbage is looked for: nearly all are modules, and stay. With what is saved at
# the end it is a tenth of the time of `exec`.
_PLENTY = 50_000
_NAMES = ("awl", "agent-workspace-launcher")


def main(arguments: list[str] | None = None) -> int:
    """Run one call of the launcher and return its exit code; it never raises."""
    gc.set_threshold(_PLENTY)
    try:
        return _main(arguments)
    finally:
        gc.freeze()  # nothing is left to collect that the end of the process does not


def _main(arguments: list[str] | None) -> int:
    _open_standard_streams()
    name = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 - text
    program = name if name in _NAMES else _NAMES[0]
    call = Session(program, sys.argv[1:] if arguments is None else arguments)
    try:
        _catch_signals()
        code = quick.run(call)
        if code is None:
            from awl import group

            code = group.run(call)
        call.console.flush_warnings()
    except AwlError as error:
        return _report(call, error)
    except KeyboardInterrupt:
        return _report(call, Interrupted("a signal ended the launcher; nothing is left half made"))
    except BrokenPipeError:  # whoever closed the pipe has seen enough
        silence(sys.stdout)
        return 0
    except OSError as error:
        return _report(call, _of_system(error))
    except Exception as error:  # the last resort: no input shall show a traceback
        if os.environ.get("AWL_DEBUG"):
            raise
        return _report(call, _of_bug(error))
    return code


def _open_standard_streams() -> None:
    """See that 0, 1 and 2 are open: a file opened later must not become standard output.

    Names of files need not be text, and come out as they are.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _catch_signals() -> None:
    """Have a request to end clean up, as Ctrl-C does; signals that are ignored stay so."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_IGN)  # once: a second one must not stop the cleaning up
        raise KeyboardInterrupt(number)

    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, end)


def _report(call: Session, error: AwlError) -> int:
    """Print `error` in the form that was asked for, and return its exit code."""
    from awl import commandline
    from awl.redact import redact, shell_line

    json = commandline.is_json(call.arguments)
    code = exit_code_of(error, hands_through=commandline.command_of(call.arguments) == "exec")
    hints = list(error.hint)
    if isinstance(error, EngineError):
        line = shell_line(commandline.with_runtime(call.program, call.arguments, "host"))
        hints += [
            f"without an engine: {line}",
            "or for all calls: export AGENT_WORKSPACE_RUNTIME=host",
        ]
    message = redact(error.message)
    hints = [redact(hint) for hint in hints]
    if not json:
        if isinstance(error, NoCommand):
            call.console.error(message)
            return code
        lines = [f"{call.program}: error[{error.code}]: {message}"]
        call.console.error("\n".join([*lines, *(f"hint: {hint}" for hint in hints)]))
        return code
    from json import dumps

    if isinstance(error, NoCommand):
        message, hints = "no command was given", [f"see {call.program} --help"]
    body: dict[str, Any] = {
        "code": error.code,
        "message": message,
        "hint": "\n".join(hints) or None,
        "exit_code": code,
    }
    if error.details:
        body["details"] = error.details
    if warnings := call.console.take_warnings():
        body["warnings"] = warnings
    call.console.error(redact(dumps({"schema_version": 1, "error": body}, indent=2)))
    return code


def _of_system(error: OSError) -> AwlError:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpace(f"{where}{error.strerror}", "see what could go: df -h")
    return AwlError(f"{where}{error.strerror or error}")


def _of_bug(error: Exception) -> AwlError:
    return AwlError(
        f"the launcher itself has failed: {type(error).__name__}: {error}",
        "please report it, with what AWL_DEBUG=1 shows",
    )
