"""The command line: a lazy group of commands, and the one place where errors become output."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from awl import commands
from awl.commands.options import GLOBAL, session
from awl.console import silence
from awl.errors import (
    AwlError,
    EngineError,
    Interrupted,
    RuntimeInvalid,
    UnknownCommand,
    UnknownOption,
    UsageError,
    ValueInvalid,
    exit_code_of,
)
from awl.session import Session

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

_NAMES = ("awl", "agent-workspace-launcher")


class _Group(click.Group):
    """Commands that are imported when they are called, and listed without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(commands.NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        return commands.load(cmd_name) if cmd_name in commands.NAMES else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in commands.NAMES:
            raise UnknownCommand(
                f"no command {args[0]!r}; commands: {', '.join(commands.NAMES)}",
                *_did_you_mean(args[0], commands.NAMES, session(ctx).program),
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(commands.NAMES.items()))


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from awl.commands.version_command import version

        version(session(context))
        context.exit()


_GROUP = _Group(
    "awl",
    params=[
        *GLOBAL,
        click.Option(
            ("--version",),
            is_flag=True,
            expose_value=False,
            callback=_version,
            help="Show version.",
        ),
    ],
    help="Make, list, enter and remove the workspaces in which coding agents work.",
    epilog="exit codes: help exit-codes",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: list[str] | None = None) -> int:
    """Run one call of the launcher and return its exit code; it never raises."""
    _open_standard_streams()
    name = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 - text
    program = name if name in _NAMES else _NAMES[0]
    call = Session(program, sys.argv[1:] if arguments is None else arguments)
    try:
        _catch_signals()
        code = _GROUP.main(
            args=list(call.arguments), prog_name=program, obj=call, standalone_mode=False
        )
        call.console.flush_warnings()
    except click.exceptions.NoArgsIsHelpError as error:
        return _no_command(call, error)
    except AwlError as error:
        return _report(call, error)
    except click.ClickException as error:
        return _report(call, _of_click(call, error))
    except (KeyboardInterrupt, click.Abort):
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
    return code if isinstance(code, int) else 0


def _open_standard_streams() -> None:
    """See that 0, 1 and 2 are open: a file opened later must not become standard output."""
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


def _no_command(call: Session, error: click.UsageError) -> int:
    from awl.commandline import is_json

    if is_json(call.arguments):
        return _report(call, UsageError("no command was given", f"see {call.program} --help"))
    call.console.error(error.format_message())
    return UsageError.exit_code


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
        lines = [f"{call.program}: error[{error.code}]: {message}"]
        call.console.error("\n".join([*lines, *(f"hint: {hint}" for hint in hints)]))
        return code
    from json import dumps

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


def _of_click(call: Session, error: click.ClickException) -> AwlError:
    """Return the error of the contract for one of click's."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else call.program
    see = f"see {path} --help"
    if isinstance(error, click.NoSuchOption):
        known = [name for param in context.command.params for name in param.opts] if context else []
        return UnknownOption(
            f"no option {error.option_name} of {path}",
            *_did_you_mean(error.option_name, [*known, "--help"], ""),
            see,
        )
    if isinstance(error, click.BadOptionUsage) and error.option_name == "--runtime":
        return RuntimeInvalid(
            "'' (nothing), from --runtime, is not a runtime; accepted: container, host",
            f"such as {call.program} --runtime host …",
        )
    if isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter):
        return ValueInvalid(error.format_message(), see)
    if "Missing command" in error.format_message():
        return UsageError("no command was given", see)
    return UsageError(error.format_message(), see)


def _of_system(error: OSError) -> AwlError:
    where = f"{error.filename}: " if error.filename else ""
    return AwlError(f"{where}{error.strerror or error}")


def _of_bug(error: Exception) -> AwlError:
    return AwlError(
        f"the launcher itself has failed: {type(error).__name__}: {error}",
        "please report it, with what AWL_DEBUG=1 shows",
    )


def _did_you_mean(given: str, known: Any, program: str) -> list[str]:
    import difflib

    near = difflib.get_close_matches(given, list(known), 1, 0.4)
    return [f"did you mean: {f'{program} {match}'.strip()}" for match in near]
