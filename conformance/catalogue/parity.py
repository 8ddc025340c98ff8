"""What the parity matrix says, as frozen values: features, and what is expected of each where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from conformance.catalogue.differences import DeclaredDifference

__all__ = ["Expectation", "Feature", "Parity", "ParityEntry", "Signature"]

Expectation = Literal["same", "different", "unsupported", "diverged"]


@frozen
class Signature:
    """Exactly how an unsupported or diverged cell ends."""

    exit: int
    error: str | None = None


@frozen
class ParityEntry:
    """What is expected of one feature in one runtime.

    ``probe`` is the unbound given/when of its refusal. ``owner`` and ``expires`` belong to
    diverged: after that day the declaration no longer excuses anything.
    """

    feature: str
    runtime: str
    expect: Expectation
    signature: Signature | None = None
    reason: str | None = None
    probe: Mapping[str, Any] | None = field(default=None, hash=False)
    owner: str | None = None
    expires: dt.date | None = None


@frozen
class Feature:
    """A row of the matrix; its id is ``command.feature``; ``option`` is set where it is one."""

    id: str
    command: str
    name: str
    requires: tuple[str, ...]
    runtimes: Mapping[str, ParityEntry] = field(hash=False)
    option: str | None = None


@frozen
class Parity:
    """All rows by feature id, in the order of the file, and in what two sides may differ."""

    version: int
    features: Mapping[str, Feature] = field(hash=False)
    differences: tuple[DeclaredDifference, ...] = ()

    def entry(self, feature: str, runtime: str) -> ParityEntry | None:
        """Return what is declared for this feature there; None for a runtime it does not name."""
        return self.features[feature].runtimes.get(runtime)
