"""The page that people read."""

from __future__ import annotations

from bench.figure import Figure, not_measured
from bench.measure import Spread
from bench.page import render, table

FAST = Figure("fast", "g", "x", Spread(1.0, 0.9, 1.1, 9), 4.0, "fast ÷ yard", "Fast 9 ms")
SLOW = Figure("slow", "g", "s", Spread(3.0, 3.0, 3.0, 1), 2.0, "slow by the clock")
GONE = not_measured("gone", "g", "x", 1.5, "no real engine: DOCKER_HOST is not set")


def test_the_table_has_figure_measured_budget_and_headroom() -> None:
    assert table([FAST]).splitlines() == [
        "| figure | measured | budget | headroom |",
        "| --- | --- | --- | --- |",
        "| fast | 1x (0.9 to 1.1, n=9) | ≤ 4x | 75 % |",
    ]


def test_the_worst_comes_first_and_what_is_missing_is_listed_with_its_reason() -> None:
    rows = [
        line for line in _page().splitlines() if line.startswith(("| fast", "| slow", "| gone"))
    ]
    assert rows == [
        "| slow | 3 s | ≤ 2 s | **-50 %, over** |",
        "| fast | 1x (0.9 to 1.1, n=9) | ≤ 4x | 75 % |",
        "| gone | not measured: no real engine: DOCKER_HOST is not set | ≤ 1.5x | none |",
    ]
    assert "1 of 2 measured budgets are met, 1 is missed; 1 figure was not measured." in _page()


def test_each_measured_figure_says_how_with_its_absolute_values() -> None:
    page = _page()
    assert "- **fast**: fast ÷ yard. Fast 9 ms.\n" in page
    assert "- **slow**: slow by the clock.\n" in page
    assert "- **gone**" not in page


def test_the_machine_and_the_day_are_told() -> None:
    page = _page()
    assert "Measured on 2026-01-02.\n" in page
    assert "| CPU | A \\| B |\n" in page
    assert page.endswith("|\n")


def test_a_quick_look_says_so() -> None:
    assert "quick look" not in _page()
    assert "quick look" in _page(quick=True)


def test_paths_in_words_of_programs_are_not_shown() -> None:
    why = "`awl` ended with 1: cannot write /home/someone/x.json, see https://example.org/a/b"
    shown = table([not_measured("f", "g", "x", 1.0, why)])
    assert "cannot write (a path), see https://example.org/a/b" in shown


def test_line_ends_do_not_break_the_table() -> None:
    assert len(table([not_measured("f", "g", "x", 1.0, "one\ntwo")]).splitlines()) == 3


def _page(*, quick: bool = False) -> str:
    return render([GONE, FAST, SLOW], {"CPU": "A | B"}, day="2026-01-02", quick=quick)
