"""The report that a person reads in a terminal: progress, grid, failures, counts, verdict."""

import os
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from attrs import define, field

from conformance.invoke import RUNTIMES
from conformance.reports.again import replay_line
from conformance.results import Check, Result, Status, Tally, Verdict

__all__ = ["Progress", "summary"]

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "cyan": 36, "bold": 1, "dim": 2}
_TONE = {
    Status.PASS: "green",
    Status.FAIL: "red",
    Status.STALE: "red",
    Status.FLAKY: "red",
    Status.ERROR: "red",
    Status.BLOCKED: "yellow",
    Status.NOT_RUN: "yellow",
    Status.DIVERGED: "yellow",
    Status.UNSUPPORTED: "cyan",
    Status.SKIPPED: "dim",
}
_BAD = (Status.FAIL, Status.STALE, Status.FLAKY, Status.ERROR, Status.BLOCKED, Status.NOT_RUN)
# More groups than this are named by count: a person mends the first ones first.
_GROUPS_SHOWN = 8
_TWINS_SHOWN = 3
_CHECKS_SHOWN = 3
_CONTROL = re.compile(r"^its control \S+ did not pass: ")
_QUIET_SECONDS = 15.0


@define
class Style:
    """Colours and marks, or neither, as the stream can show them."""

    colour: bool
    unicode: bool

    @classmethod
    def of(cls, stream: TextIO) -> "Style":
        """What suits ``stream``: colours on a terminal unless NO_COLOR, marks where UTF-8."""
        colour = stream.isatty() and not os.environ.get("NO_COLOR")
        encoding = (getattr(stream, "encoding", "") or "").lower()
        return cls(colour, encoding.startswith("utf"))

    def paint(self, text: str, tone: str) -> str:
        """``text`` in a colour, where there are colours."""
        return f"\033[{_COLOURS[tone]}m{text}\033[0m" if self.colour else text

    def mark(self, good: bool) -> str:
        """A tick or a cross."""
        return ("✓" if good else "✗") if self.unicode else ("ok" if good else "X")

    @property
    def none(self) -> str:
        """What stands where nothing was played."""
        return "–" if self.unicode else "-"  # noqa: RUF001 - a dash is meant


@define
class Progress:
    """The line that moves on a terminal; elsewhere, and in CI, a quiet line every quarter of a
    minute.
    """

    stream: TextIO
    planned: int
    done: int = 0
    counts: dict[Status, int] = field(factory=lambda: defaultdict(int))
    _started: float = field(factory=time.monotonic)
    _shown: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether a line can be written over: on a terminal that somebody looks at."""
        # CI systems may give a terminal too, and keep every frame of it in their logs.
        return self.stream.isatty() and os.environ.get("CI", "") in ("", "0", "false")

    def add(self, result: Result) -> None:
        """Count a result and show where the run stands."""
        self.done += 1
        self.counts[result.status] += 1
        now = time.monotonic()
        pause = 0.1 if self.moves else _QUIET_SECONDS
        style = Style.of(self.stream)
        if self.moves and result.status in (Status.FAIL, Status.ERROR):
            first = result.failures[0].oracle if result.failures else result.reason
            self._line(style.paint(f"{style.mark(good=False)} {result.cell}", "red") + f"  {first}")
            self.stream.write("\n")
        if self.done == self.planned or now - self._shown >= pause:
            self._shown = now
            self._line(self._bar(style, now - self._started))

    def _line(self, text: str) -> None:
        self.stream.write(f"\r\033[K{text}" if self.moves else f"{text}\n")
        self.stream.flush()

    def _bar(self, style: Style, seconds: float) -> str:
        rate = self.done / seconds if seconds > 0 else 0.0
        left = (self.planned - self.done) / rate if rate else 0.0
        bad = sum(self.counts[status] for status in _BAD)
        text = f"{self.done}/{self.planned} cells  {rate:.1f}/s"
        text += f"  {left:.0f} s left" if self.done < self.planned else f"  {seconds:.1f} s"
        if bad:
            text += "  " + style.paint(f"{bad} not good", "red")
        if not self.moves:
            return text
        width = max(10, min(40, shutil.get_terminal_size().columns - 50))
        full = round(width * self.done / self.planned) if self.planned else width
        block, empty = ("█", "░") if style.unicode else ("#", ".")
        return f"{block * full}{empty * (width - full)} {text}"

    def finish(self) -> None:
        """Leave the moving line."""
        if self.moves:
            self.stream.write("\n")


def _grid(
    planned: Mapping[str, tuple[str, str]], results: Mapping[str, Result], style: Style
) -> list[str]:
    """Rows: commands; columns: runtimes; a cell: passed of planned, and what else there was."""
    boxes: dict[tuple[str, str], dict[Status, int]] = defaultdict(lambda: defaultdict(int))
    for cell, (runtime, command) in planned.items():
        status = results[cell].status if cell in results else Status.NOT_RUN
        boxes[command, runtime][status] += 1
    commands = sorted({command for command, _ in boxes})
    runtimes = sorted({runtime for _, runtime in boxes}, reverse=True)
    width = max([len("command"), *map(len, commands)])
    texts: dict[tuple[str, str], str] = {}
    for key, box in boxes.items():
        good = not any(box[status] for status in _BAD)
        rest = [f"{box[s]} {s}" for s in Status if s is not Status.PASS and box[s]]
        played = sum(box.values()) - box[Status.SKIPPED]
        passed = f"{style.mark(good)} {box[Status.PASS]}/{sum(box.values())}"
        texts[key] = passed if played else style.none
        texts[key] += f" ({', '.join(rest)})" if rest else ""
    columns = {
        runtime: max([len(runtime), *(len(t) for (_, r), t in texts.items() if r == runtime)])
        for runtime in runtimes
    }
    head = "  ".join(runtime.ljust(columns[runtime]) for runtime in runtimes)
    lines = [style.paint(f"  {'command':<{width}}  {head}".rstrip(), "bold")]
    for command in commands:
        row = []
        for runtime in runtimes:
            text = texts.get((command, runtime), style.none).ljust(columns[runtime])
            box = boxes.get((command, runtime), {})
            bad = any(box.get(status) for status in _BAD)
            played = any(box[status] for status in box if status is not Status.SKIPPED)
            row.append(style.paint(text, "red" if bad else "green") if played else text)
        lines.append(f"  {command:<{width}}  {'  '.join(row)}".rstrip())
    return lines


def _signature(result: Result) -> tuple[str, ...]:
    """What makes two failures the same to a reader: the oracles and what they saw."""
    if result.failures:
        return tuple(f"{c.oracle}|{c.expected}|{c.observed}"[:200] for c in result.failures[:1])
    # That its control failed for a reason says less than the reason.
    return (str(result.status), _CONTROL.sub("", result.reason)[:200])


def _indent(text: str, lead: str, lines: int = 6) -> list[str]:
    shown = text.rstrip("\n").split("\n")
    more = [f"… {len(shown) - lines} lines more"] if len(shown) > lines else []
    return [f"{lead}{line}" for line in (*shown[:lines], *more)]


def failure(
    result: Result, texts: Mapping[str, str], style: Style, target: tuple[str, ...] = ()
) -> list[str]:
    """One failure: requirement, what was run, expected, observed, and how to see it again.

    ``target``: the options of ``replay`` that name what was run (``again.target_words``).
    """
    tone = _TONE[result.status]
    lines = [style.paint(f"{style.mark(good=False)} {result.cell}  [{result.status}]", tone)]
    lines += [f"    {name}: {texts.get(name, '')}" for name in result.requirements]
    if result.reason:
        lines += _indent(result.reason, "    why       ")
    for check in result.failures[:_CHECKS_SHOWN]:
        lines += _check(check)
    if (more := len(result.failures) - _CHECKS_SHOWN) > 0:
        lines.append(f"    … and {more} more, see replay")
    if result.steps and result.status in (Status.FAIL, Status.ERROR, Status.STALE, Status.FLAKY):
        step = result.steps[-1]
        set_ = [f"{name}={_quoted(value)}" for name, value in step.env.items() if name in RUNTIMES]
        lines.append(f"    ran       {' '.join([*set_, *map(_quoted, step.argv)])}")
        for name, text in (("stdout", step.stdout), ("stderr", step.stderr)):
            if text.strip():
                lines += [f"    {name}", *_indent(text, "      | ")]
    lines.append(f"    replay    {replay_line(result.cell, target)}")
    return lines


def _check(check: Check) -> list[str]:
    return [
        f"    {check.oracle}",
        *_indent(check.expected, "      expected  "),
        *_indent(check.observed, "      observed  "),
    ]


def _quoted(word: str) -> str:
    plain = word and all(c.isalnum() or c in "-_./=:@%+," for c in word)
    return word if plain else "'" + word.replace("'", "'\\''") + "'"


def _failures(
    results: Iterable[Result], texts: Mapping[str, str], style: Style, target: tuple[str, ...]
) -> list[str]:
    groups = _groups(results)
    lines: list[str] = []
    for members in groups[:_GROUPS_SHOWN]:
        lines += ["", *failure(members[0], texts, style, target)]
        if twins := [member.cell for member in members[1:]]:
            named = ", ".join(twins[:_TWINS_SHOWN])
            more = f" and {len(twins) - _TWINS_SHOWN} more" if len(twins) > _TWINS_SHOWN else ""
            lines.append(f"    the same  {named}{more}")
    if len(groups) > _GROUPS_SHOWN:
        rest = sum(map(len, groups[_GROUPS_SHOWN:]))
        ways = len(groups) - _GROUPS_SHOWN
        lines += ["", f"… and {rest} cells that fail in {ways} other ways: see report.html"]
    return lines


def _groups(results: Iterable[Result]) -> list[list[Result]]:
    """Failures that are one to a reader, the worst statuses first, and of these the greatest.

    Those with the same first check are alike, whichever case they are of; and those of one case
    where the same was expected, whatever was seen.
    """
    seen: dict[tuple[str, ...], list[Result]] = defaultdict(list)
    for result in sorted(results, key=lambda r: r.cell):
        seen[_signature(result)].append(result)
    merged: dict[tuple[str, ...], list[Result]] = defaultdict(list)
    for key, members in seen.items():
        cases = {member.cell.partition("[")[0] for member in members}
        checks = members[0].failures
        one_case = len(cases) == 1 and checks
        merged[(*cases, checks[0].oracle, checks[0].expected) if one_case else key] += members
    return sorted(
        merged.values(), key=lambda group: (min(_BAD.index(r.status) for r in group), -len(group))
    )


def summary(
    *,
    planned: Mapping[str, tuple[str, str]],
    results: Mapping[str, Result],
    texts: Mapping[str, str],
    verdict: Verdict,
    notes: Sequence[str],
    style: Style,
    out: str,
    target: tuple[str, ...] = (),
) -> str:
    """The page at the end of a run.

    ``planned`` maps a cell to ``(runtime, command)``, ``texts`` a requirement id to its text;
    ``notes`` are facts about the run (target, engine, lock), ``out`` names the folder of results;
    ``target`` are the options of ``replay`` that name what was run.
    """
    tally = Tally.of(planned, results)
    lines = [""]
    if verdict.exit == 1 and 0 < tally[Status.BLOCKED] == tally.planned:
        # A dead target: one cause, not as many failures as there are cells (KIT-12).
        lines += [style.paint("root cause", "red"), *_indent(verdict.because, "  ", 12)]
    else:
        bad = [result for result in results.values() if result.status in _BAD]
        lines += _failures(bad, texts, style, target)
    lines += ["", *_grid(planned, results, style), ""]
    counted = [style.paint(f"{tally[s]} {s}", _TONE[s]) for s in Status if tally[s]]
    lines.append(f"  planned {tally.planned} = {' + '.join(counted) or '0'}")
    lines += [f"  {note}" for note in notes]
    lines.append(f"  results {out}")
    word = style.paint(verdict.word, "green" if verdict.exit == 0 else "red")
    because = f" ({verdict.because.splitlines()[0]})" if verdict.because else ""
    lines += ["", f"verdict: {word}{because}", ""]
    return "\n".join(lines)
