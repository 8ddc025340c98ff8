"""One search on several processes: each plays its part of the sequences, from a seed of its own.

The first that finds something has the others stop; what it found does not depend on them.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen
from hypothesis.configuration import set_hypothesis_home_dir

from conformance.catalogue.matrix import load_suite
from conformance.drivers.interrupt import hear_interrupts, interrupts_held
from conformance.lock import kernel
from conformance.model.search import Found, Plan, search
from conformance.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Report", "campaign"]


@frozen
class Report:
    """What a search gave: what was found first, and how much was played.

    ``counts`` has the number of answers by (runtime, command, exit code).
    """

    found: Found | None
    sequences: int
    steps: int
    counts: Mapping[tuple[str, str, str], int] = field(factory=dict, hash=False)


_stop: Any = None


def campaign(plan: Plan, settings: Settings, *, workers: int) -> Report:
    """Play ``plan.sequences`` sequences on ``workers`` processes, until one shows a difference."""
    # Not by fork: the git server of the run is a thread of this process.
    context = multiprocessing.get_context("spawn")
    parts = [plan.sequences // workers + (at < plan.sequences % workers) for at in range(workers)]
    plans = [
        evolve(plan, sequences=part, seed=plan.seed * workers + at)
        for at, part in enumerate(parts)
        if part
    ]
    stop = context.Event()
    with ProcessPoolExecutor(
        len(plans),
        mp_context=context,
        initializer=_begin,
        initargs=(stop, str(settings.folder / "hypothesis")),
    ) as pool:
        texts = [settings.dumps()] * len(plans)
        try:
            # Ctrl-C is for this process, which tells the others: it waits until they are there.
            with interrupts_held():
                played = pool.map(_search, plans, texts, range(len(plans)))
            reports = list(played)
        except KeyboardInterrupt:
            stop.set()
            raise
    counts: dict[tuple[str, str, str], int] = {}
    for report in reports:
        for key, count in report.counts.items():
            counts[key] = counts.get(key, 0) + count
    return Report(
        next((report.found for report in reports if report.found is not None), None),
        sum(report.sequences for report in reports),
        sum(report.steps for report in reports),
        counts,
    )


def _begin(stop: object, home: str) -> None:
    global _stop
    # By a handler: the programs that are played would inherit that it is ignored, or blocked.
    hear_interrupts(lambda *_: None)
    kernel.die_with_parent()  # whatever ends the search ends its parts
    set_hypothesis_home_dir(home)  # else it leaves a folder where the person is
    _stop = stop


def _search(plan: Plan, text: str, number: int) -> Report:
    settings = Settings.loads(text)
    contract = load_suite(Path(settings.matrices)).contract
    found, player = search(
        plan, settings, contract, name=f"model{number}", stopped=_stop.is_set, stop=_stop.set
    )
    return Report(found, player.played, player.steps, player.counts)
