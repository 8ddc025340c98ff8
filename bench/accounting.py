"""A pytest plugin for the suite: what did the programs of each case cost (``-p``)?

Each case has a keeper, the first process of a pid namespace, and whatever a case starts ends as
its child or grandchild: when a case is closed, the keeper's RUSAGE_CHILDREN is the CPU time of all
that the case spawned, and its RUSAGE_SELF is a part of the suite's own. Nobody else can tell: the
zygote leaves its keepers to the kernel, so that ``wait4`` of the suite does not contain them.

In every process that opens cases, the zygote is led through ``account``, which has the keepers
append a line ``OWN CHILDREN`` (CPU seconds) to the file of ``AWL_BENCH_ACCOUNTS``.
"""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["VARIABLE", "Accounts", "account", "pytest_configure", "read"]

VARIABLE = "AWL_BENCH_ACCOUNTS"
_IMPORT = "from conformance.lock.zygote import main; "
_HOOK = "from bench.accounting import account; account({path!r}); "


def pytest_configure() -> None:
    """Lead zygotes of this process through ``account``; they start as ``python -c PROGRAM``."""
    from conformance.lock import client

    program = client._START  # the suite has no figure of this yet
    # The file's name goes along: a zygote may be started with another environment than ours.
    hook = _HOOK.format(path=os.environ.get(VARIABLE, ""))
    if os.environ.get(VARIABLE) and hook not in program:
        if _IMPORT not in program:
            raise RuntimeError("the zygote starts in another way than the benchmarks know")
        client._START = program.replace(_IMPORT, _IMPORT + hook)


def account(path: str) -> None:
    """Have each keeper of this zygote append to ``path``, when its case is closed, its cost."""
    from conformance.lock.keeper import Keeper

    # Opened before the lock, in which only a case's sandbox can be written.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
    close = Keeper._close

    def close_and_account(keeper: Any, request: Any, fds: list[int]) -> Any:
        answer = close(keeper, request, fds)  # everything has been killed and reaped by now
        own, children = (
            sum(resource.getrusage(whose)[:2])
            for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        os.write(file, f"{own:.6f} {children:.6f}\n".encode())
        return answer

    Keeper._close = close_and_account  # type: ignore[assignment]


class Accounts:
    """What the cases of a run cost: their number, and CPU seconds of keepers and of programs."""

    def __init__(self, lines: Iterable[str]) -> None:
        rows = [tuple(float(word) for word in line.split()) for line in lines]
        self.cases = len(rows)
        self.keepers = sum(row[0] for row in rows)
        self.programs = sum(row[1] for row in rows)


def read(path: Path) -> Accounts:
    """The accounts of a run that has ended; empty where nothing was written."""
    return Accounts(path.read_text().splitlines() if path.exists() else ())
