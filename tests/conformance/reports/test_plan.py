"""The plan of a selection: what an engine can run, and what another alone can."""

from __future__ import annotations

import pytest

from conformance import resources
from conformance.catalogue.matrix import load_suite
from conformance.reports.header import Selection
from conformance.reports.plan import PlanError, planned_cells

SUITE = load_suite(resources.matrices())


def test_the_fake_and_real_engines_share_all_cells_but_those_of_one_kind_alone() -> None:
    fake = planned_cells(SUITE, Selection(engine="fake", select="brisk"))
    real = planned_cells(SUITE, Selection(engine="docker", select="brisk"))
    assert (fake.left_out, real.left_out) == (real.alone, fake.alone)
    assert len(fake.cells.keys() - real.cells.keys()) == fake.alone > 0
    assert len(real.cells.keys() - fake.cells.keys()) == real.alone > 0


def test_podman_is_asked_for_all_that_docker_is_but_for_what_it_loses() -> None:
    docker, podman = (
        planned_cells(SUITE, Selection(engine=name, select="brisk")).cells
        for name in ("docker", "podman")
    )
    assert podman.keys() < docker.keys()
    more = (docker[id_].case for id_ in docker.keys() - podman.keys())
    assert {case.id for case in more} == {"exec-input-is-not-read"}


def test_a_selection_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(PlanError, match="brisq"):
        planned_cells(SUITE, Selection(engine="fake", select="brisq )"))
