"""What the tests of faults share: the package's own data, and a copy that a test may spoil."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance import resources
from conformance.catalogue.case import Suite
from conformance.catalogue.dataerror import DataErrors
from conformance.faults.fault import Catalogue
from conformance.faults.loader import load_faults


@pytest.fixture(scope="session")
def catalogue(suite: Suite) -> Catalogue:
    """The package's own faults."""
    return load_faults(resources.matrices(), suite)


@pytest.fixture
def spoilt(tmp_path: Path, suite: Suite) -> Callable[[str, str], list[str]]:
    """Change a text of faults.yaml, and return the defects that are found in it then."""

    def load(right: str, wrong: str) -> list[str]:
        folder = tmp_path / "matrices"
        folder.mkdir()
        path = folder / "faults.yaml"
        shutil.copy(resources.matrices() / path.name, path)
        text = path.read_text()
        assert right in text
        path.write_text(text.replace(right, wrong, 1))
        with pytest.raises(DataErrors) as caught:
            load_faults(folder, suite)
        return str(caught.value).splitlines()

    return load
