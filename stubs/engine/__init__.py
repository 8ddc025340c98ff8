"""A small honest container engine behind docker's command line; see `stubs/README.md`."""

__all__ = ["VERSION"]

VERSION = "20.10.24-fake"
