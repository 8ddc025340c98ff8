"""Words as a POSIX shell writes them: read back, also half typed ones, and written.

Not `shlex`: its import costs a good part of the time that a TAB may take, and it refuses a word
whose quote is still open.
"""

from __future__ import annotations

import re

__all__ = ["quote", "unquote"]

_UNSAFE = re.compile(r"([^\w@%+=:,./-])")
_UNSAFE_IN_DOUBLE = re.compile(r'([$`"\\])')
_ESCAPED_IN_DOUBLE = '$`"\\'


def unquote(raw: str) -> tuple[str, str]:
    """Return the text that `raw` means, and the quote that is open at its end (or nothing).

    Nothing is expanded: what is typed is never run.
    """
    text: list[str] = []
    open_quote = ""
    signs = iter(raw)
    for sign in signs:
        if open_quote == "'":
            if sign == "'":
                open_quote = ""
            else:
                text.append(sign)
        elif sign == "\\":
            after = next(signs, "")
            literal = open_quote and after not in _ESCAPED_IN_DOUBLE
            text.append(sign + after if literal else after)
        elif open_quote:
            if sign == '"':
                open_quote = ""
            else:
                text.append(sign)
        elif sign in {"'", '"'}:
            open_quote = sign
        else:
            text.append(sign)
    return "".join(text), open_quote


def quote(text: str, open_quote: str = "") -> str:
    """Return `text` as it is typed, behind a quote that is open already or behind none."""
    if open_quote == "'":
        return text.replace("'", "'\\''")
    if open_quote == '"':
        return _UNSAFE_IN_DOUBLE.sub(r"\\\1", text)
    return _UNSAFE.sub(r"\\\1", text)
