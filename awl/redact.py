"""Keep secrets out of what is shown: user info of URLs, and values known to be secret.

Nothing here decides what is secret on its own: a value becomes one when the place that reads it
says so (`remember`). `redact` is applied where text leaves the launcher: errors, the log of
commands, hints.
"""

from __future__ import annotations

import re

__all__ = ["redact", "remember", "shell_line"]

_MASK = "***"
# `https://user:token@host`: all of it up to the last `@` before the path, as URL parsers read it.
_URL_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'\"]*@")
# `user:password@host`, without a scheme; `git@host:path` has no colon before the `@`.
_BARE_USER_INFO = re.compile(r"(?<![\w/])[^\s/@:'\"]+:[^\s/@'\"]+@(?=[\w.-])")
# ssh://git@host is an address, not a secret.
_SSH_USER = re.compile(r"ssh://[A-Za-z0-9._-]+@")
_SAFE = re.compile(r"[\w@%+=:,./-]+", re.ASCII)

_secrets: set[str] = set()


def remember(secret: str) -> None:
    """Mask `secret` in every text from now on; an empty value is no secret."""
    if secret:
        _secrets.add(secret)


def redact(text: str) -> str:
    """Return `text` with user info of URLs and remembered secrets masked."""
    # Longest first: a secret that is part of another must not leave the rest of it readable.
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    text = _URL_USER_INFO.sub(_mask_url, text)
    return _BARE_USER_INFO.sub(f"{_MASK}@", text)


def shell_line(argv: list[str] | tuple[str, ...]) -> str:
    """Return `argv` as one line that a POSIX shell reads back, with secrets masked.

    Not `shlex.join`: its import is dear on the error path of a command that people wait for.
    """
    return " ".join(_quote(redact(word)) for word in argv)


def _mask_url(match: re.Match[str]) -> str:
    whole = match.group()
    return whole if _SSH_USER.fullmatch(whole) else f"{match['scheme']}{_MASK}@"


def _quote(word: str) -> str:
    if _SAFE.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
