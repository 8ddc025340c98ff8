"""A selection is a boolean over names; a typo selects nothing, wherever it stands."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.matrix import expand, load_suite, select, unmatched


@pytest.fixture
def cells(folder: Path) -> list[Cell]:
    return list(expand(load_suite(folder)))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("RM-1c and host and not json", ["flag,text", "env,text"]),
        ("rm-unknown and host and json", ["flag,json", "env,json"]),
        ("rm-unk* and host and (text or json) and flag", ["flag,text", "flag,json"]),
        ("negative and not not host and not text", ["flag,json", "env,json"]),
    ],
)
def test_words_are_names_and_combine(
    cells: list[Cell], expression: str, expected: list[str]
) -> None:
    ids = [f"rm-unknown[host,{row}]" for row in expected]
    assert ids == [cell.id for cell in select(expression, cells)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ls", 2),
        ("rm", 14),
        ("positive", 7),
        ("probe", 1),
        ("refusal", 1),
        ("rm.keep-volumes", 1),
        ("default", 1),
        ("rm-known[host,env]", 1),
        ("rm-known[*]", 5),
        ("RM-1?", 14),
        ("ls or RM-1c", 10),
    ],
)
def test_a_name_of_any_kind_selects_what_bears_it(
    cells: list[Cell], expression: str, expected: int
) -> None:
    assert expected == len(list(select(expression, cells)))


@pytest.mark.parametrize(
    ("expression", "strangers"),
    [
        ("hots", ("hots",)),
        ("not jsno", ("jsno",)),
        ("host or RM-99", ("RM-99",)),
        ("(ls or nope*) and not nix", ("nope*", "nix")),
        ("host", ()),
    ],
)
def test_a_word_that_matches_nothing_selects_nothing_and_is_named(
    cells: list[Cell], expression: str, strangers: tuple[str, ...]
) -> None:
    assert strangers == unmatched(expression, cells)
    assert bool(strangers) != bool(list(select(expression, cells)))


@pytest.mark.parametrize(
    "expression", ["", "  ", "and", "host and", "not", "(host", "host)", "a b"]
)
def test_an_expression_of_no_form_is_refused_before_any_cell_is_looked_at(expression: str) -> None:
    with pytest.raises(ValueError, match=r"selection .*write for example"):
        select(expression, [])


def test_selection_is_lazy_once_every_word_has_been_seen(cells: list[Cell]) -> None:
    def endless() -> Iterator[Cell]:
        yield from itertools.cycle(cells)

    first = list(itertools.islice(select("ls and not host", endless()), 3))
    assert [cell.id for cell in first] == ["ls-names[container]"] * 3


def test_the_short_plan_holds_every_case_in_every_runtime(suite: Suite) -> None:
    every = list(expand(suite))
    brisk = list(select("brisk", every))
    assert {(c.case.id, c.runtime) for c in brisk} == {(c.case.id, c.runtime) for c in every}
    assert 700 <= len(brisk) <= len(every) * 0.6
    # What is played in one runtime has its like in the other one, where that has such a cell.
    ids = {c.id for c in every}
    other = {"host": "container", "container": "host"}
    twins = {(c.id, c.id.replace(c.runtime, other[c.runtime], 1)) for c in brisk if not c.first}
    assert {twin for _, twin in twins if twin in ids} <= {c.id for c in brisk}
    # Of a cell it depends on nothing else that is chosen.
    assert [c.id for c in select("brisk and host", every)] == [
        c.id for c in brisk if c.runtime == "host"
    ]
    assert [c.id for c in select("brisk", expand(suite, ["host"]))] == [
        c.id for c in brisk if c.runtime == "host"
    ]
