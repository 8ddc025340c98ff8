"""The frozen values that the data files become: case, cell, and what a cell does once bound.

A :class:`Case` is a template as written in ``matrices/cases/*.yaml``; a :class:`Cell` is one row
of it (one runtime and one value of every axis); :func:`conformance.catalogue.binding.bind` turns a
cell into the typed steps of ``conformance.catalogue.step``. Nothing here does a thing.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from conformance.catalogue.step import Bound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.catalogue.contract import Contract
    from conformance.catalogue.dataerror import DataError
    from conformance.catalogue.parity import Parity, ParityEntry

__all__ = [
    "OUTPUTS",
    "VIAS",
    "Axis",
    "AxisValue",
    "Bound",
    "Case",
    "Cell",
    "Plan",
    "Polarity",
    "Scalar",
    "Suite",
]

Scalar = str | int | float | bool | None
Polarity = Literal["positive", "negative"]
Plan = Literal["run", "refusal", "diverged"]

# How a cell tells the program its runtime. ``flag`` is the default of a case.
VIAS = (
    "flag",  # awl --runtime X CMD
    "flag-equals",  # awl --runtime=X CMD
    "flag-after",  # awl CMD … --runtime X
    "flag-after-equals",  # awl CMD … --runtime=X
    "env",  # AGENT_WORKSPACE_RUNTIME=X
    "env-short",  # AWL_RUNTIME=X
    "default",  # nothing is said; only the contract's default runtime has such cells
    "none",  # nothing is said and the cell's runtime is where its `given` is made (RT-7)
)
OUTPUTS = ("text", "json")


@frozen
class AxisValue:
    """One value of an axis; ``id`` is printable, ``extra`` are its keys used as ``{axis.key}``."""

    id: str
    value: Scalar
    extra: Mapping[str, object] = field(factory=dict, hash=False)


@frozen
class Axis:
    """A named, ordered, non-empty list of values with distinct ids."""

    name: str
    values: tuple[AxisValue, ...]


@frozen
class Case:
    """A case of ``matrices/cases``; ``template`` is its unbound given/when/then/and as written.

    ``runtimes`` None: every runtime. ``axes``: all but runtime, in the order of ids. Each of
    ``exceptions`` maps axis names to the value ids that together leave a row out. ``needs``
    includes what follows from its steps, ``tags`` those of its value sets. ``destructive``: a
    command that it runs is marked so in the contract. ``command``: the subcommand of its `when`,
    None where there is none or it varies.
    """

    id: str
    covers: tuple[str, ...]
    polarity: Polarity
    template: Mapping[str, Any] = field(hash=False, repr=False)
    contract: Contract = field(hash=False, repr=False, eq=False)
    control: str | None = None
    text: str | None = None
    feature: str | None = None
    runtimes: tuple[str, ...] | None = None
    axes: tuple[Axis, ...] = ()
    combine: Literal["product", "pairwise", "3-wise"] = "product"
    exceptions: tuple[Mapping[str, frozenset[str]], ...] = field(default=(), hash=False)
    needs: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    destructive: bool = False
    command: str | None = None
    file: str = ""
    line: int = 0

    @property
    def needs_lock(self) -> bool:
        """Whether the case may run only inside the lock (KIT-15)."""
        return self.destructive or "hostile" in self.tags


@frozen
class Cell:
    """One row of a case. ``axes`` holds every axis including runtime, via and output.

    ``plan``: ``run``; ``refusal`` (parity says unsupported: its steps are the probe, which must
    end with the declared signature); ``diverged`` (runs as written, ``parity`` has the signature).
    """

    id: str
    case: Case
    axes: Mapping[str, AxisValue] = field(hash=False)
    runtime: str
    via: str
    output: str
    plan: Plan = "run"
    parity: ParityEntry | None = None
    first: bool = False

    @property
    def brisk(self) -> bool:
        """Whether it belongs to the short plan, whose word in a selection is ``brisk``.

        That is the ``first`` cell of each case in each runtime, and of the rest each fiftieth,
        chosen by its id without the runtime: the same on every machine, whatever else is selected,
        and in every runtime, so that these can be compared.
        """
        values = self.id.replace(f"[{self.runtime}", "[", 1)
        return self.first or zlib.crc32(values.encode()) % 50 == 0


@frozen
class Suite:
    """All data, loaded and checked. ``cases`` by id, with the probes of the parity matrix last.

    ``digest`` (sha256, hex) covers every file's data, not its comments. ``gaps`` are holes in the
    data that ``load_suite(allow_gaps=True)`` let pass; ``warnings`` never stop a run.
    """

    contract: Contract
    parity: Parity
    cases: Mapping[str, Case] = field(hash=False)
    values: Mapping[str, tuple[AxisValue, ...]] = field(hash=False)
    digest: str
    gaps: tuple[DataError, ...] = ()
    warnings: tuple[DataError, ...] = ()
