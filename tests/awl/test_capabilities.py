from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awl.commands import capabilities_command
from conformance.catalogue.matrix import load_suite
from conformance.catalogue.parity_matrix import option_feature

if TYPE_CHECKING:
    from conformance.catalogue.case import Suite
    from tests.awl.conftest import World

_MATRICES = Path(__file__).resolve().parents[2] / "matrices"


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load_suite(_MATRICES, allow_gaps=True)


def test_the_features_are_exactly_the_commands_and_options_of_the_contract(suite: Suite) -> None:
    stated = [
        feature
        for command in suite.contract.commands.values()
        for feature in (command.id, *(option_feature(command, one) for one in command.options))
    ]
    assert sorted(capabilities_command.features()) == sorted(stated)


def test_what_is_reported_agrees_with_the_parity_matrix_in_both_directions(
    suite: Suite, world: World
) -> None:
    reported = world.awl("capabilities", "--json").document["runtimes"]
    assert set(suite.contract.runtimes) <= set(reported)
    for runtime in suite.contract.runtimes:
        for feature, row in reported[runtime].items():
            entry = suite.parity.entry(feature, runtime)
            assert entry is not None, f"{feature} is not in the parity matrix"
            assert row["supported"] == (entry.expect != "unsupported"), (runtime, feature)
            assert (row["reason"] is None) == row["supported"]


def test_it_needs_no_engine_and_makes_nothing(world: World) -> None:
    result = world.awl("capabilities")
    assert result.code == 0
    assert "host rm.keep-volumes unsupported: a host workspace has no volumes\n" in result.out
    assert "container rm.keep-volumes supported\n" in result.out
    assert not world.root.exists()


@pytest.mark.parametrize("name", ["host", "container"])
def test_a_chosen_runtime_is_shown_alone(world: World, name: str) -> None:
    by_flag = world.awl("--runtime", name, "capabilities", "--json").document
    by_variable = world.awl("capabilities", "--json", env={"AWL_RUNTIME": name}).document
    assert list(by_flag["runtimes"]) == [name]
    assert by_variable == by_flag
