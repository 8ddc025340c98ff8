"""Where the suite's own files are: in the installed package, else beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

__all__ = ["matrices", "schemas", "stubs"]

_PACKAGE = Path(__file__).resolve().parent


def matrices() -> Path:
    """Return the folder of the data that the suite brings along."""
    return _find("matrices")


def schemas() -> Path:
    """Return the folder of JSON Schemas; data from another folder is held to these too."""
    return matrices() / "schema"


def stubs() -> Path:
    """Return the folder of the stand-in programs (``docker`` and others)."""
    return _find("stubs")


def _find(name: str) -> Path:
    for folder in (_PACKAGE / "data" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"{name}: neither in {_PACKAGE / 'data'} nor beside {_PACKAGE}; reinstall the package"
    )
