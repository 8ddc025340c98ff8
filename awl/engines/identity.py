"""What a client is, whatever it is called: `docker` may be Podman (ENG-1).

That must cost nothing where nothing is odd, since every `ls` would pay for it. So the file is
looked at first: a program is what the file behind it is called, and only a script that has Podman's
name in it is asked.
"""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH123

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from awl import proc
from awl.errors import AwlError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INSTALL", "NAMES", "of"]

#: The engines that are known, in the order in which they are tried.
NAMES = ("docker", "podman")
#: How to come by each of them.
INSTALL = {
    "docker": "install Docker Engine: https://docs.docker.com/engine/install/",
    "podman": "install Podman: https://podman.io/docs/installation",
}
# Podman's own `docker` is a shell script of a few lines.
_SCRIPT = 64 * 1024
_SECONDS = 5.0


def of(program: str, environment: Mapping[str, str]) -> str:
    """Return `docker` or `podman` for the client at this path."""
    known = _by_file(program)
    return known or _by_its_words(program, environment)


@cache
def _by_file(program: str) -> str | None:
    """Return what a client is by its file, `None` where it has to be asked."""
    real = os.path.realpath(program)
    name = os.path.basename(real)  # noqa: PTH119 - text
    if name.startswith("podman"):
        return "podman"
    try:
        with open(real, "rb") as file:
            head = file.read(2)
            if head != b"#!" or b"podman" not in file.read(_SCRIPT):
                return "docker"
    except OSError:
        return "docker"  # it can be run and not read
    return None


_asked: dict[str, str] = {}


def _by_its_words(program: str, environment: Mapping[str, str]) -> str:
    if program not in _asked:
        try:
            done = proc.run((program, "--version"), env=environment, limit=_SECONDS)
            _asked[program] = "podman" if "podman version" in done.text.lower() else "docker"
        except AwlError:
            _asked[program] = "docker"  # the call that matters will say what is wrong
    return _asked[program]
