"""`capabilities`: what each runtime supports, and why not (CAP-1a).

The features are the commands and their options, read from the commands themselves: none can be
forgotten here. No engine is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl import commands
from awl.commands.options import GLOBAL
from awl.runtimes import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

    from awl.model import Capabilities
    from awl.session import Session

__all__ = ["capabilities", "command", "features"]


def capabilities(session: Session) -> None:
    """Print every feature of the chosen runtime, or of all where none was chosen."""
    setting = session.runtime_setting
    chosen = registry.canonical(setting)
    names = (chosen,) if setting.chosen else registry.names()
    found = {name: session.runtime(name).capabilities() for name in names}
    known = tuple(features())
    if session.console.json:
        session.console.document(
            {
                "runtimes": {
                    name: {feature: _row(_why_not(of, feature)) for feature in known}
                    for name, of in found.items()
                }
            }
        )
        return
    for name, of in found.items():
        for feature in known:
            reason = _why_not(of, feature)
            said = "supported" if reason is None else f"unsupported: {reason}"
            session.console.result(f"{name} {feature} {said}")


def features() -> Iterator[str]:
    """Yield every feature in the order of the help: `rm`, then `rm.all` for its option `--all`."""
    for name in commands.NAMES:
        yield name
        for param in commands.load(name).params:
            if param.param_type_name == "option" and param not in GLOBAL:
                option = next(word for word in param.opts if word.startswith("--"))
                yield f"{name}.{option.removeprefix('--')}"


def _why_not(of: Capabilities, feature: str) -> str | None:
    """Return why a runtime has no `feature`: an option goes with its command."""
    return of.why_not(feature) or of.why_not(feature.partition(".")[0])


def _row(reason: str | None) -> dict[str, object]:
    return {"supported": reason is None, "reason": reason}


def command() -> click.Command:
    """Return the click command."""
    from awl.commands import options

    return options.command(
        "capabilities",
        capabilities,
        [],
        "Show what each runtime supports, and why not: of --runtime, else of all.",
    )
