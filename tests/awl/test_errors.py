from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import awl.proc  # noqa: F401 - errors without a code of their own must not add one
from awl import errors, exits

_CONTRACT = Path(__file__).resolve().parents[2] / "matrices/contract.yaml"


@pytest.fixture(scope="module")
def contract() -> Any:
    return yaml.safe_load(_CONTRACT.read_text())


def test_string_codes_are_exactly_those_of_the_contract(contract: Any) -> None:
    stated = {entry["code"]: entry["exit"] for entry in contract["error_codes"]}
    raised = {code: kind.exit_code for code, kind in exits.error_classes().items()}
    assert raised == stated


def test_exit_codes_are_exactly_those_of_the_contract(contract: Any) -> None:
    assert tuple((row["exit"], row["text"]) for row in contract["exit_codes"]) == exits.EXIT_TABLE


@pytest.mark.parametrize(
    ("error", "plain", "through"),
    [
        (errors.AwlError("x"), 1, 125),
        (errors.UsageError("x"), 2, 2),
        (errors.WorkspaceNotFound("x"), 3, 125),
        (errors.WorkspaceBusy("x"), 5, 125),
        (errors.OptionUnsupported("x"), 6, 125),
        (errors.EngineUnreachable("x"), 7, 125),
        (errors.CommandNotExecutable("x"), 126, 126),
        (errors.CommandNotFound("x"), 127, 127),
        (errors.Interrupted("x"), 130, 130),
    ],
)
def test_a_command_that_hands_codes_through_reports_its_own_failures_as_125(
    error: errors.AwlError, plain: int, through: int
) -> None:
    assert exits.exit_code_of(error) == plain
    assert exits.exit_code_of(error, hands_through=True) == through
