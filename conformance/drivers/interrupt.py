"""Ctrl-C and the processes of a pool: a terminal sends it to all of them, at any moment.

A Python that is only starting would end with a traceback of its own.
"""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["hear_interrupts", "interrupts_held"]


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold SIGINT back; what is started meanwhile does not get it before ``hear_interrupts``."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hear_interrupts(handler: signal.Handlers | Callable[[int, FrameType | None], object]) -> None:
    """Meet SIGINT by ``handler`` from now on, in a process that was started while it was held."""
    signal.signal(signal.SIGINT, handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
