"""``awl-conformance coverage``: how far the cases reach into the contract, as numbers, with a gate.

Exit codes: 0 no gap without a reason · 2 usage, bad data, or a gap.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from conformance import resources
from conformance.catalogue.allowance import check_allowances
from conformance.catalogue.dataerror import DataErrors
from conformance.catalogue.matrix import load_suite
from conformance.catalogue.reach import reach_of

if TYPE_CHECKING:
    from conformance.catalogue.case import Suite
    from conformance.catalogue.reach import Reach

__all__ = ["coverage"]

_USAGE = 2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON document")
@click.option("--matrices", type=click.Path(path_type=Path), help="other data than the suite's")
def coverage(as_json: bool, matrices: Path | None) -> None:
    """Count what the cases reach: requirements from both sides, options in every runtime.

    A gap without a reason in coverage.yaml is refused.
    """
    folder = (matrices or resources.matrices()).absolute()
    try:
        suite = load_suite(folder)
        reach = reach_of(suite)
        allowed = check_allowances(folder, reach, suite)
    except DataErrors as error:
        for defect in error.errors:
            click.echo(str(defect), err=True)
        click.echo(f"awl-conformance: {len(error.errors)} gaps or defects", err=True)
        sys.exit(_USAGE)
    if as_json:
        click.echo(json.dumps(_document(suite, reach, allowed), indent=1))
    else:
        click.echo(_page(suite, reach, allowed))


def _document(suite: Suite, reach: Reach, allowed: int) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "digest": suite.digest,
        "requirements": {
            id_: {"level": suite.contract.requirements[id_].level, "sides": sorted(sides)}
            for id_, sides in reach.sides.items()
        },
        "options": {option: dict(counts) for option, counts in reach.options.items()},
        "allowed_gaps": allowed,
    }


def _page(suite: Suite, reach: Reach, allowed: int) -> str:
    requirements = suite.contract.requirements
    lines = ["  requirements   seen from both sides"]
    for level in ("must", "should"):
        every = [id_ for id_ in reach.sides if requirements[id_].level == level]
        both = sum(id_ in reach.both for id_ in every)
        lines.append(f"    {level:<12} {both} of {len(every)}")
    runtimes = tuple(suite.contract.runtimes)
    lines.append(f"  options        reached in {', '.join(runtimes)}")
    for runtime in runtimes:
        reached = sum(counts[runtime] > 0 for counts in reach.options.values())
        lines.append(f"    {runtime:<12} {reached} of {len(reach.options)}")
    lines += ["", f"coverage: no gap without a reason; {allowed} with one"]
    return "\n".join(lines)
