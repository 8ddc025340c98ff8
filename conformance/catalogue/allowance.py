"""``coverage.yaml``: the gaps that are allowed, each with its reason; all others are defects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.catalogue.dataerror import DataError, DataErrors
from conformance.catalogue.schema import check_schema
from conformance.catalogue.yamlstrict import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conformance.catalogue.case import Suite
    from conformance.catalogue.reach import Reach
    from conformance.catalogue.yamlstrict import Document, Route

__all__ = ["check_allowances", "gaps_of"]


def gaps_of(reach: Reach, suite: Suite) -> frozenset[tuple[str, str]]:
    """Return the gaps that count: a requirement with the polarity that is missing, an option with
    the runtime. Only *must* and *should* have to be seen from both sides.
    """
    requirements = suite.contract.requirements
    one_sided = {gap for gap in reach.one_sided if requirements[gap[0]].level != "may"}
    return frozenset({*one_sided, *reach.unreached})


def check_allowances(matrices: Path, reach: Reach, suite: Suite) -> int:
    """Return how many gaps are allowed; DataErrors with those that are not, and with what rots."""
    path = matrices / "coverage.yaml"
    document = load_yaml(path, shown=f"{matrices.name}/{path.name}")
    check_schema(document, "coverage")
    gaps = gaps_of(reach, suite)
    allowed: set[tuple[str, str]] = set()
    errors = [*_allowances(document, reach, suite, gaps, allowed)]
    for name, lack in sorted(gaps - allowed):
        what = f"{lack} case" if name in reach.sides else f"cell in runtime {lack}"
        errors.append(document.error((), f"{name} has no {what}, and no reason is given"))
    if errors:
        raise DataErrors(errors)
    return len(allowed)


def _allowances(
    document: Document,
    reach: Reach,
    suite: Suite,
    gaps: frozenset[tuple[str, str]],
    allowed: set[tuple[str, str]],
) -> Iterator[DataError]:
    for n, row in enumerate(document.data["one_sided"]):
        for m, id_ in enumerate(row["requirements"]):
            place: Route = ("one_sided", n, "requirements", m)
            yield from document.dangling(place, "requirement", id_, set(reach.sides))
            yield from _allow(document, place, (id_, row["lacks"]), gaps, allowed)
    for n, row in enumerate(document.data["unreached"]):
        route = ("unreached", n, "option")
        yield from document.dangling(route, "option", row["option"], set(reach.options))
        runtimes = suite.contract.runtimes
        yield from document.dangling(
            ("unreached", n, "runtime"), "runtime", row["runtime"], runtimes
        )
        yield from _allow(document, route, (row["option"], row["runtime"]), gaps, allowed)


def _allow(
    document: Document,
    route: Route,
    gap: tuple[str, str],
    gaps: frozenset[tuple[str, str]],
    allowed: set[tuple[str, str]],
) -> Iterator[DataError]:
    if gap in allowed:
        yield document.error(route, f"{gap[0]} is allowed to lack {gap[1]} already")
    elif gap not in gaps:
        yield document.error(route, f"{gap[0]} does not lack {gap[1]}: take the entry out")
    allowed.add(gap)
