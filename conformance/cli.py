"""``awl-conformance``: run the suite, look into it, play one cell again.

Exit codes (KIT-5): 0 conformant · 1 not · 2 usage or bad data · 3 the environment lacks something ·
4 incomplete, or nothing was run.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import click

    from conformance import __version__, resources
    from conformance.catalogue.case import Cell, Suite
    from conformance.catalogue.dataerror import nearest
    from conformance.catalogue.matrix import expand, select, unmatched
    from conformance.commands_report import COMMANDS
    from conformance.kit import explain as explaining
    from conformance.kit.cells import cells_document
    from conformance.kit.coverage import coverage
    from conformance.kit.options import (
        data_of,
        make_folder,
        refuse_unknown_runtimes,
        selection,
        usable_program,
    )
    from conformance.kit.replay import replay as replay_cell
    from conformance.reports.contract_page import contract_page
    from conformance.reports.events import discard
    from conformance.reports.shard import parse_shard
    from conformance.world.engines import abilities_of
except ModuleNotFoundError as _missing:
    if (_missing.name or "").partition(".")[0] == "conformance":
        raise
    sys.stderr.write(
        f"awl-conformance: the suite's libraries are not installed ({_missing})\n"
        "hint: pip install 'agent-workspace-launcher[conformance]'\n"
    )
    sys.exit(3)

__all__ = ["main"]

_NOTHING, _INTERRUPTED = 4, 130
# Below this many cells, starting workers costs more than it saves.
_ALONE = 12
# Cells wait a good part of their time, for signals, locks and limits: two share a core well.
_PER_CORE = 2


def _load(matrices: Path | None, *, draft: bool = False) -> Suite:
    folder = (matrices or resources.matrices()).absolute()
    if folder.is_dir() and not any(folder.glob("cases/*.yaml")):
        click.echo(f"awl-conformance: the matrix is empty: no cases in {folder}", err=True)
        sys.exit(_NOTHING)
    return data_of(folder, allow_gaps=draft)


def _chosen(
    suite: Suite, runtimes: tuple[str, ...], expression: str, engine: str
) -> tuple[Cell, ...]:
    """The cells of a selection; exits where there are none."""
    refuse_unknown_runtimes(runtimes, suite.contract.runtimes)
    cells = expand(suite, runtimes or None)
    if expression:
        try:
            cells = select(expression, cells)
        except ValueError as error:
            raise click.UsageError(f"--select {expression}: {error}") from error
    able = abilities_of(engine)
    found = tuple(cell for cell in cells if cell.case.needs <= able)
    if not found:
        click.echo("awl-conformance: no cell is selected, so nothing would be proved", err=True)
        for word in unmatched(expression, expand(suite)) if expression else ():
            click.echo(f"hint: {_called_nothing(suite, word)}", err=True)
        click.echo("hint: awl-conformance cases", err=True)
        sys.exit(_NOTHING)
    return found


def _refuse_unknown(suite: Suite, skip: str) -> None:
    """See that each word of what is to be skipped names a cell: a typo would skip nothing."""
    try:
        words = unmatched(skip, expand(suite)) if skip else ()
    except ValueError as error:
        raise click.UsageError(f"--skip {skip}: {error}") from error
    if words:
        raise click.UsageError(f"--skip {skip}: {_called_nothing(suite, words[0])}")


def _called_nothing(suite: Suite, word: str) -> str:
    hint = nearest(word, explaining.names(suite))
    return f"no cell is called {word!r}" + (f"; nearest: {hint!r}" if hint else "")


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--runtime", "runtimes", multiple=True, metavar="R", help="only this runtime"),
    click.option(
        "--engine",
        type=click.Choice(["fake", "docker", "podman"]),
        default="fake",
        show_default=True,
        help="what stands as `docker` on the target's PATH",
    ),
    click.option(
        "--program",
        metavar="PATH",
        callback=usable_program,
        help="the launcher under test  [default: awl]",
    ),
    click.option("--image", default="", metavar="I", help="image of workspaces (real engines)"),
    click.option("--matrices", type=click.Path(path_type=Path), help="other data than the suite's"),
    click.option("--lock", type=click.Choice(["auto", "off"]), default="auto", hidden=True),
    click.option(
        "--draft", is_flag=True, help="data may have gaps; the verdict is then incomplete"
    ),
    click.option("--keep", is_flag=True, help="keep the sandboxes for a look"),
)


def _target_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


# Commands that stand in a package of their own, which is imported when they are called: Hypothesis
# alone takes a third of a second.
_APART = {
    "certify": "conformance.certify.command:certify",
    "compare": "conformance.compare.command:compare_command",
    "faults": "conformance.faults.command:faults",
    "model": "conformance.model.command:model",
}


class _Group(click.Group):
    """Knows the commands that stand apart, and ends as a shell expects of what Ctrl-C ended.

    click itself would end with 1 there, a verdict.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_APART})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _APART:
            return super().get_command(ctx, cmd_name)
        module, _, function = _APART[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            hint = nearest(args[0], self.list_commands(ctx))
            ctx.fail(f"no command is called {args[0]!r}" + (f"; nearest: {hint}" if hint else ""))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nawl-conformance: interrupted", err=True)
            ctx.exit(_INTERRUPTED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="awl-conformance")
def main() -> None:
    """Says what a workspace runtime must do, and whether one does it."""


@main.command()
@_target_options
@click.option(
    "--select", "expression", callback=selection, metavar="EXPR", help="e.g. 'RM-1c and host'"
)
@click.option("--skip", default="", metavar="EXPR", help="plan these cells, do not play them")
@click.option(
    "--fork-server",
    type=click.Choice(["auto", "off"]),
    default="auto",
    show_default=True,
    help="auto: fork the calls of a Python launcher that is installed beside the suite",
)
@click.option("--seed", type=int, default=0, help="the order of cells; results do not depend on it")
@click.option(
    "-n",
    "workers",
    default="auto",
    metavar="WORKERS",
    help="processes  [default: auto, two for each core]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, writable=True),
    default=Path("conformance-results"),
    show_default=True,
    help="where results go",
)
@click.option("--shard", default="", metavar="I/N", help="one part of the plan, to be merged")
@click.option("--json", "events", is_flag=True, help="events on stdout, a JSON line each")
@click.option("--no-first-word", is_flag=True, hidden=True)
def run(
    runtimes: tuple[str, ...],
    engine: str,
    program: str | None,
    image: str,
    matrices: Path | None,
    lock: str,
    draft: bool,
    keep: bool,
    expression: str,
    skip: str,
    fork_server: str,
    seed: int,
    workers: str,
    out: Path,
    shard: str,
    events: bool,
    no_first_word: bool,
) -> None:
    """Run the contract's cells against a launcher and give a verdict.

    Results and every report of them are left in one folder (--out).
    """
    try:
        parts = parse_shard(shard)[1] if shard else 1
    except ValueError as error:
        raise click.UsageError(f"--shard {error}") from error
    suite = _load(matrices, draft=draft)
    count = len(_chosen(suite, runtimes, expression, engine)) // parts
    _refuse_unknown(suite, skip)
    folder = (matrices or resources.matrices()).absolute()
    import pytest

    from conformance.plugin import case_files

    make_folder(out)
    arguments = [
        *("-p", "conformance.plugin", "-p", "no:terminal", "-p", "no:cacheprovider"),
        # Else it would leave a folder of its own beside that of the run.
        *("-p", "no:tmpdir"),
        # The person's own pytest configuration has no say in what is conformant.
        *("-c", os.devnull, "--rootdir", str(folder)),
        *("--awl-page", "--awl-engine", engine, "--awl-out", str(out), "--awl-lock", lock),
        *("--awl-matrices", str(folder), "--awl-image", image, "--awl-select", expression),
        *("--awl-seed", str(seed), "--awl-skip", skip, "--awl-fork-server", fork_server),
        *(f"--awl-runtime={runtime}" for runtime in runtimes),
        *((f"--awl-program={program}",) if program else ()),
        *(("--awl-shard", shard) if shard else ()),
        *(("--awl-events",) if events else ()),
        *(("--awl-draft",) if draft else ()),
        *(("--awl-keep",) if keep else ()),
        *(("--awl-no-first-word",) if no_first_word else ()),
        *_distribution(workers, count),
        *map(str, case_files(folder)),
    ]
    code = int(pytest.main(arguments))
    _let_go_of_streams()
    sys.exit(code)


def _let_go_of_streams() -> None:
    """Write out what is left. Where a reader has gone, it goes nowhere: the interpreter would find
    that out at its very end, and end with 120 whatever the verdict is.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            discard(stream)


def _distribution(workers: str, cells: int) -> tuple[str, ...]:
    if workers != "auto" and not workers.isdigit():
        raise click.UsageError(f"-n {workers}: expected a number of processes or auto")
    cores = len(os.sched_getaffinity(0))
    number = int(workers) if workers != "auto" else (1 if cells <= _ALONE else cores * _PER_CORE)
    return ("-n", str(number), "--dist", "worksteal") if number > 1 else ("-p", "no:xdist")


@main.command()
@click.option("--runtime", "runtimes", multiple=True, metavar="R", help="only this runtime")
@click.option("--engine", type=click.Choice(["fake", "docker", "podman"]), default="fake")
@click.option(
    "--select", "expression", callback=selection, metavar="EXPR", help="e.g. 'RM-1c and host'"
)
@click.option("--matrices", type=click.Path(path_type=Path), help="other data than the suite's")
@click.option("--draft", is_flag=True, help="data may have gaps")
@click.option("--json", "as_json", is_flag=True, help="one JSON document")
def cases(
    runtimes: tuple[str, ...],
    engine: str,
    expression: str,
    matrices: Path | None,
    draft: bool,
    as_json: bool,
) -> None:
    """List the cells that a run would play."""
    suite = _load(matrices, draft=draft)
    found = _chosen(suite, runtimes, expression, engine)
    if as_json:
        click.echo(json.dumps(cells_document(suite, found), indent=2))
        return
    for cell in found:
        click.echo(cell.id)
    click.echo(f"{len(found)} cells of {len({c.case.id for c in found})} cases", err=True)


@main.command()
@click.argument("id_", metavar="ID")
@click.option("--matrices", type=click.Path(path_type=Path), help="other data than the suite's")
def explain(id_: str, matrices: Path | None) -> None:
    """Say what a requirement, case, cell, command, error code or exit code is."""
    suite = _load(matrices, draft=True)
    text = explaining.explain(suite, id_)
    if text is None:
        hint = nearest(id_, explaining.names(suite))
        raise click.UsageError(
            f"nothing is called {id_!r}" + (f"; nearest: {hint}" if hint else "")
        )
    click.echo(text)


@main.command()
@click.option("--matrices", type=click.Path(path_type=Path), help="other data than the suite's")
def contract(matrices: Path | None) -> None:
    """Print the contract as a Markdown page."""
    click.echo(contract_page(_load(matrices, draft=True)), nl=False)


@main.command()
@click.argument("cell_id", metavar="CELL")
@_target_options
def replay(
    cell_id: str,
    runtimes: tuple[str, ...],
    engine: str,
    program: str | None,
    image: str,
    matrices: Path | None,
    lock: str,
    draft: bool,
    keep: bool,
) -> None:
    """Play one cell again and show every command with what it printed."""
    suite = _load(matrices, draft=draft)
    refuse_unknown_runtimes(runtimes, suite.contract.runtimes)
    cells = {cell.id: cell for cell in expand(suite, runtimes or None)}
    if cell_id not in cells:
        hint = nearest(cell_id, cells)
        near = f"; nearest: {hint}" if hint else ""
        raise click.UsageError(f"no cell {cell_id!r}{near}")
    sys.exit(
        replay_cell(
            suite,
            cells[cell_id],
            engine=engine,
            program=program,
            image=image,
            matrices=matrices,
            lock=lock != "off",
            keep=keep,
        )
    )


for _command in (*COMMANDS, coverage):
    main.add_command(_command)


if __name__ == "__main__":
    main()
