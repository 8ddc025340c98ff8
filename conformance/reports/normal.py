"""The same names in every report: what only this run was called becomes what all are called.

A run plays its cells in a scratch folder, with a stamp, a port and a planted secret of its own.
In a report they have fixed names, so that two runs can be compared byte for byte, and so that what
a case expects can be worked out again from the contract alone (``variables``).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.world.sandbox import Sandbox

__all__ = ["PROGRAM", "SECRET", "normal", "variables"]

_RUN = "/awl-conformance"
_CASE = "case"
_STAMP = "c000000"
_ADDRESS = "127.0.0.1:8418"
# They look like what they stand for: cases match some of them with patterns.
PROGRAM = f"{_RUN}/program"
SECRET = "canary-" + "0" * 24


def normal(value: Any, world: Mapping[str, Any], sandbox: str) -> Any:
    """``value``, a JSON tree of one cell, with the fixed names in all its strings.

    ``world`` is that of the header of ``results.jsonl``; ``sandbox`` the name of the cell's folder.
    """
    pairs = [
        *(((f"{world['run']}/cases/{sandbox}", f"{_RUN}/cases/{_CASE}"),) if sandbox else ()),
        (world["program"], PROGRAM),
        (world["run"], _RUN),
        *(((f"{world['stamp']}-{sandbox}", f"{_STAMP}-{_CASE}"),) if sandbox else ()),
        (world["stamp"], _STAMP),
        (world["canary"], SECRET),
        *((url.partition("://")[2], _ADDRESS) for url in world["remotes"].values()),
    ]
    # On the text of the whole tree: one pass for each name, however deep the tree.
    text = json.dumps(value, ensure_ascii=False)
    for own, fixed in pairs:
        if own:
            text = text.replace(json.dumps(own, ensure_ascii=False)[1:-1], fixed)
    return json.loads(text)


def variables(runtime: str, image: str) -> dict[str, str]:
    """What the placeholders of a case stand for in a report; the keys are ``execute``'s."""
    sandbox = Sandbox(Path(_RUN) / "cases" / _CASE, Path(_RUN) / "toolbox", _STAMP)
    return {
        "root": str(sandbox.root),
        "home": str(sandbox.home),
        "sandbox": str(sandbox.path),
        "tmp": str(sandbox.tmp),
        "remote": f"http://{_ADDRESS}",
        "repos": f"{_RUN}/repositories",
        "prefix": f"{_STAMP}-{_CASE}-{runtime[:1]}",
        "image": image,
        "canary": SECRET,
        "program": PROGRAM,
        "address": _ADDRESS,
    }
