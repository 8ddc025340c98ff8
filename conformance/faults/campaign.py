"""A campaign: every chosen fault is hunted, on several processes, and the score is made up.

The world of a run (repositories, their server, the engine's image, the proof that the lock holds)
is made once for all faults; only what is faulty is made for each.
"""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from conformance.catalogue.matrix import expand, load_suite
from conformance.drivers.interrupt import hear_interrupts, interrupts_held
from conformance.faults.hunt import Hunt, Trail, cells_for, hunt, is_good
from conformance.lock import kernel
from conformance.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Future

    from conformance.catalogue.case import Cell, Suite
    from conformance.faults.fault import Catalogue, Fault, Subject

__all__ = ["campaign", "trails_of"]

_ENGINE = "fake"


@define
class _Process:
    """What one process of a campaign holds: the data, and the cells by id."""

    suite: Suite
    settings: Settings
    subject: Subject
    name: str
    workshop: Path
    count: int = 0
    cells: dict[str, Cell] = field(factory=dict)

    def next_name(self) -> str:
        self.count += 1
        return f"{self.name}{self.count}"


_process: _Process | None = None


def trails_of(faults: Iterable[Fault], suite: Suite) -> list[Trail]:
    """Return a trail for each fault and runtime, those with the fewest cells first.

    One without a cell is a trail too: nothing can catch it, and that is a survivor.
    """
    cells: dict[str, list[Cell]] = {}
    for cell in expand(suite):
        cells.setdefault(cell.runtime, []).append(cell)
    return [
        Trail(
            fault,
            runtime,
            tuple(cell.id for cell in cells_for(fault, runtime, cells[runtime], _ENGINE)),
        )
        for fault in faults
        for runtime in fault.runtimes
    ]


def campaign(
    catalogue: Catalogue,
    trails: Sequence[Trail],
    settings: Settings,
    *,
    workers: int,
    limit: float,
    told: Callable[[Hunt], None],
) -> list[Hunt]:
    """Hunt along every trail and return what became of each, in their order.

    ``limit``: seconds for one trail. ``told`` hears of each hunt as it ends. A catch by a cell that
    the good program fails too is void.
    """
    # Not by fork: the git server of the run is a thread of this process.
    context = multiprocessing.get_context("spawn")
    with (
        # On the disk: the folder of a run may lie in memory, where no zygote sees a program.
        tempfile.TemporaryDirectory(prefix="awl-faults-") as workshop,
        ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=_begin,
            initargs=(settings.dumps(), catalogue.subject, workshop, context.Value("i", 0)),
        ) as pool,
    ):
        found: dict[int, Hunt] = {}
        try:
            with interrupts_held():
                waiting: dict[Future[Hunt], int] = {
                    pool.submit(_hunt, trail, limit): at for at, trail in enumerate(trails)
                }
            for future in as_completed(waiting):
                found[waiting[future]] = future.result()
                told(found[waiting[future]])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        hunts = [found[at] for at in range(len(trails))]
        cells = sorted({one.cell for one in hunts if one.cell is not None})
        parts = [cells[at::workers] for at in range(workers)]
        good: dict[str, bool] = {}
        for part in pool.map(_good, parts):
            good |= part
    return [evolve(one, void=not good[one.cell]) if one.cell else one for one in hunts]


# ---------------------------------------------------------------------- in each process
def _begin(settings: str, subject: Subject, workshop: str, counter: object) -> None:
    global _process
    hear_interrupts(signal.SIG_DFL)  # it ends, and has nothing to say of that
    kernel.die_with_parent()  # whatever ends the campaign ends its hunts
    world = Settings.loads(settings)
    suite = load_suite(Path(world.matrices))
    with counter.get_lock():  # type: ignore[attr-defined]
        counter.value += 1  # type: ignore[attr-defined]
        name = f"f{counter.value}-"  # type: ignore[attr-defined]
    cells = {cell.id: cell for cell in expand(suite)}
    _process = _Process(suite, world, subject, name, Path(workshop), cells=cells)


def _here() -> _Process:
    if _process is None:
        raise RuntimeError("the process of a campaign was not begun")
    return _process


def _hunt(trail: Trail, limit: float) -> Hunt:
    here = _here()
    return hunt(
        trail,
        here.cells,
        here.suite,
        here.subject,
        here.settings,
        workshop=here.workshop,
        limit=limit,
        name=here.next_name(),
    )


def _good(ids: list[str]) -> dict[str, bool]:
    here = _here()
    cells = [here.cells[id_] for id_ in ids]
    return is_good(cells, here.suite, here.settings, here.next_name()) if cells else {}
