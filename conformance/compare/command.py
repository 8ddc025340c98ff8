"""``awl-conformance compare``: the same scenarios on two sides, and every difference declared.

Exit codes as of the suite: 0 the same but for what is declared · 1 not · 2 usage, bad data or
reports · 3 the environment lacks something · 4 nothing, or not all, was compared.
"""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from conformance.catalogue.case import Suite
from conformance.compare.comparison import Comparison, compare
from conformance.compare.sides import SidesError, of_one_report, of_two_reports
from conformance.compare.told import document_of, text_of
from conformance.kit.options import data_of, selection, stop
from conformance.reports import document
from conformance.reports.publish import REPORT
from conformance.reports.verify import verify

__all__ = ["compare_command"]

_USAGE, _ENVIRONMENT = 2, 3
_ENGINES = click.Choice(["fake", "docker", "podman"])


@click.command("compare")
@click.argument(
    "sources", type=click.Path(path_type=Path, exists=True), nargs=-1, metavar="[REPORT [REPORT]]"
)
@click.option("--program", "programs", multiple=True, metavar="PATH", help="twice: two launchers")
@click.option("--engine", "engines", multiple=True, type=_ENGINES, help="twice: two engines")
@click.option("--runtime", "runtimes", multiple=True, metavar="R", help="only these runtimes")
@click.option(
    "--select", "expression", callback=selection, metavar="EXPR", help="play only these cells"
)
@click.option("--image", default="", metavar="I", help="image of workspaces (real engines)")
@click.option("-n", "workers", default="auto", metavar="WORKERS", help="processes  [default: auto]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, writable=True),
    default=Path("conformance-results/compare"),
    show_default=True,
    help="where the results of what is played go",
)
@click.option("--matrices", type=click.Path(path_type=Path), help="other data than the suite's")
@click.option("--all", "everything", is_flag=True, help="every difference, not the first dozen")
@click.option("--json", "as_json", is_flag=True, help="one JSON document")
def compare_command(
    sources: tuple[Path, ...],
    programs: tuple[str, ...],
    engines: tuple[str, ...],
    runtimes: tuple[str, ...],
    expression: str,
    image: str,
    workers: str,
    out: Path,
    matrices: Path | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Compare two programs, engines or runtimes, scenario by scenario.

    One REPORT: the two runtimes in it. Two: their programs, versions or engines. None: the contract
    is played first, for both --program or both --engine, or once for the two runtimes. A difference
    that parity.yaml does not declare is an error, and so is a declaration that nothing fits.
    """
    _check(sources, programs, engines)
    suite = data_of(matrices, allow_gaps=True)
    if not sources:
        words = ["--select", expression or "all", "--image", image, "-n", workers]
        words += ["--matrices", str(matrices)] if matrices else []
        words += [f"--runtime={runtime}" for runtime in runtimes]
        plays = _plays(programs, engines)
        sources = tuple(_play(out / name, [*words, *own]) for name, own in plays.items())
    one = _compared([_report(source, suite) for source in sources], suite, runtimes, programs)
    if as_json:
        click.echo(json.dumps(document_of(one), indent=1, ensure_ascii=False))
    else:
        click.echo(text_of(one, everything=everything), nl=False)
    sys.exit(one.exit)


def _check(sources: Sequence[Path], programs: Sequence[str], engines: Sequence[str]) -> None:
    """Raise UsageError where what was given is not two sides of one kind."""
    if len(sources) > 2 or len(programs) > 2 or len(engines) > 2:
        raise click.UsageError("two sides are compared, not more")
    if sources and (programs or engines):
        raise click.UsageError("--program and --engine do not go with reports: nothing is played")
    if len(programs) == len(engines) == 2:
        raise click.UsageError(
            "--program and --engine are both given twice: what caused a difference could not be"
            " told; compare one of the two at a time"
        )


def _plays(programs: Sequence[str], engines: Sequence[str]) -> dict[str, list[str]]:
    """The folder of each run that has to be played, with the words that are its own."""
    common = [f"--program={programs[0]}"] if len(programs) == 1 else []
    common += [f"--engine={engines[0]}"] if len(engines) == 1 else []
    if len(programs) == 2:
        return {n: [*common, f"--program={p}"] for n, p in zip("ab", programs, strict=True)}
    if len(engines) == 2:
        return {engine: [*common, f"--engine={engine}"] for engine in engines}
    return {"runtimes": common}


def _play(out: Path, words: list[str]) -> Path:
    """Run the contract as ``awl-conformance run`` does; its folder. Whether it is conformant is
    not asked here: what was seen is compared.
    """
    # -P: what lies in the folder where the person stands is not imported.
    command = [sys.executable, "-P", "-m", "conformance.cli", "run", "--out", str(out), *words]
    code = subprocess.run(command, check=False, stdout=sys.stderr).returncode
    if code in (_USAGE, _ENVIRONMENT) or not (out / REPORT).is_file():
        stop("this run gave nothing that could be compared", code or _ENVIRONMENT)
    return out


def _compared(
    reports: list[dict[str, Any]],
    suite: Suite,
    runtimes: Sequence[str],
    programs: Sequence[str],
) -> Comparison:
    try:
        if len(reports) == 1:
            sides = of_one_report(reports[0], suite, runtimes)
        else:
            paths = programs if len(programs) == 2 else ()
            sides = of_two_reports(reports[0], reports[1], suite, runtimes, paths)
    except SidesError as error:
        stop(error)
    return compare(suite, *sides, dt.datetime.now(tz=dt.UTC).date())


def _report(path: Path, suite: Suite) -> dict[str, Any]:
    """The report in a file or in the folder of a run; one that does not hold is refused."""
    try:
        report = document.load(path / REPORT if path.is_dir() else path)
    except document.ReportError as error:
        stop(error)
    verification = verify(report, suite)
    for problem in verification.problems:
        click.echo(f"refused: {problem}", err=True)
    if not verification.holds:
        stop(f"{path}: this report does not hold")
    return report
