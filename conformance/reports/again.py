"""The lines that a reader types to see something again: a cell, a run, a hunt of the model.

Whatever was not the default when it was seen stands in them (``target_words``), or the reader
would play another program than the one that failed.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance import resources
from conformance.world.program import default_program

__all__ = ["command_line", "replay_line", "target_of", "target_words"]


def target_words(
    *, program: str = "", engine: str = "fake", image: str = "", matrices: str = ""
) -> tuple[str, ...]:
    """The options that name what was run, without those that are the default.

    A path becomes absolute: the line may be typed in another folder. A bare name stays one.
    """
    words: list[str] = []
    if program and program != default_program():
        words += ["--program", str(Path(program).absolute()) if "/" in program else program]
    if engine != "fake":
        words += ["--engine", engine]
    if image:
        words += ["--image", image]
    if matrices and Path(matrices).absolute() != resources.matrices().absolute():
        words += ["--matrices", str(Path(matrices).absolute())]
    return tuple(words)


def target_of(header: Mapping[str, Any]) -> tuple[str, ...]:
    """The same of a report, which has no paths: the program by its name.

    Reports of one program are the same wherever it lies. Its image has no word here: that of a
    real engine was made for the run and is gone, and the default stands for it.
    """
    name = header["program"]["name"]
    # The launcher of this project is what is played where no program is named.
    return target_words(program="" if name == "awl" else name, engine=header["engine"]["name"])


def command_line(*words: str) -> str:
    """``awl-conformance WORDS…`` as a shell takes it."""
    return shlex.join(("awl-conformance", *words))


def replay_line(cell: str, target: tuple[str, ...] = ()) -> str:
    """The line that plays one cell again."""
    return command_line("replay", cell, *target)
