"""Shards: each cell in exactly one, whole only together, and merged the same as one run."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.catalogue.case import Suite
from conformance.catalogue.matrix import expand
from conformance.reports.document import without_named
from conformance.reports.header import Selection
from conformance.reports.plan import PlanError, planned_cells
from conformance.reports.shard import (
    dump_durations,
    durations_of,
    load_durations,
    parse_shard,
    shard_of,
)

from .conftest import ROOT, Report, call, run


@pytest.fixture(scope="session")
def shards(once: Callable[[str, Callable[[Path], None]], Path]) -> tuple[Path, ...]:
    """The folders of four runs, each of one shard."""

    def make(folder: Path) -> None:
        for index in range(1, 5):
            ran = run(folder / str(index), "--shard", f"{index}/4")
            # One shard alone is never green (KIT-11).
            assert ran.exit == 4, ran.stdout + ran.stderr
            assert "one shard of 4" in ran.stdout

    folder = once("shards", make)
    return tuple(folder / str(index) for index in range(1, 5))


def _json(folder: Path) -> Report:
    report: Report = json.loads((folder / "report.json").read_text())
    return report


def test_four_shards_merged_equal_one_run(
    shards: tuple[Path, ...], good_report: Report, tmp_path: Path
) -> None:
    ran = call("merge", *map(str, shards), "--out", str(tmp_path))
    assert ran.exit == 0, ran.stderr
    merged = _json(tmp_path)
    assert json.dumps(without_named(merged)) == json.dumps(without_named(good_report))
    assert merged["footer"]["stable"] == good_report["footer"]["stable"]
    assert [tuple(one["shard"]) for one in merged["header"]["runs"]] == [
        (index, 4) for index in range(1, 5)
    ]
    assert call("verify", str(tmp_path)).exit == 0
    assert "verdict: conformant" in ran.stdout
    assert (tmp_path / "report.html").is_file()


def test_every_cell_is_in_exactly_one(shards: tuple[Path, ...], good_report: Report) -> None:
    seen = Counter(row["cell"] for folder in shards for row in _json(folder)["rows"])
    assert seen == Counter(row["cell"] for row in good_report["rows"])


def test_a_shard_that_is_missing_is_a_gap(shards: tuple[Path, ...], tmp_path: Path) -> None:
    ran = call("merge", *map(str, shards[:3]), "--out", str(tmp_path))
    assert ran.exit == 1
    assert "a gap: shard 4/4 is missing" in ran.stderr


def test_a_shard_that_is_there_twice_is_an_overlap(
    shards: tuple[Path, ...], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.json"
    copy.write_text((shards[0] / "report.json").read_text())
    ran = call("merge", *map(str, shards), str(copy), "--out", str(tmp_path))
    assert ran.exit == 1
    assert "an overlap: shard 1/4 is there 2 times" in ran.stderr
    ran = call("merge", *map(str, [*shards, shards[0]]), "--out", str(tmp_path))
    assert ran.exit == 1
    assert "given twice" in ran.stderr


def test_a_shard_of_another_program_is_refused(
    shards: tuple[Path, ...], broken: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    assert run(other, "--shard", "4/4", "--program", str(broken / "launcher")).exit in (1, 4)
    ran = call("merge", *map(str, shards[:3]), str(other), "--out", str(tmp_path / "out"))
    assert ran.exit == 1
    assert "other program.digest" in ran.stderr


def test_a_whole_run_is_no_shard(shards: tuple[Path, ...], good: Path, tmp_path: Path) -> None:
    ran = call("merge", *map(str, shards), str(good), "--out", str(tmp_path))
    assert ran.exit == 1
    assert "no shard" in ran.stderr


def test_a_shard_that_was_changed_is_refused(shards: tuple[Path, ...], tmp_path: Path) -> None:
    report = _json(shards[1])
    report["rows"][0]["status"] = "skipped"
    spoilt = tmp_path / "spoilt.json"
    spoilt.write_text(json.dumps(report))
    words = (str(shards[0]), str(spoilt), *map(str, shards[2:]))
    ran = call("merge", *words, "--out", str(tmp_path))
    assert ran.exit == 1
    assert "changed" in ran.stderr


def test_the_plan_of_a_shard_needs_the_same_durations(suite: Suite) -> None:
    with pytest.raises(PlanError, match="other durations"):
        planned_cells(suite, Selection(shard=(1, 2), durations="0" * 64))
    with pytest.raises(PlanError, match="one too many"):
        planned_cells(suite, Selection(select="a )"))


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4", "1/4/2"])
def test_what_is_no_shard_is_2(text: str) -> None:
    with pytest.raises(ValueError, match="is no shard"):
        parse_shard(text)
    assert call("run", "--shard", text).exit == 2


@settings(max_examples=8, deadline=None)
@given(count=st.integers(1, 9), longest=st.integers(1, 5000))
def test_the_union_of_shards_is_the_plan_evenly(suite: Suite, count: int, longest: int) -> None:
    cells = [*expand(suite, ("host",))]
    durations = {f"{cell.case.id} host": 10 + n % longest for n, cell in enumerate(cells)}
    parts = [shard_of(cells, index, count, durations) for index in range(1, count + 1)]
    assert Counter(id_ for part in parts for id_ in part) == Counter(c.id for c in cells)
    weight = {cell.id: durations[f"{cell.case.id} host"] for cell in cells}
    loads = [sum(weight[id_] for id_ in part) for part in parts]
    assert max(loads) - min(loads) <= max(weight.values())


def _hashes() -> Iterator[str]:
    code = (
        "from conformance import resources\n"
        "from conformance.catalogue.matrix import expand, load_suite\n"
        "from conformance.reports.shard import shard_of\n"
        "cells = [*expand(load_suite(resources.matrices(), allow_gaps=True))]\n"
        "print(sorted(shard_of(reversed(cells), 2, 5, {})))"
    )
    for seed in ("1", "2"):
        yield subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            timeout=120,
        ).stdout


def test_shards_do_not_depend_on_hash_seed_or_order(suite: Suite) -> None:
    here = str(sorted(shard_of(expand(suite), 2, 5, {})))
    assert {text.strip() for text in _hashes()} == {here}


def test_durations_are_read_back(good_report: Report, tmp_path: Path) -> None:
    path = tmp_path / "durations.json"
    path.write_text(dump_durations(durations_of(good_report)))
    assert load_durations(path) == durations_of(good_report)
    assert load_durations(tmp_path / "none.json") == {}
