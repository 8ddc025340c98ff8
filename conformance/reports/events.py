"""``run --json``: what happens, as JSON lines for tools that watch a run."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from attrs import asdict, define

from conformance.reports.header import Selection, now
from conformance.results import Result, Tally, Verdict

__all__ = ["Events", "discard"]


def discard(stream: TextIO) -> None:
    """Lead a stream that nobody reads to nowhere: what is buffered has to go somewhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@define
class Events:
    """Writes one event a line: ``start``, ``cell`` for each result, ``end``.

    ``gone``: nobody reads them any more (``run --json | head``), so no more are written.
    """

    stream: TextIO
    gone: bool = False
    _done: int = 0

    def _say(self, event: str, **facts: Any) -> None:
        if self.gone:
            return
        try:
            self.stream.write(json.dumps({"event": event, "time": now(), **facts}) + "\n")
            self.stream.flush()
        except BrokenPipeError:
            self.gone = True
            discard(self.stream)

    def start(self, planned: Mapping[str, tuple[str, str]], selection: Selection) -> None:
        """The plan: how many cells, and how many of each runtime."""
        runtimes = Counter(runtime for runtime, _ in planned.values())
        self._say(
            "start",
            schema_version=1,
            planned=len(planned),
            runtimes=dict(sorted(runtimes.items())),
            selection=asdict(selection),
        )

    def cell(self, result: Result) -> None:
        """One result, with the checks that did not hold."""
        self._done += 1
        self._say(
            "cell",
            cell=result.cell,
            status=str(result.status),
            requirements=list(result.requirements),
            seconds=result.seconds,
            done=self._done,
            reason=result.reason,
            failures=[asdict(check) for check in result.failures],
        )

    def end(self, tally: Tally, verdict: Verdict, out: Path) -> None:
        """The verdict, and where everything lies."""
        counts = {str(status): count for status, count in tally.counts.items()}
        facts = {"planned": tally.planned, "counts": counts, "verdict": asdict(verdict)}
        self._say("end", **facts, results=str(out))
