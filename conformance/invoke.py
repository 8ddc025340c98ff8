"""How a cell's command becomes a command line: the program, the way its runtime is chosen, output.

Cases write ``awl rm demo``; the program under test, ``--runtime`` and ``--json`` are put in here.
"""

import itertools
from collections.abc import Sequence

from attrs import frozen

__all__ = ["RUNTIMES", "Invocation", "invocation", "subcommand", "wants_json"]

RUNTIMES = ("AGENT_WORKSPACE_RUNTIME", "AWL_RUNTIME")
"""The variables by which a command line may have its runtime."""


@frozen
class Invocation:
    """A whole command line and the variables that it adds to the environment."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()


def subcommand(argv: Sequence[str]) -> str:
    """The subcommand of ``("awl", …)``: its first word that is no option; ``awl`` without one."""
    return next((word for word in argv[1:] if not word.startswith("-")), "awl")


def wants_json(argv: Sequence[str]) -> bool:
    """Whether the command line asks for JSON output, before any ``--``."""
    words = list(argv[: list(argv).index("--")] if "--" in argv else argv)
    pairs = itertools.pairwise(words)
    return "--json" in words or "--output=json" in words or ("--output", "json") in pairs


def invocation(
    program: Sequence[str], argv: Sequence[str], *, runtime: str, via: str, output: str = "text"
) -> Invocation:
    """The command line of ``("awl", …)``; any other ``argv`` is a command of its own, as it is.

    ``via`` is one of ``case.VIAS``. What is put after the subcommand stands directly behind it, so
    that it never becomes part of what ``exec`` runs.
    """
    if not argv or argv[0] != "awl":
        return Invocation(tuple(argv))
    rest = list(argv[1:])
    behind = next((i + 1 for i, word in enumerate(rest) if not word.startswith("-")), len(rest))
    before: list[str] = []
    after: list[str] = []
    env: tuple[tuple[str, str], ...] = ()
    match via:
        case "flag":
            before = ["--runtime", runtime]
        case "flag-equals":
            before = [f"--runtime={runtime}"]
        case "flag-after":
            after = ["--runtime", runtime]
        case "flag-after-equals":
            after = [f"--runtime={runtime}"]
        case "env":
            env = ((RUNTIMES[0], runtime),)
        case "env-short":
            env = ((RUNTIMES[1], runtime),)
        case "default" | "none":
            pass
        case _:
            raise ValueError(f"no such way to choose a runtime: {via}")
    if output == "json":
        before.append("--json")
    return Invocation((*program, *before, *rest[:behind], *after, *rest[behind:]), env)
