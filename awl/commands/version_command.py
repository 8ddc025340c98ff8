"""`version`: what this is, and what it is pinned to (CLI-8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl import __version__
from awl.config import DEFAULT_IMAGE

if TYPE_CHECKING:
    import click

    from awl.session import Session

__all__ = ["CONTRACT_VERSION", "command", "version"]

#: The version of the contract (matrices/contract.yaml) that this launcher meets.
CONTRACT_VERSION = 1


def version(session: Session) -> None:
    """Print the version of the launcher and of its contract, and the image it is pinned to."""
    if session.console.json:
        session.console.document(
            {
                "name": "awl",
                "version": __version__,
                "contract_version": CONTRACT_VERSION,
                "image": DEFAULT_IMAGE,
            }
        )
    else:
        session.console.result(
            f"awl {__version__} (contract {CONTRACT_VERSION}, image {DEFAULT_IMAGE})"
        )


def command() -> click.Command:
    """Return the click command."""
    from awl.commands import options

    return options.command("version", version, [], "Show the launcher's version and its image.")
