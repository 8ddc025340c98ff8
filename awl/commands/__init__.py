"""The commands, one module each: a plain function that does the work, and its click command.

The modules import click where they need it: `awl.quick` calls the plain functions without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

__all__ = ["NAMES", "load"]

#: Every command with its one line of help: the list shows without loading any of them.
NAMES = {
    "create": "Make a workspace.",
    "ls": "List workspaces.",
    "exec": "Run a command in a workspace.",
    "reset": "Bring repositories back to a remote branch.",
    "auth": "Hand credentials to a workspace.",
    "tunnel": "Open an editor tunnel into a workspace.",
    "start": "Start workspaces.",
    "stop": "Stop workspaces.",
    "restart": "Stop and start workspaces.",
    "status": "Show one workspace.",
    "logs": "Print what a workspace's first process printed.",
    "sync": "Copy files into or out of a workspace.",
    "rm": "Remove workspaces.",
    "capabilities": "Show what each runtime supports.",
    "doctor": "Find what is wrong and say how to mend it.",
    "completion": "Completion and short commands for shells.",
    "version": "Show versions.",
    "help": "Show help on a command, on exit-codes or environment.",
}

_LIFECYCLE = frozenset({"start", "stop", "restart", "status", "logs"})


def load(name: str) -> click.Command:
    """Return the click command `name`, one of `NAMES`."""
    from importlib import import_module

    command: click.Command
    if name in _LIFECYCLE:  # they share one module
        command = import_module("awl.commands.lifecycle_command").command(name)
    else:
        command = import_module(f"awl.commands.{name}_command").command()
    return command
