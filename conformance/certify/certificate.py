"""Compare observations, and say in one document what agrees, what is declared, and what is not.

A recording (``matrices/certificates/ENGINE.json``) holds what a real engine did, so that the fake
can be held against it where no engine is. Digests tie both to the data and to the fake's own tree.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from conformance.certify.enginecases import PARTS, Declared, EngineMatrix
from conformance.certify.observation import Observations

__all__ = ["Comparison", "Difference", "Recording", "certificate", "compare", "digest_of_tree"]

_SCHEMA_VERSION = 1


@frozen
class Difference:
    """One part of one call in which two engines differ; ``reason`` where that is declared."""

    case: str
    call: int
    part: str
    left: int | str | None
    right: int | str | None
    reason: str = ""


@frozen
class Comparison:
    """The fake (or Docker) on the left, an engine on the right.

    ``stale``: declarations that nothing fits any more; ``missing``: cases that one side has not.
    """

    left: str
    right: str
    version: str
    agreed: int
    differences: tuple[Difference, ...]
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    @property
    def undeclared(self) -> tuple[Difference, ...]:
        """The differences without a reason."""
        return tuple(one for one in self.differences if not one.reason)

    @property
    def holds(self) -> bool:
        """Whether all cases agree or are declared, and every declaration is needed."""
        return not (self.undeclared or self.missing or self.stale)


@frozen
class Recording:
    """What an engine did once: its version, the day, the digest of the cases, what was seen."""

    engine: str
    version: str
    recorded: str
    digest: str
    observations: Observations

    @classmethod
    def now(cls, engine: str, version: str, digest: str, seen: Observations) -> "Recording":
        """What was seen just now."""
        return cls(engine, version, dt.datetime.now(tz=dt.UTC).date().isoformat(), digest, seen)

    @classmethod
    def read(cls, path: Path) -> "Recording":
        """Read a recording; ValueError where the file is not one."""
        try:
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{name: data[name] for name in cls.__annotations__})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a recording of an engine: {error}") from error

    def with_part(self, seen: Observations) -> "Recording":
        """The recording with some cases seen anew."""
        return evolve(self, observations={**self.observations, **seen})

    def write(self, path: Path) -> None:
        """Write it, a case a line: so a change can be read in a diff."""
        path.parent.mkdir(parents=True, exist_ok=True)
        head = {name: getattr(self, name) for name in ("engine", "version", "recorded", "digest")}
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
        rows = (
            f"    {json.dumps(case)}: {json.dumps(calls)}"
            for case, calls in self.observations.items()
        )
        body = ",\n".join(rows)
        path.write_text(
            "{\n" + "\n".join(lines) + '\n  "observations": {\n' + body + "\n  }\n}\n", "utf-8"
        )


def compare(
    left: tuple[str, Observations],
    right: Recording,
    declared: tuple[Declared, ...],
    *,
    whole: bool = True,
) -> Comparison:
    """Compare two sides case by case; ``whole`` False: cases were selected, so none is missing."""
    name, seen = left
    found: list[Difference] = []
    used: set[Declared] = set()
    common = [case for case in seen if case in right.observations]
    for case in common:
        for difference in _differences(case, seen[case], right.observations[case]):
            why = next((d for d in declared if d.covers(right.engine, case, difference.part)), None)
            if why is not None:
                used.add(why)
            found.append(
                Difference(
                    difference.case,
                    difference.call,
                    difference.part,
                    difference.left,
                    difference.right,
                    why.reason if why else "",
                )
            )
    missing = sorted(seen.keys() ^ right.observations.keys()) if whole else []
    stale = [d for d in declared if d.against == right.engine and d not in used] if whole else []
    return Comparison(
        left=name,
        right=right.engine,
        version=right.version,
        agreed=len(common) - len({one.case for one in found}),
        differences=tuple(found),
        missing=tuple(missing),
        stale=tuple(f"{', '.join(one.cases)}: {one.reason}" for one in stale),
    )


def _differences(
    case: str, left: list[list[int | str | None]], right: list[list[int | str | None]]
) -> Iterator[Difference]:
    for number, (one, other) in enumerate(zip(left, right, strict=True), 1):
        for part, mine, theirs in zip(PARTS, one, other, strict=True):
            if mine != theirs:
                yield Difference(case, number, part, mine, theirs)


def certificate(
    matrix: EngineMatrix, fake: Path, comparisons: tuple[Comparison, ...]
) -> dict[str, Any]:
    """The document: what was compared, by which digests, and every difference with its reason."""
    return {
        "schema_version": _SCHEMA_VERSION,
        "certified": all(one.holds for one in comparisons),
        "cases": len(matrix.cases),
        "cases_digest": matrix.digest,
        "fake_digest": digest_of_tree(fake),
        "comparisons": [_row(one) for one in comparisons],
    }


def _row(one: Comparison) -> dict[str, Any]:
    reasons: dict[str, list[str]] = {}
    for difference in one.differences:
        if difference.reason and difference.case not in reasons.setdefault(difference.reason, []):
            reasons[difference.reason].append(difference.case)
    return {
        "left": one.left,
        "right": one.right,
        "version": one.version,
        "agreed": one.agreed,
        "declared": [{"reason": why, "cases": cases} for why, cases in reasons.items()],
        "undeclared": [
            {"case": d.case, "call": d.call, "part": d.part, one.left: d.left, one.right: d.right}
            for d in one.undeclared
        ],
        "missing": list(one.missing),
        "stale": list(one.stale),
    }


def digest_of_tree(folder: Path) -> str:
    """The sha256 (hex) of all that a tree holds: paths and contents, byte code left out."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()
