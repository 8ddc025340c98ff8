"""Cells come lazily, in one order, with ids that depend on nothing but the data."""

import itertools
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance import resources
from conformance.catalogue.case import Cell, Suite
from conformance.catalogue.matrix import cells_of, control_of, expand, load_suite

HEAD = "cases:\n- {id: x, covers: [LS-1], polarity: positive, when: awl ls, then: {exit: 0}, "

# A brace would be a placeholder; control characters are no YAML.
LETTERS = st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="{}")
VALUES = st.text(LETTERS, max_size=8) | st.integers() | st.booleans() | st.none()
AXES = st.dictionaries(
    st.from_regex(r"x[a-z]{0,3}(-[a-z]{1,3})?", fullmatch=True),
    st.lists(VALUES, min_size=1, max_size=4, unique_by=lambda value: str(value)),
    min_size=1,
    max_size=4,
)


def case(**fields: object) -> str:
    """The text of a case file with one case `x`."""
    return (
        HEAD
        + ", ".join(f"{key}: {json.dumps(fields[key], ensure_ascii=False)}" for key in fields)
        + "}\n"
    )


def ids(suite: Suite, *runtimes: str) -> list[str]:
    cells = expand(suite, runtimes or None)
    return [cell.id for cell in cells if cell.case.id == "x"]


def test_an_id_has_runtime_via_output_and_then_the_axes_as_written(
    with_case: Callable[[str], Suite],
) -> None:
    axes = {"b": ["b/1"], "output": ["json"], "a": [{"is": "x y", "id": "xy"}], "via": ["env"]}
    assert ids(with_case(case(axes=axes))) == [
        "x[container,env,json,b_1,xy]",
        "x[host,env,json,b_1,xy]",
    ]


def test_a_cell_knows_every_axis_though_its_id_names_the_listed_ones(
    with_case: Callable[[str], Suite],
) -> None:
    suite = with_case(case(axes={"n": [7]}))
    [cell] = cells_of(suite, suite.cases["x"], "host")
    assert cell.id == "x[host,7]"
    assert {name: value.value for name, value in cell.axes.items()} == {
        "runtime": "host",
        "via": "flag",
        "output": "text",
        "n": 7,
    }
    assert (cell.runtime, cell.via, cell.output, cell.plan) == ("host", "flag", "text", "run")


def test_default_is_a_way_to_the_default_runtime_only(with_case: Callable[[str], Suite]) -> None:
    suite = with_case(case(axes={"via": ["flag", "default"]}))
    assert ids(suite) == ["x[container,flag]", "x[container,default]", "x[host,flag]"]


def test_exceptions_leave_out_the_rows_where_all_their_keys_match(
    with_case: Callable[[str], Suite],
) -> None:
    suite = with_case(
        case(
            axes={"a": [1, 2, 3], "b": ["x", "z"]},
            **{"except": [{"runtime": "host", "a": [1, 2]}, {"a": 3, "b": "z"}]},
        )
    )
    container = [f"x[container,{row}]" for row in ("1,x", "1,z", "2,x", "2,z", "3,x")]
    assert [*container, "x[host,3,x]"] == ids(suite)


def test_a_case_may_leave_a_runtime_out(with_case: Callable[[str], Suite]) -> None:
    suite = with_case(case(axes={"runtime": ["host"]}))
    assert (ids(suite), ids(suite, "container")) == (["x[host]"], [])


def test_an_exception_may_leave_a_whole_runtime_out(with_case: Callable[[str], Suite]) -> None:
    suite = with_case(case(axes={"a": [1]}, **{"except": [{"runtime": "host"}]}))
    assert ids(suite) == ["x[container,1]"]


def test_a_plug_in_runtime_gets_the_cases_that_list_none(folder: Path) -> None:
    suite = load_suite(folder)
    found = [cell.id for cell in expand(suite, ["microvm"])]
    assert found[:2] == ["ls-names[microvm]", "rm-known[microvm,flag]"]
    assert not [id_ for id_ in found if id_.startswith("parity-")]


@pytest.mark.parametrize("combine", ["pairwise", "3-wise"])
def test_a_runtime_has_the_same_rows_whichever_others_are_asked_for(
    with_case: Callable[[str], Suite], combine: str
) -> None:
    axes = {name: [1, 2, 3, 4] for name in "abcde"}
    suite = with_case(
        case(axes=axes, combine=combine, **{"except": [{"runtime": "host", "a": 1, "b": [1, 2]}]})
    )
    both = ids(suite)
    assert both == ids(suite, "container") + ids(suite, "host")
    assert 16 <= len(both) / 2 < 4**5


def test_pairwise_cells_cover_every_pair_of_each_runtime(
    with_case: Callable[[str], Suite],
) -> None:
    axes = {name: [1, 2, 3] for name in "abcd"}
    suite = with_case(case(axes=axes, combine="pairwise", **{"except": [{"a": 1, "b": 1}]}))
    for runtime in ("container", "host"):
        pairs = {
            ((one, cell.axes[one].id), (two, cell.axes[two].id))
            for cell in cells_of(suite, suite.cases["x"], runtime)
            for one, two in itertools.combinations("abcd", 2)
        }
        assert len(pairs) == 6 * 9 - 1
        assert (("a", "1"), ("b", "1")) not in pairs


def test_an_unsupported_feature_is_a_refusal_by_the_cases_own_steps_where_there_is_no_probe(
    folder: Path, with_case: Callable[[str], Suite]
) -> None:
    path = folder / "parity.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("        probe: awl rm a --keep-volumes --yes\n", ""), "utf-8")
    suite = with_case(case(feature="rm.keep-volumes"))
    container, host = [cell for cell in expand(suite) if cell.case.id == "x"]
    assert (container.plan, host.plan) == ("run", "refusal")
    assert host.parity is not None
    assert (
        host.parity.signature and host.parity.signature.exit,
        container.parity and container.parity.expect,
    ) == (6, "same")


def test_a_probe_stands_in_for_all_cells_of_its_feature_in_that_runtime(
    with_case: Callable[[str], Suite],
) -> None:
    suite = with_case(case(feature="rm.keep-volumes", axes={"a": [1, 2, 3]}))
    assert ids(suite) == ["x[container,1]", "x[container,2]", "x[container,3]"]
    [probe] = [cell for cell in expand(suite) if cell.plan == "refusal"]
    assert (probe.id, probe.case.destructive) == ("parity-rm-keep-volumes-host[host]", True)


def test_a_declared_divergence_runs_and_carries_its_signature(
    folder: Path, with_case: Callable[[str], Suite]
) -> None:
    path = folder / "parity.yaml"
    declared = (
        "runtimes: {container: same, host: {expect: diverged, signature: {exit: 1}, "
        "reason: known, owner: me, expires: 2027-01-31}}"
    )
    row = "command: ls}, requires: [LS-1], runtimes: {container: same, host: same}"
    text = path.read_text("utf-8")
    path.write_text(text.replace(row, f"command: ls}}, requires: [LS-1], {declared}"), "utf-8")
    suite = with_case(case(feature="ls"))
    [cell] = cells_of(suite, suite.cases["x"], "host")
    assert cell.plan == "diverged"
    assert cell.parity is not None
    assert (str(cell.parity.expires), cell.parity.owner) == ("2027-01-31", "me")


def test_a_control_agrees_with_its_cell_where_it_can(folder: Path) -> None:
    suite = load_suite(folder)
    found = {}
    for cell in expand(suite):
        control = control_of(suite, cell)
        found[cell.id] = control and control.id
    assert found["rm-unknown[host,env,json]"] == "rm-known[host,env]"
    assert found["rm-unknown[container,flag,text]"] == "rm-known[container,flag]"
    assert found["rm-known[host,env]"] is None


def test_a_control_without_that_value_is_its_first_cell(with_case: Callable[[str], Suite]) -> None:
    text = case(axes={"via": ["env-short"]}).replace("LS-1", "RM-1c")
    text = text.replace("positive", "negative, control: rm-known")
    text = text.replace("{exit: 0}", "{error: usage, unchanged: [home]}")
    suite = with_case(text)
    [cell] = cells_of(suite, suite.cases["x"], "host")
    control = control_of(suite, cell)
    assert control is not None
    assert control.id == "rm-known[host,flag]"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(axes=AXES, combine=st.sampled_from(["product", "pairwise", "3-wise"]))
def test_ids_are_unique_printable_and_the_same_every_time(
    folder: Path, with_case: Callable[[str], Suite], axes: dict[str, list[object]], combine: str
) -> None:
    listed = {
        name: [{"is": value, "id": f"v{n}"} for n, value in enumerate(values)]
        for name, values in axes.items()
    }
    text = case(axes=listed, combine=combine)
    first = [cell.id for cell in expand(with_case(text))]
    second = [cell.id for cell in expand(load_suite(folder))]
    assert first == second
    assert len(first) == len(set(first))
    assert all(id_.isascii() and id_.isprintable() and " " not in id_ for id_ in first)


def test_ids_and_digest_do_not_depend_on_the_hash_seed(folder: Path) -> None:
    axes = {"one": [1, 2, 3, 4], "two": ["x", "z"], "three": [1, 2, 3], "four": [1, 2, 3]}
    rules = [{"one": [1, 2], "two": "x"}, {"runtime": "host", "three": 1}]
    (folder / "cases" / "extra.yaml").write_text(
        case(axes=axes, combine="3-wise", tags=["slow", "odd"], **{"except": rules})
    )
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from conformance.catalogue.matrix import expand, load_suite\n"
        "suite = load_suite(Path(sys.argv[1]))\n"
        "print(suite.digest, suite.contract.digest)\n"
        "print(*[cell.id for cell in expand(suite)], sep='\\n')\n"
    )
    seen = set()
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=resources.matrices().parent,
            capture_output=True,
            check=True,
            timeout=60,
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_a_hundred_thousand_cells_come_one_by_one_in_flat_memory(
    with_case: Callable[[str], Suite],
) -> None:
    axes = {name: list(range(10)) for name in ("a", "b", "c", "d")}
    suite = with_case(case(axes={**axes, "e": [1, 2, 3, 4, 5]}))
    tracemalloc.start()
    try:
        cells = (cell for cell in expand(suite) if cell.case.id == "x")
        first: Cell = next(cells)
        early = tracemalloc.get_traced_memory()[1]
        count = 1 + sum(1 for _ in cells)
        late = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (first.id, count) == ("x[container,0,0,0,0,1]", 100_000)
    assert late - early < 100_000  # bytes: less than one for each cell
