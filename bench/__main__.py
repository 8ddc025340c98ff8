"""``python -m bench [--quick] [--only NAME] [--out FILE]``: measure, and write the page.

A whole run writes ``docs/PERFORMANCE.md``; a quick or partial one prints its page, so that it never
replaces the real one. Exit code 0 also where a budget is missed: a page is no gate. 2: usage error.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import headroom, shown_budget, shown_value
from bench.figures import GROUPS, Plan
from bench.machine import facts
from bench.page import render
from bench.place import CHECKOUT

if TYPE_CHECKING:
    from bench.figure import Figure

__all__ = ["main"]

_PAGE = CHECKOUT / "docs" / "PERFORMANCE.md"


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for; 0."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the budgets.")
    parser.add_argument("--quick", action="store_true", help="few rounds; prints, writes nothing")
    parser.add_argument(
        "--only",
        action="append",
        choices=tuple(GROUPS),
        metavar="NAME",
        help=f"one group, may be repeated: {', '.join(GROUPS)}",
    )
    parser.add_argument("--out", type=Path, help="write the page here in any case")
    chosen = parser.parse_args(arguments)
    whole = not (chosen.quick or chosen.only)
    out: Path | None = chosen.out or (_PAGE if whole else None)
    before = _load()
    figures = _measured(chosen.only or list(GROUPS), Plan(chosen.quick, _note))
    machine = facts() | {"load before and after (1 min)": f"{before}, {_load()}"}
    day = dt.datetime.now(tz=dt.UTC).date().isoformat()
    text = render(figures, machine, day=day, quick=chosen.quick)
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
        _note(f"written: {out.name}")
    return 0


def _measured(groups: list[str], plan: Plan) -> list[Figure]:
    figures = []
    for name in groups:
        _note(f"{name} …")
        for figure in GROUPS[name](plan):
            figures.append(figure)
            stand = headroom(figure).replace("**", "")
            _note(f"  {figure.name}: {shown_value(figure)}; {shown_budget(figure)}; {stand}")
    return figures


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
