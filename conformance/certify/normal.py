"""What an engine said, freed of what differs from call to call: ids, times, ages, names.

Nothing else is taken away: wording, order and white space are part of what is certified.
"""

import re
from collections.abc import Mapping

__all__ = ["normal"]

_ID = re.compile(r"\b(?:sha256:)?[0-9a-f]{64}\b")
_SHORT = re.compile(r"\b[0-9a-f]{12}\b")
_TIME = re.compile(
    r"\b(?!0001-)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d(?: \w+)?)?"
)
_UNIT = r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)"
_AGE = re.compile(rf"\b(?:Less than a second|About an? (?:minute|hour)|\d+ {_UNIT})\b")
_HEALTH = re.compile(r" \((?:health: starting|starting|healthy|unhealthy)\)")
_PID = re.compile(r"\bpid \d+\b")
# The client's own log of a race that it sometimes loses, after a container that could not start.
_LOGGED = re.compile(
    r'^time="[^"]*" level=\w+ msg="error waiting for container: .*"\n', re.MULTILINE
)
_PADDED = re.compile(r"(?<=\S)  +(?=\S)")


def normal(text: str, names: Mapping[str, str]) -> str:
    """``text`` with tokens for what is nobody's promise.

    ``names`` maps what a run has called its own (``x1f3-box``) to a token (``<box>``); longer ones
    are replaced first, since one may begin another.
    """
    text = _ID.sub("<id>", _LOGGED.sub("", text))
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name]).replace(name.upper(), names[name].upper())
    text = _SHORT.sub("<short>", text)
    text = _TIME.sub("<time>", text)
    text = _AGE.sub("<age>", text)
    text = _HEALTH.sub("", text)
    text = _PID.sub("pid <pid>", text)
    # The widths of a table follow the names in it.
    return _PADDED.sub("  ", text) if "<" in text else text
