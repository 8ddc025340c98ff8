"""Cases of ``matrices/engine.yaml``: compact families in, frozen cases out.

A family's axes are expanded to their full product, in the order of the file; a case's id is
``family[value,value]``. Braces in words are filled in as in ``str.format``: axes here, the names of
a world (``{box}``, ``{c}``) when the case is played.
"""

import itertools
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from attrs import field, frozen

from conformance import resources
from conformance.catalogue.schema import check_schema
from conformance.catalogue.yamlstrict import digest_of, load_yaml

__all__ = ["PARTS", "Declared", "EngineCall", "EngineCase", "EngineMatrix", "load"]

#: What is seen of a call.
PARTS = ("exit", "stdout", "stderr")


@frozen
class EngineCall:
    """One call of the client, or with ``script`` a look by the shell.

    ``words`` still hold the names of the world. ``signal`` is sent once the client has printed
    ``after``; ``times``: so many at once; ``see``: which of `PARTS` are compared.
    """

    words: tuple[str, ...] = ()
    script: str = ""
    stdin: str | None = None
    signal: str = ""
    after: str = ""
    times: int = 1
    see: tuple[str, ...] = PARTS


@frozen
class EngineCase:
    """Calls that are made one after the other, in names of the case's own."""

    id: str
    calls: tuple[EngineCall, ...]


@frozen
class Declared:
    """A difference that is known: in these parts of these cases, for this reason.

    ``against``: ``docker`` is between the fake and Docker, ``podman`` between Docker and Podman.
    """

    against: str
    cases: tuple[str, ...]
    parts: tuple[str, ...]
    reason: str

    def covers(self, against: str, case: str, part: str) -> bool:
        """Whether it speaks of this part of a case; names may hold ``*``."""
        return (
            against == self.against
            and part in self.parts
            and any(_fits(case, one) for one in self.cases)
        )


@frozen
class EngineMatrix:
    """All cases, what is declared, and the digest of the data that they come from.

    The digest leaves the declarations out: they say nothing of what an engine does.
    """

    cases: tuple[EngineCase, ...]
    declared: tuple[Declared, ...]
    digest: str = field(default="")

    def select(self, pattern: str) -> tuple[EngineCase, ...]:
        """The cases whose id fits a pattern such as ``exec-*``; all without one."""
        return tuple(case for case in self.cases if not pattern or _fits(case.id, pattern))


def load(path: Path | None = None) -> EngineMatrix:
    """Read and expand the matrix; DataErrors with every defect, ValueError for an id twice."""
    document = load_yaml(path or resources.matrices() / "engine.yaml", shown="matrices/engine.yaml")
    check_schema(document, "engine")
    data = document.data
    cases = tuple(case for family in data["families"] for case in _expand(family))
    twice = {case.id for case in cases if sum(one.id == case.id for one in cases) > 1}
    if twice:
        raise ValueError(f"matrices/engine.yaml: ids come twice: {', '.join(sorted(twice))}")
    declared = tuple(
        Declared(row["against"], tuple(row["cases"]), tuple(row.get("parts", PARTS)), row["reason"])
        for row in data["declared"]
    )
    return EngineMatrix(cases, declared, digest_of([data["engine"], data["families"]]))


def _expand(family: Mapping[str, Any]) -> Iterator[EngineCase]:
    axes = {name: _values(values) for name, values in family.get("axes", {}).items()}
    for row in itertools.product(*(values.items() for values in axes.values())):
        names = ",".join(name for name, _ in row)
        filled = dict(zip(axes, (value for _, value in row), strict=True))
        calls = tuple(_call(call, filled) for call in family["calls"])
        yield EngineCase(f"{family['id']}[{names}]" if names else family["id"], calls)


def _values(values: Any) -> dict[str, Any]:
    return values if isinstance(values, dict) else {str(value): str(value) for value in values}


def _call(row: Any, axes: Mapping[str, Any]) -> EngineCall:
    if isinstance(row, list):
        return EngineCall(tuple(_words(row, axes)))
    if "sh" in row:
        return EngineCall(script=_fill(row["sh"], axes))
    stdin = row.get("stdin")
    return EngineCall(
        words=tuple(_words(row["call"], axes)),
        stdin=None if stdin is None else _fill(stdin, axes),
        signal=_fill(row.get("signal", ""), axes),
        after=row.get("after", ""),
        times=row.get("times", 1),
        see=tuple(row.get("see", PARTS)),
    )


def _words(words: list[str], axes: Mapping[str, Any]) -> Iterator[str]:
    """Words with the axes filled in; one that is just an axis may become several, or none."""
    for word in words:
        value = axes.get(word[1:-1]) if word[:1] + word[-1:] == "{}" else None
        if isinstance(value, list):
            yield from value
        else:
            yield _fill(word, axes)


def _fill(text: str, axes: Mapping[str, Any]) -> str:
    """Put the axes into a text; all other braces wait for the world."""
    for name, value in axes.items():
        if not isinstance(value, list):
            text = text.replace(f"{{{name}}}", value)
    return text


def _fits(case: str, pattern: str) -> bool:
    # Brackets are part of ids here, not classes of characters.
    return fnmatchcase(case, pattern.replace("[", "[[]"))
