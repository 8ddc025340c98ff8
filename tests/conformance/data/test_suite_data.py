"""The suite's own data: it loads, it is safe, and each of its cells can be bound."""

import os.path
from pathlib import Path

import pytest

from conformance import resources
from conformance.catalogue.case import Suite
from conformance.catalogue.matrix import bind, control_of, expand, load_suite
from conformance.catalogue.template import fill

VARIABLES = {
    name: f"/box/{name}"
    for name in (
        "home",
        "tmp",
        "remote",
        "repos",
        "prefix",
        "image",
        "canary",
        "program",
        "address",
    )
} | {"sandbox": "/box", "root": "/box/state/root"}


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load_suite(resources.matrices(), allow_gaps=True)


def test_every_cell_binds_and_has_an_id_of_its_own(suite: Suite) -> None:
    seen = set()
    for cell in expand(suite):
        assert bind(cell, VARIABLES).steps
        seen.add(cell.id)
    assert len(seen) == sum(1 for _ in expand(suite))


def test_every_negative_cell_of_a_case_file_has_a_control_that_runs(suite: Suite) -> None:
    for cell in expand(suite):
        if cell.case.polarity == "negative" and "probe" not in cell.case.tags:
            control = control_of(suite, cell)
            assert control is not None
            assert (control.case.polarity, control.plan) == ("positive", "run")
            assert cell.runtime == control.runtime


def test_hostile_values_lead_to_nothing_outside_the_sandbox(suite: Suite) -> None:
    """KIT-15: not even a program that joins a name to the root and removes it does any harm."""
    for value in suite.values["hostile-names"]:
        name = fill(value.value, VARIABLES.__getitem__)
        reached = os.path.normpath(os.path.join(VARIABLES["root"], name))  # noqa: PTH118 - as it would
        assert reached.startswith("/box/")


def test_cases_of_hostile_values_and_destructive_commands_need_the_lock(suite: Suite) -> None:
    assert suite.cases["rm-hostile-name"].needs_lock
    assert suite.cases["rm-known"].destructive
    assert not suite.cases["ls-names"].needs_lock


def test_a_journal_is_kept_on_every_engine(suite: Suite) -> None:
    assert set() == suite.cases["ls-one-engine-call"].needs
    assert set() == suite.cases["ls-names"].needs


def test_the_schemas_are_found_beside_the_matrices() -> None:
    names = {path.stem for path in resources.schemas().glob("*.json")}
    assert {"cases", "contract", "parity", "values"} <= names


def test_the_stand_in_programs_are_found() -> None:
    assert (resources.stubs() / "docker").is_file()


def test_installed_data_comes_before_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "conformance")
    with pytest.raises(FileNotFoundError, match="reinstall"):
        resources.matrices()
    (tmp_path / "matrices").mkdir()
    assert tmp_path / "matrices" == resources.matrices()
    installed = tmp_path / "conformance" / "data" / "matrices"
    installed.mkdir(parents=True)
    assert installed == resources.matrices()
