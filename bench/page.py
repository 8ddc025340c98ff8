"""The page: a table, worst first, then how each figure was measured, then the machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.figure import by_need, headroom, is_over, shown_budget, shown_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.figure import Figure

__all__ = ["render", "table"]

# An absolute path of at least two parts; a quotient such as MiB/s or a URL is none.
_PATH = re.compile(r"(?<![\w./:-])(?:/[^\s/:;,'\"`()]+){2,}/?")
_HEAD = """\
# Performance

The budgets of the design and how near they are, worst first. `make bench` measures them and writes
this page; nothing here is a test, since times depend on the machine and on who else uses it.
"""
_QUICK = """
**A quick look: few rounds, small numbers. Do not draw conclusions from it.**
"""
_METHOD = """\
Whole processes, timed from outside from their start until `wait4` has them: wall time, CPU time
with all descendants, peak memory. What is compared takes turns within one run (A B A B …) after
rounds that do not count; each ratio is made of two neighbours, and what is shown is the median of
all ratios, with the least and greatest in brackets. Absolute values are medians, and a ratio of
these need not be the median of ratios. Budgets are held against medians of wall time.
"""


def render(
    figures: Iterable[Figure], machine: Mapping[str, str], *, day: str, quick: bool = False
) -> str:
    """The whole page as Markdown, ending in one newline. ``day``: when it was measured."""
    ordered = by_need(figures)
    parts = [_HEAD]
    if quick:
        parts.append(_QUICK)
    parts += [
        "\n",
        table(ordered),
        "\n",
        _verdict(ordered),
        "\n## How it was measured\n\n",
        _METHOD,
    ]
    parts.append("\n")
    parts += [_entry(figure) for figure in ordered if figure.measured is not None]
    parts += [f"\n## The machine\n\nMeasured on {day}.\n\n| | |\n| --- | --- |\n"]
    parts += [f"| {key} | {_cell(value)} |\n" for key, value in machine.items()]
    return "".join(parts)


def table(figures: Iterable[Figure]) -> str:
    """The Markdown table of figures, in the order given."""
    rows = ["| figure | measured | budget | headroom |\n| --- | --- | --- | --- |\n"]
    for figure in figures:
        cells = (figure.name, shown_value(figure), shown_budget(figure), headroom(figure))
        rows.append(f"| {' | '.join(_cell(text) for text in cells)} |\n")
    return "".join(rows)


def _verdict(figures: list[Figure]) -> str:
    measured = [f for f in figures if f.measured is not None and f.budget is not None]
    over = sum(is_over(figure) for figure in measured)
    missing = sum(figure.measured is None for figure in figures)
    return (
        f"{len(measured) - over} of {len(measured)} measured budgets are met, {over} "
        f"{'is' if over == 1 else 'are'} missed; {missing} "
        f"{'figure was' if missing == 1 else 'figures were'} not measured.\n"
    )


def _entry(figure: Figure) -> str:
    detail = f" {figure.detail}." if figure.detail else ""
    return f"- **{figure.name}**: {figure.how}.{detail}\n"


def _cell(text: str) -> str:
    """Text that neither a line's end nor a bar can break out of its cell, and without paths.

    Reasons hold words of programs, and these may name folders of the person who ran them.
    """
    return " ".join(_PATH.sub("(a path)", text).replace("|", "\\|").split())
