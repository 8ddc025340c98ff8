"""The command line as click has it: a lazy group of commands, and click's errors in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from awl import commands
from awl.commands.options import GLOBAL, session
from awl.errors import (
    AwlError,
    NoCommand,
    RuntimeInvalid,
    UnknownCommand,
    UnknownOption,
    UsageError,
    ValueInvalid,
)

if TYPE_CHECKING:
    from awl.session import Session

__all__ = ["run"]


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
    epilog="exit codes: help exit-codes; variables: help environment",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(call: Session) -> int:
    """Run one call and return its exit code; whatever is wrong with the line raises `AwlError`."""
    try:
        code = _GROUP.main(
            args=list(call.arguments), prog_name=call.program, obj=call, standalone_mode=False
        )
    except click.exceptions.NoArgsIsHelpError as error:
        raise NoCommand(error.format_message()) from error
    except click.ClickException as error:
        raise _of_click(call, error) from error
    except click.Abort as error:
        raise KeyboardInterrupt from error
    return code if isinstance(code, int) else 0


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
    if isinstance(error, click.MissingParameter):
        return UsageError(_what_is_missing(error, path), see)
    if isinstance(error, click.BadParameter):
        return _of_value(error, see)
    if "Missing command" in error.format_message():
        return NoCommand(context.find_root().get_help() if context else see)
    return UsageError(error.format_message(), see)


def _what_is_missing(error: click.MissingParameter, path: str) -> str:
    param = error.param
    if param is None:
        return error.format_message()
    if isinstance(param.type, click.Choice):
        return f"{path} needs one of: {', '.join(param.type.choices)}"
    return f"{path} needs {param.human_readable_name}"


def _of_value(error: click.BadParameter, see: str) -> AwlError:
    """Return the error of a value; of a word that is none of several, with the nearest of them."""
    param = error.param
    given, known, _ = error.message.partition(" is not one of ")
    if param is None or not known or not isinstance(param.type, click.Choice):
        return ValueInvalid(error.format_message(), see)
    words = param.type.choices
    where = f"{param.opts[0]} " if isinstance(param, click.Option) else ""
    near = _did_you_mean(given.strip("'"), words, "")
    return ValueInvalid(f"{where}{given} is none of: {', '.join(words)}", *near, see)


#: What other programs call it; an option that means nothing here ("-r") has no near one either.
_SYNONYMS = {
    **dict.fromkeys(("remove", "delete", "destroy"), "rm"),
    **dict.fromkeys(("shell", "enter", "run", "ssh"), "exec"),
    **dict.fromkeys(("inspect", "info", "show"), "status"),
    **dict.fromkeys(("new", "add", "init"), "create"),
    **dict.fromkeys(("list", "ps"), "ls"),
    "-f": "--force",
    "-r": None,
    "-V": "--version",
}
#: Suggested for a slip of one key only: whoever follows a wrong hint to these loses work.
_DESTRUCTIVE = frozenset({"reset", "rm"})


def _did_you_mean(given: str, known: Any, program: str) -> list[str]:
    """Return the hint with the one of `known` that is meant by another name, or is nearest."""
    if given in _SYNONYMS:
        near = [name for name in known if name == _SYNONYMS[given]]
    else:
        import difflib

        safe = [name for name in known if name not in _DESTRUCTIVE or _one_edit(given, name)]
        near = difflib.get_close_matches(given, safe, 1, 0.4)
    return [f"did you mean: {f'{program} {match}'.strip()}" for match in near]


def _one_edit(given: str, name: str) -> bool:
    """Tell whether one character more, less, other or swapped with the next is between them."""
    same = next((i for i, (a, b) in enumerate(zip(given, name, strict=False)) if a != b), None)
    if same is None:
        return abs(len(given) - len(name)) <= 1
    left, right = given[same:], name[same:]
    swapped = left[1::-1] + left[2:]
    return right in (left[1:], right[:1] + left, right[:1] + left[1:], swapped)
