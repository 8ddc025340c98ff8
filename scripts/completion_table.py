"""Write awl/completion/table.py from the commands themselves, or with --check compare the two."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from awl import commands  # noqa: E402 - the checkout's, wherever this is called from
from awl.commands.options import GLOBAL  # noqa: E402
from awl.completion.form import Argument, Command, Option  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable

TABLE = ROOT / "awl/completion/table.py"
_HEAD = '''"""The command line as data, written by scripts/completion_table.py: not to be edited."""

# What the commands say of themselves, in lines as long as they come.
# ruff: noqa: E501

from __future__ import annotations

from awl.completion.form import Argument, Command, Option

__all__ = ["COMMANDS", "GLOBAL"]

# fmt: off
'''


def text() -> str:
    """Return what the table must be."""
    lines = [_HEAD, "GLOBAL: tuple[Option, ...] = ("]
    lines += [f"    {_call(option)}," for option in (*_options(GLOBAL), _help())]
    lines += [")", "", "COMMANDS: dict[str, Command] = {"]
    for name, about in commands.NAMES.items():
        params = [param for param in commands.load(name).params if param not in GLOBAL]
        command = Command(about, tuple(_options(params)), tuple(_arguments(params)))
        lines += [f"    {name!r}: Command(", f"        {command.help!r},"]
        for rows in command[1:]:
            lines += ["        (", *(f"            {_call(row)}," for row in rows), "        ),"]
        lines += ["    ),"]
    return "\n".join([*lines, "}", ""])


def _call(row: Option | Argument) -> str:
    """Return the call that makes `row`, without what is the default."""
    shown = list(row)
    while len(shown) > 1 and row._field_defaults.get(row._fields[len(shown) - 1], ...) == shown[-1]:
        shown.pop()
    return f"{type(row).__name__}({', '.join(map(repr, shown))})"


def _help() -> Option:
    return Option(("--help", "-h"), None, "Show this message and exit.")


def _options(params: Iterable[click.Parameter]) -> list[Option]:
    return [
        Option(
            tuple(param.opts),
            None if param.is_flag else param.metavar or "VALUE",
            param.help or "",
            param.multiple,
            _choices(param),
        )
        for param in params
        if isinstance(param, click.Option)
    ]


def _arguments(params: Iterable[click.Parameter]) -> list[Argument]:
    return [
        Argument(_kind(param.name or ""), param.nargs == -1, _choices(param))
        for param in params
        if isinstance(param, click.Argument)
    ]


def _kind(name: str) -> str:
    return "workspace" if name == "workspaces" else name


def _choices(param: click.Parameter) -> tuple[str, ...]:
    return tuple(param.type.choices) if isinstance(param.type, click.Choice) else ()


def main() -> int:
    """Write the table; with --check only compare it, exit 1 where it differs."""
    wanted = text()
    if "--check" not in sys.argv[1:]:
        TABLE.write_text(wanted, encoding="utf-8")
        return 0
    if TABLE.read_text(encoding="utf-8") == wanted:
        return 0
    print(f"{TABLE.relative_to(ROOT)} is out of date: run {Path(__file__).relative_to(ROOT)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
