"""``awl-conformance certify``: the fake against real engines, or against what was recorded of one.

Exit codes as of the suite: 0 certified · 1 not · 2 bad data · 3 an engine is missing · 4 nothing
was compared.
"""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click

from conformance import resources
from conformance.catalogue.dataerror import DataErrors
from conformance.certify.certificate import Comparison, Recording, certificate, compare
from conformance.certify.enginecases import EngineCase, EngineMatrix, load
from conformance.certify.observation import (
    EngineProblemError,
    Observations,
    Observer,
    fake_observer,
    observe_all,
    real_observer,
)
from conformance.lock.client import LockError

__all__ = ["certify", "recording_of"]

_IMAGE = "agent-workspace/agent-env:v0.1.0"
_NOT, _BAD, _ENVIRONMENT, _NOTHING = 1, 2, 3, 4
_SHOWN = 20


def recording_of(engine: str) -> Path:
    """Where the suite keeps what was recorded of an engine."""
    return resources.matrices() / "certificates" / f"{engine}.json"


@click.command()
@click.option(
    "--against",
    "engines",
    multiple=True,
    type=click.Choice(["docker", "podman"]),
    help="a real engine; without any: what was recorded of Docker",
)
@click.option("--select", "pattern", default="", metavar="PATTERN", help="e.g. 'exec-*'")
@click.option("--image", default=_IMAGE, show_default=True, help="present on the real engines")
@click.option("--record", is_flag=True, help="keep what the engines do as their recordings")
@click.option("--stubs", type=click.Path(path_type=Path, exists=True), help="another fake's tree")
@click.option("-n", "workers", default=2, show_default=True, help="cases at a time")
@click.option("--out", type=click.Path(path_type=Path), help="write the certificate here")
def certify(
    engines: tuple[str, ...],
    pattern: str,
    image: str,
    record: bool,
    stubs: Path | None,
    workers: int,
    out: Path | None,
) -> None:
    """Hold the fake engine against real ones, case by case, and write a certificate."""
    matrix = _load()
    cases = matrix.select(pattern)
    if not cases:
        click.echo(f"awl-conformance: no engine case fits {pattern!r}", err=True)
        sys.exit(_NOTHING)
    source = stubs or resources.stubs()
    rights = {name: _real(name, matrix, cases, image, workers) for name in engines}
    if record:
        for name, recording in rights.items():
            _keep(name, recording, matrix, whole=not pattern)
    docker = rights.get("docker") or _recorded("docker", matrix)
    seen, _ = _observe("fake", lambda: fake_observer(source, image), cases, workers)
    whole = not pattern
    found = [compare(("fake", seen), docker, matrix.declared, whole=whole)]
    if "podman" in rights:
        theirs = {case.id: docker.observations[case.id] for case in cases}
        left = ("docker", theirs)
        found.append(compare(left, rights["podman"], matrix.declared, whole=whole))
    for one in found:
        _show(one)
    document = certificate(matrix, source, tuple(found))
    if out is not None:
        out.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    click.echo(f"certified: {'yes' if document['certified'] else 'no'}")
    sys.exit(0 if document["certified"] else _NOT)


def _load() -> EngineMatrix:
    try:
        return load()
    except DataErrors as error:
        for defect in error.errors:
            click.echo(str(defect), err=True)
        sys.exit(_BAD)


def _real(
    name: str, matrix: EngineMatrix, cases: tuple[EngineCase, ...], image: str, workers: int
) -> Recording:
    seen, version = _observe(name, lambda: real_observer(name, image), cases, workers)
    return Recording.now(name, version, matrix.digest, seen)


def _keep(name: str, seen: Recording, matrix: EngineMatrix, *, whole: bool) -> None:
    """Write a recording; a part of the cases goes into one of the same engine and cases."""
    if not whole:
        before = _recorded(name, matrix)
        if before.version != seen.version:
            raise click.UsageError(
                f"{name} was recorded at version {before.version}, and this is {seen.version}:"
                " record all cases anew, without --select"
            )
        seen = before.with_part(seen.observations)
    seen.write(recording_of(name))


def _recorded(name: str, matrix: EngineMatrix) -> Recording:
    try:
        recording = Recording.read(recording_of(name))
    except (OSError, ValueError) as error:
        click.echo(f"awl-conformance: {error}\nhint: certify --against {name} --record", err=True)
        sys.exit(_BAD)
    if recording.digest != matrix.digest:
        click.echo(
            f"awl-conformance: {name} was recorded with other cases than engine.yaml has now\n"
            f"hint: certify --against {name} --record",
            err=True,
        )
        sys.exit(_BAD)
    click.echo(f"{name} {recording.version} as recorded on {recording.recorded}", err=True)
    return recording


def _observe(
    name: str,
    make: Callable[[], AbstractContextManager[Observer]],
    cases: tuple[EngineCase, ...],
    workers: int,
) -> tuple[Observations, str]:
    try:
        return observe_all(make, cases, workers)
    except (EngineProblemError, LockError) as error:
        click.echo(f"awl-conformance: {name} cannot be observed: {error}", err=True)
        click.echo("hint: scripts/engines up; the engine needs the image --image", err=True)
        sys.exit(_ENVIRONMENT)


def _show(one: Comparison) -> None:
    known = len({d.case for d in one.differences if d.reason})
    click.echo(
        f"{one.left} and {one.right} {one.version}: {one.agreed} cases agree,"
        f" {known} differ as declared, {len(one.undeclared)} differences are not declared"
    )
    for d in one.undeclared[:_SHOWN]:
        click.echo(f"  ✗ {d.case}, call {d.call}, {d.part}")
        click.echo(f"      {one.left:8}{d.left!r:.200}\n      {one.right:8}{d.right!r:.200}")
    if len(one.undeclared) > _SHOWN:
        click.echo(f"  … and {len(one.undeclared) - _SHOWN} more")
    for case in one.missing:
        click.echo(f"  ✗ {case}: one side has not been seen")
    for text in one.stale:
        click.echo(f"  ✗ declared, and nothing differs: {text}")
