"""What the suite asks of a fork server: which program to have ``warm``."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Preload", "WarmError", "interpreter_of"]


class WarmError(RuntimeError):
    """The program cannot be had warm: says why. It is exec'd then."""


@dataclass(frozen=True, slots=True)
class Preload:
    """What to have warm: the ``program``'s path, the package it is made of, the calls' environment.

    ``package`` is imported with all its submodules. ``env`` holds the variables that are the same
    in every call; the interpreter is started with them, and so should calls be. ``companion``: a
    script which the program calls, the folder of its package and the package (see ``companion``).
    """

    program: str
    package: str
    env: Mapping[str, str] = field(default_factory=dict)
    companion: tuple[str, str, str] | None = None

    def dumps(self) -> str:
        """JSON text; ``loads`` reads it back."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Preload:
        """A preload from what ``dumps`` gave."""
        return cls(**json.loads(text))


def interpreter_of(program: str) -> list[str]:
    """The words of a script's ``#!`` line, as execve(2) reads them; WarmError where it has none."""
    try:
        with open(program, "rb") as file:  # noqa: PTH123  - pathlib starts slow
            line = file.readline(256)
    except OSError as problem:
        raise WarmError(f"{program}: {problem.strerror}") from problem
    words = os.fsdecode(line.removeprefix(b"#!")).strip().split(None, 1)
    if not line.startswith(b"#!") or not line.endswith(b"\n") or not words:
        raise WarmError(f"{program}: no script with an interpreter")
    return words
