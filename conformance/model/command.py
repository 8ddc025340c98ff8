"""``awl-conformance model``: does the program do what a small model of it does (KIT-7)?

Exit codes: 0 no difference · 1 a difference, or no launcher at all · 2 usage or bad data · 3 the
environment lacks something · 4 nothing was played.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import evolve

from conformance import resources
from conformance.kit.options import data_of, make_folder, refuse_unknown_runtimes, usable_program
from conformance.lock.client import LockError
from conformance.model.campaign import campaign
from conformance.model.script import script, shows
from conformance.model.search import Plan
from conformance.model.strategy import KINDS
from conformance.reports.again import command_line, target_words
from conformance.run import EnvironmentProblem, Options, Run
from conformance.world.program import default_program

if TYPE_CHECKING:
    from conformance.model.campaign import Report
    from conformance.settings import Settings

__all__ = ["model"]

_FOUND, _ENVIRONMENT, _NOTHING = 1, 3, 4
# Much more than any step of a good launcher takes; one that hangs is found out in this time.
_STEP_SECONDS = 30.0


@click.command()
@click.option("--runtime", "runtimes", multiple=True, metavar="R", help="only this runtime")
@click.option(
    "--program",
    metavar="PATH",
    callback=usable_program,
    help="the launcher under test  [default: awl]",
)
@click.option(
    "--sequences", type=click.IntRange(0), default=300, show_default=True, help="how many to play"
)
@click.option(
    "--steps", type=click.IntRange(1, 100), default=12, show_default=True, help="at most, in each"
)
@click.option("--seed", type=click.IntRange(0), help="which sequences  [default: others each time]")
@click.option(
    "--without", multiple=True, type=click.Choice(KINDS), metavar="KIND", help="none of these steps"
)
@click.option(
    "-n", "workers", type=click.IntRange(1), metavar="N", help="processes  [default: cores]"
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, writable=True),
    default=Path("conformance-results"),
    show_default=True,
    help="where model.sh goes",
)
@click.option("--matrices", type=click.Path(path_type=Path), help="other data than the suite's")
def model(
    runtimes: tuple[str, ...],
    program: str | None,
    sequences: int,
    steps: int,
    seed: int | None,
    without: tuple[str, ...],
    workers: int | None,
    out: Path,
    matrices: Path | None,
) -> None:
    """Play random sequences of commands, and hold each answer against a small model of a launcher.

    Between the commands others interfere: creates are killed, containers stopped and removed.
    What is found is made short, and left as a script that needs no suite.
    """
    folder = (matrices or resources.matrices()).absolute()
    suite = data_of(folder, allow_gaps=False)
    refuse_unknown_runtimes(runtimes, suite.contract.runtimes)
    if set(KINDS) == set(without) or not sequences:
        click.echo("awl-conformance: no sequence is played, so nothing would be proved", err=True)
        sys.exit(_NOTHING)
    plan = Plan(sequences, steps, secrets.randbelow(1 << 20) if seed is None else seed, without)
    make_folder(out)
    options = Options(
        (program or default_program(),),
        runtimes=tuple(dict.fromkeys(runtimes)),
        fork_server=True,
        matrices=matrices and folder,
    )
    started = time.monotonic()
    number = min(workers or len(os.sched_getaffinity(0)), sequences)
    try:
        with Run(options, suite) as run:
            _refuse(run.settings)
            settings = evolve(run.settings, timeout=_STEP_SECONDS)
            report = campaign(plan, settings, workers=number)
            code = _told(report, settings, out)
    except (EnvironmentProblem, LockError) as error:
        click.echo(f"awl-conformance: environment: {error}", err=True)
        sys.exit(_ENVIRONMENT)
    amount = f"{report.sequences} sequences, {report.steps} steps"
    seconds = time.monotonic() - started
    click.echo(f"played    {amount} in {', '.join(settings.runtimes)}, {seconds:.0f} s")
    same = ["--seed", plan.seed, "--sequences", sequences, "--steps", steps, "-n", number]
    same += [word for runtime in options.runtimes for word in ("--runtime", runtime)]
    same += [word for kind in without for word in ("--without", kind)]
    target = target_words(program=program or "", matrices=str(folder))
    click.echo(f"again     {command_line('model', *map(str, same), *target)}")
    click.echo(f"model: {'a difference' if code else 'no difference'}")
    sys.exit(code)


def _refuse(settings: Settings) -> None:
    """What is not fit to be played is told, and ends the command."""
    if settings.root_cause:
        click.echo(f"awl-conformance: {settings.root_cause}", err=True)
        sys.exit(_FOUND)
    if not settings.lock:
        # A program under test may be wrong in the worst way (KIT-15).
        click.echo(f"awl-conformance: no lock: {settings.lock_reason}", err=True)
        sys.exit(_ENVIRONMENT)


def _told(report: Report, settings: Settings, out: Path) -> int:
    """Say what was found, or how commands were answered; the exit code."""
    found = report.found
    if found is None:
        for line in _table(report):
            click.echo(line)
    else:
        text = script(found.difference, settings)
        path = out / "model.sh"
        path.write_text(text)
        path.chmod(0o755)
        difference = found.difference
        click.echo(f"runtime   {difference.runtime}")
        click.echo(f"expected  {difference.expected}")
        click.echo(f"observed  {difference.observed}")
        if not found.again:
            click.echo("flaky     the same sequence did not show it when it was played again")
        alone = "" if shows(text, settings) else " (which does not show it by itself)"
        click.echo(f"script    {path}{alone}\n\n{text}")
    return 0 if found is None else _FOUND


def _table(report: Report) -> list[str]:
    """How often each command was answered, by exit code, in each runtime."""
    rows: dict[tuple[str, str], list[str]] = {}
    for (runtime, word, code), count in sorted(report.counts.items()):
        shown = f"{code}: {count}" if code else str(count)
        rows.setdefault((word, runtime), []).append(shown)
    return [
        f"  {word:<9} {runtime:<10} {', '.join(shown)}" for (word, runtime), shown in rows.items()
    ]
