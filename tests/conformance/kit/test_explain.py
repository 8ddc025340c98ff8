"""``explain`` tells an author what is asked, typed and expected, and what to type next."""

import shlex

import pytest
from click.testing import CliRunner

from conformance.catalogue.case import Suite
from conformance.catalogue.matrix import expand, load_suite
from conformance.cli import main
from conformance.kit.explain import explain, names
from conformance.resources import matrices


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load_suite(matrices())


def page(suite: Suite, id_: str) -> str:
    text = explain(suite, id_)
    assert text is not None
    return text


def test_everything_that_has_a_name_has_a_page(suite: Suite) -> None:
    for name in [*names(suite)][::7]:
        assert page(suite, name).strip()
    for cell in [*expand(suite)][::29]:
        assert "then\n" in page(suite, cell.id)


def test_a_requirement_leads_to_parity_cases_and_a_run(suite: Suite) -> None:
    text = page(suite, "CREATE-6a")
    assert "host       unsupported, exit 6 option-unsupported: there is no image" in text
    assert "\n  create-image  positive, 8 cells  (matrices/cases/create.yaml:" in text
    assert "awl create --name a --no-work-repos {from.words} {pull.words}" in text
    assert text.endswith("\n  awl-conformance run --select CREATE-6a [--program PATH]")


def test_a_case_tells_its_values_and_its_control(suite: Suite) -> None:
    text = page(suite, "rm-hostile-name")
    assert "control rm-known: it must pass" in text
    assert "NAME-4 (must): only what carries" in text
    assert "{name}\n  dotdot        {value: .., error: name-invalid}" in text
    assert 'newline       {value: "decoy\\nother"' in text
    assert "and 12 more: awl-conformance cases --select rm-hostile-name" in text


@pytest.mark.parametrize(
    ("cell", "typed", "then"),
    [
        ("rm-known[host,env-short]", "AWL_RUNTIME=host awl rm a --yes", "exit: 0"),
        ("rm-known[host,flag]", "awl --runtime host rm a --yes", "stdout: {lines: [a]}"),
        ("rm-hostile-name[host,star]", "awl --runtime host rm --yes -- '*'", "exit: 2"),
        ("parity-create-image-host[host]", "--image '{image}'", "parity  create.image unsupported"),
    ],
)
def test_a_cell_is_told_as_it_is_typed(suite: Suite, cell: str, typed: str, then: str) -> None:
    text = page(suite, cell)
    assert typed in text
    assert then in text


def test_what_is_to_type_next_can_be_typed(suite: Suite) -> None:
    for name in (
        "RM-1c",
        "rm-1C",
        "RM",
        "RM-1",
        "ls.all",
        "host",
        "rm-known",
        "rm-known[host,env-short]",
        "rm",
    ):
        for line in page(suite, name).partition("\nnext\n")[2].splitlines():
            _, command, *words = shlex.split(line.removesuffix(" [--program PATH]"))
            if command == "run":
                command = "cases"
            if command == "replay":
                command = "explain"
            assert CliRunner().invoke(main, [command, *words]).exit_code == 0, line
