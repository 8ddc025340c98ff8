"""The search for a sequence that program and reference answer differently, made short.

Hypothesis makes sequences and shrinks the first that shows a difference. A sequence is played in
every runtime step by step in lock-step; what is equal to the reference in each is equal between
them, but for what the contract says differs.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import hypothesis
from attrs import define, evolve, field, frozen

from conformance.execute import zygote_of
from conformance.model.reference import reads_of
from conformance.model.strategy import sequences
from conformance.model.world import Difference, Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conformance.catalogue.contract import Contract
    from conformance.lock.client import Zygote
    from conformance.model.actions import Action
    from conformance.settings import Settings

__all__ = ["Found", "Plan", "Player", "search"]


@frozen
class Plan:
    """What to search: so many sequences of at most so many steps, from a seed.

    ``shrinking``: seconds after which a sequence is left as short as it is by then.
    """

    sequences: int
    steps: int
    seed: int
    without: tuple[str, ...] = ()
    shrinking: float = 60.0


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


class _DifferenceError(Exception):
    """Tells Hypothesis that a sequence shows a difference."""


@define
class _Search:
    """One search: what was played so far, and what is being shrunk."""

    player: Player
    plan: Plan
    stopped: Callable[[], bool]
    stop: Callable[[], None]
    known: dict[tuple[Action, ...], Difference | None] = field(factory=dict)
    first: Difference | None = None
    until: float = 0.0
    best: tuple[tuple[Action, ...], Difference] | None = None

    def try_(self, actions: tuple[Action, ...]) -> None:
        """Play a sequence that was not played yet; _DifferenceError where it shows one.

        Once a difference was found only what shows one of its kind counts, in its runtime alone;
        and when the time for shrinking is over, no sequence that is not known already.
        """
        if actions not in self.known:
            self.known[actions] = self._played(actions)
        if (difference := self.known[actions]) is not None:
            if self.best is None or _size(actions) < _size(self.best[0]):
                self.best = (actions, difference)
            raise _DifferenceError

    def _played(self, actions: tuple[Action, ...]) -> Difference | None:
        if self.first is None:
            if self.stopped():
                return None
            found = self.player.play(actions, self.player.settings.runtimes)
            if found is not None:
                self.stop()
                self.first, self.until = found, time.monotonic() + self.plan.shrinking
            return found
        if time.monotonic() > self.until:
            return None
        found = self.player.play(actions, [self.first.runtime])
        return found if found is not None and found.kind == self.first.kind else None


def _size(actions: tuple[Action, ...]) -> tuple[int, int]:
    return len(actions), len(repr(actions))


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
        player = Player(settings, contract, zygote, name)
        one = _Search(player, plan, stopped, stop)
        with contextlib.suppress(_DifferenceError):
            _rounds(one, plan)
        if one.best is None:
            return None, player
        actions, difference = one.best
        again = player.play(actions, [difference.runtime])
        return Found(actions, again or difference, again is not None), player


def _rounds(one: _Search, plan: Plan) -> None:
    """Have Hypothesis make sequences until so many different ones are played, or none is new."""
    played = -1
    while played < one.player.played < plan.sequences:
        played = one.player.played
        rest = evolve(plan, sequences=plan.sequences - played, seed=plan.seed + (played << 32))
        _test(one, rest)()


def _test(one: _Search, plan: Plan) -> Callable[[], None]:
    """What Hypothesis runs."""

    @hypothesis.seed(plan.seed)
    @hypothesis.settings(
        max_examples=plan.sequences,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
        print_blob=False,
        report_multiple_bugs=False,
    )
    @hypothesis.given(sequences(plan.steps, plan.without))
    def test(actions: tuple[Action, ...]) -> None:
        one.try_(actions)

    return test
