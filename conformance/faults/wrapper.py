"""What stands around a program whose calls are changed on their way in or out.

Copied beside a launcher and imported by it, never by the suite: standard library only.
``wrap`` is a :class:`conformance.faults.fault.Wrap` as JSON has it.
"""

from __future__ import annotations

import os
import re
import selectors
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["run"]

_STREAMS = {"stdout": 1, "stderr": 2}


def run(main: Callable[[], int | None], wrap: dict[str, Any]) -> int:
    """Call ``main`` with what ``wrap`` makes of the call; return the exit code to end with."""
    words = sys.argv[1:]
    if wrap["only"] and wrap["only"] not in words:
        return main() or 0
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word not in wrap["drop"]]
    sys.argv[1:] = [*kept, *wrap["add"], *words[end:]]
    for name, value in wrap["env"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if not wrap["stdin"]:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    changed = {name: wrap[name] for name in _STREAMS if wrap[name]}
    code = _apart(main, changed) if changed else main() or 0
    exits: dict[str, int] = wrap["exits"]
    return exits.get(str(code), code)


def _apart(main: Callable[[], int | None], changed: dict[str, dict[str, str]]) -> int:
    """Call ``main`` in a child, and pass its streams on changed once it has ended."""
    pipes = {name: os.pipe() for name in changed}
    pid = os.fork()
    if pid == 0:
        for name, (out, into) in pipes.items():
            os.close(out)
            os.dup2(into, _STREAMS[name])
            os.close(into)
        code = main() or 0
        sys.stdout.flush()
        os._exit(code)
    said = dict.fromkeys(changed, b"")
    with selectors.DefaultSelector() as selector:
        for name, (out, into) in pipes.items():
            os.close(into)
            selector.register(out, selectors.EVENT_READ, name)
        while selector.get_map():
            for key, _ in selector.select():
                if data := os.read(key.fd, 1 << 16):
                    said[key.data] += data
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    _, status = os.waitpid(pid, 0)
    for name, rule in changed.items():
        text = said[name].decode("utf-8", "surrogateescape")
        new = re.sub(rule["find"], rule["replace"], text, flags=re.DOTALL)
        left = new.encode("utf-8", "surrogateescape")
        while left:
            left = left[os.write(_STREAMS[name], left) :]
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
