"""The shell's start-up file: a block of ours in it, once, and taken out without a trace (COMP-1d).

The first line of the block remembers what taking it out needs: `new` where the file was not there,
`joined` where its last line had no end.
"""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH103, PTH104, PTH108, PTH110, PTH116, PTH120, PTH123

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from awl.errors import AwlError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SHELLS", "install", "path_of", "uninstall"]

_LINES = {
    "bash": 'command -v {0} >/dev/null && eval "$({0} completion bash)"',
    "zsh": 'command -v {0} >/dev/null && eval "$({0} completion zsh)"',
    "fish": "command -q {0}; and {0} completion fish | source",
}
SHELLS = tuple(_LINES)
_END = b"# <<< awl completion <<<\n"
_BLOCK = re.compile(
    rb"(?P<joint>\n?)# >>> awl completion(?P<kind>: new|: joined|) >>>\n.*?" + re.escape(_END),
    re.DOTALL,
)


def path_of(shell: str, environment: Mapping[str, str]) -> str:
    """Return the path of the start-up file of `shell`."""
    home = environment.get("HOME", "")
    if not home.startswith("/"):
        raise AwlError("there is no home folder: HOME is not an absolute path")
    if shell == "bash":
        return f"{home}/.bashrc"
    if shell == "zsh":
        return f"{environment.get('ZDOTDIR') or home}/.zshrc"
    return f"{environment.get('XDG_CONFIG_HOME') or f'{home}/.config'}/fish/config.fish"


def install(path: str, shell: str, program: str) -> bool:
    """See that the block stands in the file, once; tell whether anything changed."""
    before = _read(path)
    line = _LINES[shell].format(program).encode()
    if found := _BLOCK.search(before or b""):
        text = found.string[: found.start()] + found["joint"] + _block(found["kind"], line)
        text += found.string[found.end() :]
    elif before is None:
        text = _block(b": new", line)
    elif before and not before.endswith(b"\n"):
        text = before + b"\n" + _block(b": joined", line)
    else:
        text = before + _block(b"", line)
    if text == before:
        return False
    _write(path, text)
    return True


def uninstall(path: str) -> bool:
    """Take the block out of the file; tell whether there was one."""
    before = _read(path)
    without = _without(before)
    if before is None or without == before:
        return False
    if without is None:
        os.unlink(path)
    else:
        _write(path, without)
    return True


def _block(kind: bytes, line: bytes) -> bytes:
    return b"# >>> awl completion%s >>>\n%s\n%s" % (kind, line, _END)


def _without(text: bytes | None) -> bytes | None:
    """Return the file without the block; `None` where there is, or would be, no file."""
    if text is None or (found := _BLOCK.search(text)) is None:
        return text
    joint = b"" if found["kind"] == b": joined" else found["joint"]
    rest = text[: found.start()] + joint + text[found.end() :]
    return None if found["kind"] == b": new" and not rest else rest


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _write(path: str, text: bytes) -> None:
    """Replace the file that `path` leads to, whole or not at all; its mode stays."""
    real = os.path.realpath(path)
    os.makedirs(os.path.dirname(real), exist_ok=True)
    half = f"{real}.{os.urandom(6).hex()}"
    mode = os.stat(real).st_mode & 0o7777 if os.path.exists(real) else 0o644
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        os.rename(half, real)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(half)
        raise
