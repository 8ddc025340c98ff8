"""The search for a sequence that program and reference answer differently, made short.

Hypothesis makes sequences, and ``shorten`` makes short the first that shows a difference. They are
played in every runtime step by step, in lock-step: what is equal to the reference in each is equal
between them, but for what the contract says differs.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import hypothesis
from attrs import define, field, frozen

from conformance.execute import zygote_of
from conformance.model.reference import reads_of
from conformance.model.shorten import shorten
from conformance.model.strategy import sequences
from conformance.model.world import Difference, Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conformance.catalogue.contract import Contract
    from conformance.lock.client import Zygote
    from conformance.model.actions import Action
    from conformance.settings import Settings

__all__ = ["Found", "Plan", "Player", "search"]

_MORE = 10


@frozen
class Plan:
    """What to search: so many sequences of at most so many steps, from a seed.

    ``shrinking``: seconds after which a sequence is left as short as it is by then.
    """

    sequences: int
    steps: int
    seed: int
    without: tuple[str, ...] = ()
    shrinking: float = 180.0


@define
class Player:
    """Plays sequences, each in sandboxes of its own, and counts what it does."""

    settings: Settings
    contract: Contract
    zygote: Zygote
    name: str
    played: int = 0
    steps: int = 0
    counts: dict[tuple[str, str, str], int] = field(factory=dict)

    def play(self, actions: Sequence[Action], runtimes: Sequence[str]) -> Difference | None:
        """The first difference that ``actions`` show in one of ``runtimes``, None without any."""
        self.played += 1
        with contextlib.ExitStack() as stack:
            lanes = []
            for runtime in runtimes:
                name = f"{self.name}-{self.played}"
                lane = Lane.open(runtime, self.settings, self.contract, self.zygote, name)
                stack.callback(lane.close)
                lanes.append(lane)
            try:
                for action in actions:
                    for lane in lanes:
                        if (difference := lane.step(action)) is not None:
                            return difference
                return next(filter(None, map(_audited, lanes)), None)
            finally:
                self._count(lanes)

    def _count(self, lanes: Sequence[Lane]) -> None:
        for lane in lanes:
            self.steps += len(lane.commands)
            for (word, how), count in lane.counts.items():
                key = (lane.runtime, word, how)
                self.counts[key] = self.counts.get(key, 0) + count


def _audited(lane: Lane) -> Difference | None:
    """Read again, at the end, whatever is known to have been written and must still be there."""
    return next(filter(None, map(lane.step, reads_of(lane.state, lane.runtime))), None)


@frozen
class Found:
    """The shortest sequence that was found, with the difference that it shows.

    ``again``: it showed it once more when it was played again at the end.
    """

    actions: tuple[Action, ...]
    difference: Difference
    again: bool


@define
class _Search:
    """One search: what was played so far, and the first difference."""

    player: Player
    plan: Plan
    stopped: Callable[[], bool]
    stop: Callable[[], None]
    known: set[tuple[Action, ...]] = field(factory=set)
    found: tuple[tuple[Action, ...], Difference] | None = None

    def try_(self, actions: tuple[Action, ...]) -> None:
        """Play a sequence that was not played yet, unless it is over already.

        It never raises: Hypothesis would go on from there, and make it short in its own way.
        """
        over = self.found is not None or self.player.played == self.plan.sequences
        if over or actions in self.known or self.stopped():
            return
        self.known.add(actions)
        difference = self.player.play(actions, self.player.settings.runtimes)
        if difference is not None:
            self.found = (actions, difference)
            self.stop()

    def rounds(self) -> None:
        """Have Hypothesis make sequences until so many different ones are played, or none is new.

        It has no part in making one short: it would try hundreds, and each takes a second.
        """
        before = -1
        while self.found is None and before < self.player.played < self.plan.sequences:
            before = self.player.played
            # Some more than are wanted, since some will come twice.
            count = self.plan.sequences - before + _MORE
            _tried(self, count, self.plan.seed + (before << 32))

    def shortened(self) -> Found | None:
        """What was found, made short in its runtime, and played once more."""
        if self.found is None:
            return None
        actions, difference = self.found
        until = time.monotonic() + self.plan.shrinking
        best = difference

        def fails(candidate: tuple[Action, ...]) -> bool:
            nonlocal best
            if time.monotonic() > until:
                return False
            seen = self.player.play(candidate, [difference.runtime])
            if seen is None or seen.kind != difference.kind:
                return False
            best = seen
            return True

        actions = shorten(actions, fails)
        again = self.player.play(actions, [difference.runtime])
        return Found(actions, again or best, again is not None)


def _tried(one: _Search, count: int, seed: int) -> None:
    """Let Hypothesis make ``count`` sequences."""
    runtimes = one.player.settings.runtimes
    # The one that can do most; every other refuses a part of it.
    runtime = "container" if "container" in runtimes else runtimes[0]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
        print_blob=False,
        report_multiple_bugs=False,
    )
    @hypothesis.given(sequences(one.plan.steps, runtime, one.plan.without))
    def test(actions: tuple[Action, ...]) -> None:
        one.try_(actions)

    test()


def search(
    plan: Plan,
    settings: Settings,
    contract: Contract,
    *,
    name: str,
    stopped: Callable[[], bool] = lambda: False,
    stop: Callable[[], None] = lambda: None,
) -> tuple[Found | None, Player]:
    """Play sequences until one shows a difference, which is then made short; None without any.

    ``name`` is that of the sandboxes, and must be its own in the run. ``stopped`` tells whether
    somebody else has found something, ``stop`` tells others.
    """
    with zygote_of(settings) as zygote:
        one = _Search(Player(settings, contract, zygote, name), plan, stopped, stop)
        one.rounds()
        return one.shortened(), one.player
