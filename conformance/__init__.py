"""The conformance suite: says what any workspace runtime must do, and whether one does it."""

__version__ = "0.1.0"

__all__ = ["__version__"]
