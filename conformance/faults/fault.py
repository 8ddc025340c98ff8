"""A seeded fault as frozen values: what is changed, from outside, and which requirement it breaks.

Three kinds, of which a fault has exactly one: edits of the program's modules, edits of the fake
engine's files, and a wrap around the program, which any program in any language can be put in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.catalogue.dataerror import DataError

__all__ = ["Catalogue", "Edit", "Excuse", "Fault", "Place", "Rewrite", "Subject", "Wrap"]

#: What a fault changes: the program's modules, the fake engine, or what goes into and out of it.
Place = Literal["program", "fake", "wrap"]


@frozen
class Edit:
    """One textual change: ``find`` stands exactly once in ``file``, relative to what is copied."""

    file: str
    find: str
    replace: str


@frozen
class Rewrite:
    """Every match of the regular expression ``find`` in a stream becomes ``replace``."""

    find: str
    replace: str


@frozen
class Wrap:
    """What is changed around the program; empty fields change nothing.

    ``drop``: words taken out of the arguments before a ``--``; ``add``: words put behind them all;
    ``env``: variables set, or unset where None; ``exits``: exit codes that become others;
    ``stdin``: False where the program reads nothing. With ``only``, calls that do not have this
    word among their arguments pass untouched.
    """

    only: str = ""
    drop: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    env: Mapping[str, str | None] = field(factory=dict, hash=False)
    stdin: bool = True
    stdout: Rewrite | None = None
    stderr: Rewrite | None = None
    exits: Mapping[int, int] = field(factory=dict, hash=False)


@frozen
class Fault:
    """One fault. It is caught where a cell of a case that covers ``breaks`` fails by a check.

    In each of ``runtimes``, that is. ``oracle``: only a check of this name counts. ``case``: the
    one whose cells are played first, of these those with the value ``value`` on some axis.
    """

    id: str
    text: str
    breaks: str
    runtimes: tuple[str, ...]
    program: tuple[Edit, ...] = ()
    fake: tuple[Edit, ...] = ()
    wrap: Wrap | None = None
    oracle: str | None = None
    case: str | None = None
    value: str | None = None

    @property
    def place(self) -> Place:
        """Which of the three kinds it is."""
        return "wrap" if self.wrap else "fake" if self.fake else "program"


@frozen
class Excuse:
    """A requirement or an oracle that has no fault, and why."""

    name: str
    reason: str


@frozen
class Subject:
    """The program that is made faulty: its ``package``, and where its console script starts.

    ``env`` is set in every call of a faulty one: where a program hides its tracebacks this shows
    them, so that a crash is never taken for a catch.
    """

    package: str
    entry: str
    env: Mapping[str, str] = field(factory=dict, hash=False)


@frozen
class Catalogue:
    """All faults, and what has none with the reason. ``gaps``: what has none, and no reason."""

    subject: Subject
    faults: tuple[Fault, ...]
    excused: tuple[Excuse, ...] = ()
    gaps: tuple[DataError, ...] = ()
