"""The commands of ``awl-conformance`` that work on results and reports, long after the run.

Exit codes: 0 it holds, 1 it does not, 2 usage or files that cannot be used, 4 incomplete.
"""

import datetime as dt
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from conformance import resources
from conformance.catalogue.case import Suite
from conformance.catalogue.dataerror import DataErrors
from conformance.catalogue.matrix import expand
from conformance.kit.options import data_of, make_folder, stop, write_out
from conformance.reports import baseline as baselines
from conformance.reports import difference, document, gate, seal
from conformance.reports.annotations import annotations
from conformance.reports.badge import badge_json, badge_svg
from conformance.reports.gaps import load_gaps
from conformance.reports.merge import MergeError, merge
from conformance.reports.publish import RENDERINGS, REPORT, RESULTS, write_renderings
from conformance.reports.schema import violations
from conformance.reports.shard import dump_durations, durations_of
from conformance.reports.statement import statement
from conformance.reports.verify import Verification, verify

__all__ = ["COMMANDS"]

_REFUSED, _USAGE = 1, 2

_File = click.Path(path_type=Path, dir_okay=False)
_ThereFile = click.Path(path_type=Path, dir_okay=False, exists=True)
_matrices = click.option(
    "--matrices", type=click.Path(path_type=Path), help="other data than the suite's"
)
_json = click.option("--json", "as_json", is_flag=True, help="one JSON document")


def _report(path: Path, *, code: int = _USAGE) -> dict[str, Any]:
    """The report in a file, or in the folder of a run; ``code`` for one that was cut or changed."""
    try:
        return document.load(path / REPORT if path.is_dir() else path)
    except document.NoReportError as error:
        stop(error)
    except document.ReportError as error:
        stop(error, code)


def _rendered(path: Path) -> dict[str, Any]:
    """A report to be rendered: not verified, but of the form that renderings read."""
    report = _report(path)
    if problem := next(violations(report), ""):
        stop(f"{path}: a report of another form than this suite's: {problem}")
    return report


def _verified(path: Path, suite: Suite, program: str = "") -> tuple[dict[str, Any], Verification]:
    """A report with what speaks against it; a file that is cut is refused like a changed one."""
    report = _report(path, code=_REFUSED)
    return report, verify(report, suite, program=program)


def _refuse(path: Path, verification: Verification) -> None:
    if not verification.holds:
        for problem in verification.problems:
            click.echo(f"refused: {problem}", err=True)
        stop(f"{path}: this report does not hold", _REFUSED)


# ---------------------------------------------------------------------- report
_FORMATS: dict[str, Callable[[dict[str, Any]], str]] = {
    "annotations": annotations,
    "durations": lambda report: dump_durations(durations_of(report)),
    "html": RENDERINGS["report.html"],
    "json": document.dumps,
    "junit": RENDERINGS["junit.xml"],
    "markdown": RENDERINGS["summary.md"],
}


@click.command("report")
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="RESULTS")
@click.option("--format", "format_", type=click.Choice(sorted(_FORMATS)), help="only this one")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="folder, or file of a --format")
@click.option("--faults", type=_File, help="faults.json: put its score into the report")
@_matrices
def report_command(
    source: Path,
    format_: str | None,
    out: Path | None,
    faults: Path | None,
    matrices: Path | None,
) -> None:
    """Render results.jsonl, or a report.json, anew.

    Without --format everything is written, beside the source or into --out.
    """
    if source.suffix == ".jsonl" or (source.is_dir() and not (source / REPORT).is_file()):
        suite = data_of(matrices, allow_gaps=True)
        try:
            recorded = document.read_results(source / RESULTS if source.is_dir() else source)
            cells = {cell.id: cell for cell in expand(suite, recorded.header["runtimes"])}
            report = document.build(recorded, suite, cells)
        except document.ReportError as error:
            stop(error)
    else:
        report = _rendered(source)
    if faults is not None:
        try:
            report = document.with_faults(report, json.loads(faults.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            stop(f"--faults {faults}: no score of a campaign ({error!r})")
    if format_ is not None:
        write_out(_FORMATS[format_](report), out)
        return
    folder = out or (source if source.is_dir() else source.parent)
    make_folder(folder)
    names = write_renderings(folder, report)
    click.echo(f"written: {folder}: {', '.join(names)}", err=True)


# ---------------------------------------------------------------------- verify
@click.command("verify")
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="REPORT")
@click.option("--program", default="", metavar="PATH", help="it must be about this launcher")
@click.option("--key", type=_ThereFile, help="it must be signed with this key (HMAC, shared)")
@click.option("--sign", is_flag=True, help="where it holds, sign it with --key")
@_matrices
@_json
def verify_command(
    source: Path,
    program: str,
    key: Path | None,
    sign: bool,
    matrices: Path | None,
    as_json: bool,
) -> None:
    """Work every status, count and verdict out again from the evidence.

    Refuses (exit 1) a report that was changed, cut, thinned out, swapped or sealed anew after a
    change. That nobody made up the evidence as a whole can only be shown with a --key.
    """
    if sign and key is None:
        raise click.UsageError("--sign needs --key FILE")
    try:
        secret = None if key is None else seal.read_key(key)
    except seal.SignatureError as error:
        raise click.UsageError(str(error)) from error
    report, verification = _verified(source, data_of(matrices, allow_gaps=True), program)
    path = source / REPORT if source.is_dir() else source
    problems = list(verification.problems)
    try:
        if secret is not None and not sign:
            seal.check(path, secret)
        elif secret is not None and verification.holds:
            click.echo(f"signed: {seal.sign(path, secret)}", err=True)
    except seal.SignatureError as error:
        problems.append(str(error))
    if as_json:
        facts = {"holds": not problems, "problems": problems, "rows": verification.rows}
        facts |= {"checks": verification.checks, "taken_on_trust": verification.trusted}
        click.echo(json.dumps({"schema_version": 1, **facts}, indent=1))
    elif problems:
        for problem in problems:
            click.echo(f"refused: {problem}", err=True)
    else:
        _tell(report, verification)
    if problems:
        stop(f"{path}: this report does not hold", _REFUSED)


def _tell(report: dict[str, Any], verification: Verification) -> None:
    verdict = report["footer"]["verdict"]
    click.echo(f"holds: {verification.rows} rows, {verification.checks} checks judged again")
    if verification.trusted:
        click.echo(f"  {verification.trusted} of them as recorded: their streams were cut")
    for note in verification.notes:
        click.echo(f"  note: {note}")
    click.echo(f"  root    {report['footer']['root']}\n  stable  {report['footer']['stable']}")
    click.echo(f"verdict: {verdict['word']}")


# ---------------------------------------------------------------------- merge
@click.command("merge")
@click.argument("sources", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--out", "-o", type=click.Path(path_type=Path), required=True, help="folder")
@_matrices
def merge_command(sources: tuple[Path, ...], out: Path, matrices: Path | None) -> None:
    """Make one report of those of all shards; exits with its verdict.

    Refuses (exit 1) gaps, overlaps, and shards of different programs, contracts, data or settings.
    """
    names = [str(source) for source in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        stop(f"an overlap: given twice: {', '.join(twice)}", _REFUSED)
    reports = {str(source): _report(source, code=_REFUSED) for source in sources}
    suite = data_of(matrices, allow_gaps=True)
    for source in sources:
        _refuse(source, verify(reports[str(source)], suite))
    try:
        report = merge(reports)
    except MergeError as error:
        stop(f"{error}\nthese are not the shards of one run", _REFUSED)
    _refuse(out / REPORT, verify(report, suite))
    make_folder(out)
    written = write_renderings(out, report)
    verdict = report["footer"]["verdict"]
    click.echo(f"merged: {len(reports)} shards, {report['footer']['planned']} cells")
    click.echo(f"results {out} ({', '.join(written)})")
    click.echo(f"verdict: {verdict['word']}")
    sys.exit(verdict["exit"])


# ---------------------------------------------------------------------- diff and gate
def _standing(path: Path) -> baselines.Standing:
    try:
        return baselines.load_standing(path / REPORT if path.is_dir() else path)
    except document.ReportError as error:
        stop(error)


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path, exists=True))
@click.argument("new", type=click.Path(path_type=Path, exists=True))
@click.option("--all", "everything", is_flag=True, help="every change, not the first dozen")
@_json
def diff_command(old: Path, new: Path, everything: bool, as_json: bool) -> None:
    """Show what changed between two reports (or baselines): cells and requirements.

    Exit 1 where something is broken, else 0.
    """
    before, after = _standing(old), _standing(new)
    found = difference.changes(before, after)
    if as_json:
        click.echo(json.dumps(difference.document_of(before, after, found), indent=1))
    else:
        click.echo(difference.text_of(found, everything=everything), nl=False)
    sys.exit(1 if any(change.kind == "broken" for change in found) else 0)


@click.command("gate")
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="REPORT")
@click.option("--baseline", type=_File, required=True, help="that of the last release, or a report")
@click.option("--known-gaps", type=_File, help="[default: known_gaps.yaml of the data]")
@click.option("--update", is_flag=True, help="where the gate is open, make this the baseline")
@_matrices
@_json
def gate_command(
    source: Path,
    baseline: Path,
    known_gaps: Path | None,
    update: bool,
    matrices: Path | None,
    as_json: bool,
) -> None:
    """Say whether this may be released, by the baseline of the last release.

    Shut (exit 1): new failures, lost coverage, stale or expired divergences and gaps, a lower fault
    score, a contract that changed without a new version, a report that does not hold.
    """
    suite = data_of(matrices, allow_gaps=True)
    report, verification = _verified(source, suite)
    _refuse(source, verification)
    folder = matrices or resources.matrices()
    gaps_file = known_gaps or folder / "known_gaps.yaml"
    try:
        cells = [row["cell"] for row in report["rows"]]
        every = {*cells, *(cell.id for cell in expand(suite))}
        gaps = load_gaps(gaps_file, suite.contract, every) if gaps_file.is_file() else ()
    except DataErrors as error:
        stop(error)
    if not baseline.is_file():
        if not update:
            hint = f"make the first one with --update: gate {source} --baseline {baseline} --update"
            stop(f"--baseline {baseline}: no such file\nhint: {hint}")
        held = baselines.standing_of(report)
    else:
        held = _standing(baseline)
    today = dt.datetime.now(tz=dt.UTC).date()
    refusals = gate.gate(report, held, gaps, today)
    if as_json:
        click.echo(json.dumps(gate.document_of(refusals), indent=1))
    else:
        click.echo(gate.text_of(refusals, held), nl=False)
    if refusals:
        sys.exit(_REFUSED)
    if update:
        write_out(baselines.dumps(baselines.standing_of(report)), baseline)


# ---------------------------------------------------------------------- badge and statement
@click.command("badge")
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="REPORT")
@click.option("--format", "format_", type=click.Choice(["json", "svg"]), default="svg")
@click.option("--out", "-o", type=_File, help="file  [default: stdout]")
def badge_command(source: Path, format_: str, out: Path | None) -> None:
    """Draw the badge: an SVG, or the JSON that shields.io reads."""
    report = _rendered(source)
    write_out(badge_svg(report) if format_ == "svg" else badge_json(report), out)


@click.command("statement")
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="REPORT")
@click.option("--out", "-o", type=_File, help="file  [default: stdout]")
@_matrices
def statement_command(source: Path, out: Path | None, matrices: Path | None) -> None:
    """State what was proved, what was not, and how to repeat it: YAML, of a report that holds."""
    report, verification = _verified(source, data_of(matrices, allow_gaps=True))
    _refuse(source, verification)
    write_out(statement(report), out)


COMMANDS: tuple[click.Command, ...] = (
    report_command,
    verify_command,
    merge_command,
    diff_command,
    gate_command,
    badge_command,
    statement_command,
)
