"""What several commands ask of their options before anything is begun or written."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

import click

from conformance import resources
from conformance.catalogue.case import Suite
from conformance.catalogue.contract import Runtime
from conformance.catalogue.dataerror import DataErrors, nearest
from conformance.catalogue.matrix import load_suite
from conformance.world.program import why_unusable

__all__ = [
    "data_of",
    "make_folder",
    "refuse_data",
    "refuse_unknown_runtimes",
    "selection",
    "stop",
    "usable_program",
    "write_out",
]

_USAGE = 2


def stop(message: object, code: int = _USAGE) -> NoReturn:
    """End with a message of one line or several."""
    for line in str(message).splitlines():
        click.echo(f"awl-conformance: {line}", err=True)
    sys.exit(code)


def refuse_data(error: DataErrors) -> NoReturn:
    """End with every defect of the data."""
    for defect in error.errors:
        click.echo(str(defect), err=True)
    stop(f"{len(error.errors)} defects in the data")


def data_of(matrices: Path | None, *, allow_gaps: bool) -> Suite:
    """The data of ``--matrices``, else the suite's own; ends where it has defects."""
    try:
        return load_suite((matrices or resources.matrices()).absolute(), allow_gaps=allow_gaps)
    except DataErrors as error:
        refuse_data(error)


def usable_program(
    _context: click.Context, _option: click.Parameter, program: str | None
) -> str | None:
    """Callback of ``--program``: a usage error where no process can be started from it."""
    if program and (problem := why_unusable(program)):
        raise click.UsageError(f"--program {program}: {problem}")
    return program


def selection(_context: click.Context, _option: click.Parameter, expression: str | None) -> str:
    """Callback of ``--select``: nothing where it was not given, a usage error where it is empty.

    An unset variable of a script would else play everything, or what was meant to be a part.
    """
    if expression is not None and not expression.strip():
        raise click.UsageError("--select '' selects nothing; every cell is: --select all")
    return "" if expression is None or expression.strip() == "all" else expression


def make_folder(folder: Path, option: str = "--out") -> None:
    """Make the folder of results; a usage error where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{option} {folder}: {error.strerror}") from error


def write_out(text: str, out: Path | None) -> None:
    """Write ``text`` into the file of ``--out``, or to stdout; a usage error where it cannot be."""
    if out is None:
        click.echo(text, nl=False)
        return
    make_folder(out.parent)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--out {out}: {error.strerror}") from error
    click.echo(f"written: {out}", err=True)


def refuse_unknown_runtimes(runtimes: Iterable[str], known: Mapping[str, Runtime]) -> None:
    """A usage error for the first of ``runtimes`` that is none of ``known``, with the nearest.

    Cells are called by canonical names; another name of a runtime leads to that.
    """
    aliases = {alias: id_ for id_, one in known.items() for alias in one.aliases}
    for runtime in runtimes:
        if runtime not in known:
            near = aliases.get(runtime.strip().lower()) or nearest(runtime, known)
            hint = f" (nearest: {near!r})" if near else ""
            raise click.UsageError(
                f"--runtime {runtime}: not one of {', '.join(sorted(known))}{hint}"
            )
