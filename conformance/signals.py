"""Signals by the names that data files use."""

import signal

__all__ = ["number_of"]


def number_of(name: str) -> int:
    """15 for ``TERM`` or ``SIGTERM``; ValueError for no signal's name."""
    full = name if name.startswith("SIG") else f"SIG{name}"
    try:
        return int(signal.Signals[full])
    except KeyError:
        raise ValueError(f"no such signal: {name}") from None
