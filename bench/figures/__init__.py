"""What is measured, by group: each module measures one side of the house and yields figures.

A group is a function of a ``Plan``; it never fails for what a machine lacks, but yields figures
that say so.
"""

from __future__ import annotations

from bench.figures import container, engine, hotpath, memory, suite
from bench.figures.plan import Plan

__all__ = ["GROUPS", "Plan"]

#: By the name that ``--only`` takes, in the order in which they run.
GROUPS = {
    "hot-path": hotpath.measure,
    "container": container.measure_fake,
    "container-real": container.measure_real,
    "fake": engine.measure,
    "suite": suite.measure,
    "expansion": suite.measure_expansion,
    "memory": memory.measure,
}
