"""What several commands ask of their options before anything is begun or written."""

from collections.abc import Collection, Iterable
from pathlib import Path

import click

from conformance.catalogue.dataerror import nearest
from conformance.world.program import why_unusable

__all__ = ["make_folder", "refuse_unknown_runtimes", "usable_program", "write_out"]


def usable_program(
    _context: click.Context, _option: click.Parameter, program: str | None
) -> str | None:
    """Callback of ``--program``: a usage error where no process can be started from it."""
    if program and (problem := why_unusable(program)):
        raise click.UsageError(f"--program {program}: {problem}")
    return program


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


def refuse_unknown_runtimes(runtimes: Iterable[str], known: Collection[str]) -> None:
    """A usage error for the first of ``runtimes`` that is none of ``known``, with the nearest."""
    for runtime in runtimes:
        if runtime not in known:
            near = nearest(runtime, known)
            hint = f" (nearest: {near!r})" if near else ""
            raise click.UsageError(
                f"--runtime {runtime}: not one of {', '.join(sorted(known))}{hint}"
            )
