"""What the tests of the data half share: a small good suite, and ways to change it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.catalogue.case import Suite
from conformance.catalogue.dataerror import DataErrors
from conformance.catalogue.matrix import load_suite

GOOD = Path(__file__).parent / "good"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh copy of the small good suite, to be changed."""
    return Path(shutil.copytree(GOOD, tmp_path / "matrices"))


@pytest.fixture
def with_case(folder: Path) -> Callable[[str], Suite]:
    """Load the good suite with one more case file."""

    def load(text: str) -> Suite:
        (folder / "cases" / "extra.yaml").write_text(text, encoding="utf-8")
        return load_suite(folder)

    return load


@pytest.fixture
def defects() -> Callable[[Path], list[str]]:
    """Load a broken folder and return its defects as a person reads them."""

    def load(folder: Path) -> list[str]:
        with pytest.raises(DataErrors) as caught:
            load_suite(folder)
        return str(caught.value).splitlines()

    return load
