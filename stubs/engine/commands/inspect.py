"""`inspect`, of containers, images and volumes."""

from __future__ import annotations

from engine.errors import CliError, NotFound
from engine.render import show_docs

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.call import Call
    from engine.jsonlite import Doc

__all__ = ["inspect", "inspect_each"]


def inspect(call: Call) -> int:
    """Show whole documents; those that are not there are told on stderr, exit 1."""
    flags = call.flags("format,f=text size,s type=text", "[OPTIONS] NAME|ID [NAME|ID...]",
                       "Return low-level information on Docker objects", at_least=1)  # fmt: skip
    kind = flags.text("type")
    if kind not in ("", "container", "image", "volume"):
        raise CliError(f'"{kind}" is not a valid value for --type')
    return inspect_each(call, flags.args, flags.text("format"), kind)


def inspect_each(call: Call, names: list[str], form: str, kind: str) -> int:
    """As `inspect`, with the kind of object given ("" for any)."""
    docs, failed = [], 0
    for name in names:
        try:
            docs.append(_find(call, name, kind))
        except NotFound as error:
            failed, words = call.retold(error)
            call.err(words if kind or call.is_podman else f"Error: No such object: {name}")
    if docs or not form:
        show_docs(call, form, docs)
    elif failed:
        call.out("")
    return failed


def _find(call: Call, name: str, kind: str) -> Doc:
    lookups = {
        "container": call.store.container,
        "image": call.images.get,
        "volume": call.volumes.get,
    }
    for found_kind in [kind] if kind else list(lookups):
        try:
            doc = lookups[found_kind](name)
        except NotFound:
            continue
        return {key: value for key, value in doc.items() if key != "Fake"}
    if kind == "image":
        call.images.get(name)
    raise NotFound(f"No such {kind or 'object'}: {name}")
