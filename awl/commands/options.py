"""Options of every command, before or after it (RT-3, CLI-5, CLI-9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from awl.session import Session

__all__ = ["GLOBAL", "command", "session"]


def session(context: click.Context) -> Session:
    """Return the session of a call."""
    found: Session = context.find_root().obj
    return found


def _runtime(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        session(context).choose_runtime(value)


def _engine(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        session(context).choose_engine(value)


def _output(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        session(context).console.json = value == "json"


def _json(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        session(context).console.json = True


def _quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        session(context).console.quiet = True


def _verbose(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        session(context).verbose()


def _flag(*names: str, **rest: Any) -> click.Option:
    return click.Option(names, is_flag=True, expose_value=False, **rest)


GLOBAL: tuple[click.Option, ...] = (
    click.Option(
        ("--runtime",),
        metavar="NAME",
        expose_value=False,
        callback=_runtime,
        help="container (docker) or host (native).",
    ),
    click.Option(
        ("--engine",),
        metavar="ENGINE",
        expose_value=False,
        callback=_engine,
        help="auto, docker or podman.",
    ),
    click.Option(
        ("--output",),
        type=click.Choice(["text", "json"]),
        expose_value=False,
        is_eager=True,
        callback=_output,
        help="The form of results and errors.",
    ),
    _flag("--json", is_eager=True, callback=_json, help="The same as --output json."),
    _flag("--quiet", "-q", is_eager=True, callback=_quiet, help="Say nothing on the side."),
    _flag("--verbose", "-v", is_eager=True, callback=_verbose, help="Show each command it runs."),
)


def command(
    name: str,
    work: Callable[..., int | None],
    params: Sequence[click.Parameter],
    help_text: str,
    *,
    words_after: bool = False,
) -> click.Command:
    """Return the click command of `work`, which is called with the session and its parameters.

    With `words_after`, options end at the first argument: what follows belongs to somebody else.
    """

    def run(**values: Any) -> int | None:
        return work(session(click.get_current_context()), **values)

    return click.Command(
        name,
        params=[*params, *GLOBAL],
        callback=run,
        help=help_text,
        context_settings={
            "help_option_names": ["-h", "--help"],
            "allow_interspersed_args": not words_after,
        },
    )
