"""What the commands say of themselves is what the contract says of them, in both directions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml

import awl
from awl import commands, variables
from awl.commands.options import GLOBAL

if TYPE_CHECKING:
    from tests.awl.conftest import World

_CONTRACT = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "matrices/contract.yaml").read_text()
)
_COMMANDS = {row["id"]: row for row in _CONTRACT["commands"]}


def _stated(rows: list[dict[str, Any]]) -> dict[str, tuple[frozenset[str], bool]]:
    """Each option's spellings, and whether it takes a value, by its name."""
    return {
        row["name"]: (
            frozenset({row["name"], *row.get("aliases", ()), row.get("short", row["name"])}),
            "value" in row,
        )
        for row in rows
    }


def _built(params: list[click.Parameter]) -> dict[str, tuple[frozenset[str], bool]]:
    options = [param for param in params if isinstance(param, click.Option)]
    return {
        max(option.opts, key=lambda name: name.startswith("--")): (
            frozenset(option.opts),
            not option.is_flag,
        )
        for option in options
    }


def test_the_commands_are_the_contracts() -> None:
    assert set(commands.NAMES) == set(_COMMANDS)


@pytest.mark.parametrize("name", _COMMANDS)
def test_each_command_has_the_options_of_the_contract_and_no_others(name: str) -> None:
    command = commands.load(name)
    rows = [*_COMMANDS[name]["options"], *_CONTRACT["global_options"]]
    helped = {"--help": (frozenset({"-h", "--help"}), False)}  # click adds it by itself
    assert {**_built(command.params), **helped} == _stated(rows)


@pytest.mark.parametrize("name", [*_COMMANDS, ""])
def test_the_help_shows_each_option_with_a_text_and_the_arguments(host: World, name: str) -> None:
    said = host.awl(*([name] if name else []), "--help").out
    rows = [*(_COMMANDS[name]["options"] if name else []), *_CONTRACT["global_options"]]
    for spellings, _ in _stated(rows).values():
        for spelling in spellings:
            assert re.search(rf"^  .*(?<![\w-]){spelling}(?![\w-])", said, re.MULTILINE), spelling
    options = [*(commands.load(name).params if name else []), *GLOBAL]
    assert all(one.help for one in options if isinstance(one, click.Option))
    if name:
        usage = said.split("\n\n")[0].partition("[OPTIONS]")[2]
        wanted = _COMMANDS[name]["usage"].replace("[OPTIONS]", "")
        named = set(re.findall(r"\b[A-Z]{3,}\b", usage))
        assert named == set(re.findall(r"\b[A-Z]{3,}\b", wanted))


def test_values_are_called_as_the_contract_calls_them() -> None:
    for name, row in _COMMANDS.items():
        built = {option: param for param in commands.load(name).params for option in param.opts}
        for option in row["options"]:
            if "value" in option:
                assert built[option["name"]].metavar == option["value"], (name, option["name"])


def test_every_variable_of_the_tables_is_read_somewhere() -> None:
    folder = Path(awl.__file__).parent
    source = "\n".join(
        path.read_text() for path in folder.rglob("*.py") if path.name != "variables.py"
    )
    # Nothing is ever coloured.
    known = {name for name, _ in (*variables.CONTRACT, *variables.OWN)} - {"NO_COLOR"}
    assert {name for name in known if f'"{name}"' not in source} == set()
