"""``awl-conformance faults``: does the suite catch what is known to be wrong (KIT-8)?

Exit codes: 0 all caught · 1 not all · 2 usage or bad data · 3 the environment lacks something ·
4 nothing was hunted.
"""

from __future__ import annotations

import fnmatch
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance import resources
from conformance.catalogue.dataerror import DataErrors, nearest
from conformance.catalogue.matrix import load_suite
from conformance.faults.campaign import campaign, trails_of
from conformance.faults.loader import load_faults
from conformance.faults.score import Score
from conformance.kit.options import make_folder, refuse_data, refuse_unknown_runtimes
from conformance.run import EnvironmentProblem, Options, Run

if TYPE_CHECKING:
    from conformance.catalogue.case import Suite
    from conformance.faults.fault import Catalogue, Fault
    from conformance.faults.hunt import Hunt, Trail

__all__ = ["faults"]

_ENVIRONMENT, _NOTHING = 3, 4


@click.command()
@click.option(
    "--select",
    "chosen",
    multiple=True,
    metavar="ID",
    help="faults by id or requirement, patterns too  [default: all]",
)
@click.option("--runtime", "runtimes", multiple=True, metavar="R", help="only this runtime")
@click.option(
    "-n", "workers", type=click.IntRange(1), metavar="N", help="processes  [default: cores]"
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, writable=True),
    default=Path("conformance-results"),
    show_default=True,
    help="where faults.json goes",
)
@click.option(
    "--limit", type=click.FloatRange(1), default=120.0, show_default=True, help="seconds for each"
)
@click.option("--list", "only_list", is_flag=True, help="list the faults, hunt none")
@click.option("--matrices", type=click.Path(path_type=Path), help="other data than the suite's")
@click.option("--draft", is_flag=True, help="not everything has a fault yet; never ends with 0")
def faults(
    chosen: tuple[str, ...],
    runtimes: tuple[str, ...],
    workers: int | None,
    out: Path,
    limit: float,
    only_list: bool,
    matrices: Path | None,
    draft: bool,
) -> None:
    """Make the launcher faulty in every known way, and see that the suite finds out.

    A fault is caught where a case of the requirement that it breaks fails by a check.
    """
    folder = (matrices or resources.matrices()).absolute()
    try:
        suite = load_suite(folder)
        catalogue = load_faults(folder, suite, allow_gaps=draft)
    except DataErrors as error:
        refuse_data(error)
    refuse_unknown_runtimes(runtimes, suite.contract.runtimes)
    trails = [
        trail
        for trail in trails_of(_selected(catalogue, chosen), suite)
        if not runtimes or trail.runtime in runtimes
    ]
    if not trails:
        click.echo("awl-conformance: no fault is selected, so nothing would be proved", err=True)
        click.echo("hint: awl-conformance faults --list", err=True)
        sys.exit(_NOTHING)
    if only_list:
        for trail in trails:
            fault = trail.fault
            click.echo(f"{trail.id}  {fault.breaks}  {fault.text}  ({len(trail.cells)} cells)")
        return
    make_folder(out)
    count = workers or len(os.sched_getaffinity(0))
    score = _hunted(suite, catalogue, trails, folder, workers=count, limit=limit)
    (out / "faults.json").write_text(json.dumps(score.document(), indent=1) + "\n")
    click.echo(score.page())
    sys.exit(score.exit)


def _selected(catalogue: Catalogue, chosen: tuple[str, ...]) -> list[Fault]:
    if not chosen:
        return list(catalogue.faults)
    found: dict[str, Fault] = {}
    for word in chosen:
        some = {
            fault.id: fault
            for fault in catalogue.faults
            if fnmatch.fnmatchcase(fault.id, word) or fnmatch.fnmatchcase(fault.breaks, word)
        }
        if not some:
            ids = (fault.id for fault in catalogue.faults)
            near = nearest(word, ids)
            hint = f" (nearest: {near!r})" if near else ""
            click.echo(f"awl-conformance: no fault is called {word!r}{hint}", err=True)
        found |= some
    return list(found.values())


def _hunted(
    suite: Suite,
    catalogue: Catalogue,
    trails: list[Trail],
    folder: Path,
    *,
    workers: int,
    limit: float,
) -> Score:
    started = time.monotonic()
    beside = Path(sys.executable).parent / catalogue.subject.package
    options = Options(program=(str(beside),), fork_server=True, matrices=folder)
    done: list[Hunt] = []

    def told(hunt: Hunt) -> None:
        done.append(hunt)
        how = f"by {hunt.check} in {hunt.cell}" if hunt.caught else "SURVIVES"
        cost = f"{hunt.played} cells, {hunt.seconds:.1f} s"
        click.echo(f"{len(done)}/{len(trails)} {hunt.trail.id}: {how} ({cost})", err=True)

    try:
        with Run(options, suite) as run:
            if run.settings.root_cause:
                click.echo(f"awl-conformance: {run.settings.root_cause}", err=True)
                sys.exit(_ENVIRONMENT)
            if not run.settings.lock:
                # What is faulty may be wrong in the worst way (KIT-15).
                click.echo(f"awl-conformance: no lock: {run.settings.lock_reason}", err=True)
                sys.exit(_ENVIRONMENT)
            hunts = campaign(
                catalogue, trails, run.settings, workers=workers, limit=limit, told=told
            )
    except EnvironmentProblem as error:
        click.echo(f"awl-conformance: environment: {error}", err=True)
        sys.exit(_ENVIRONMENT)
    texts = {id_: found.text for id_, found in suite.contract.requirements.items()}
    return Score(
        tuple(hunts),
        texts,
        suite.digest,
        round(time.monotonic() - started, 1),
        gaps=len(catalogue.gaps),
    )
