"""`cp`, between a container, running or not, and the caller's files, or a tar stream (`-`).

Paths of the container are followed step by step through its mounts and links, so that no link in
it leads to a file of the machine.
"""

from __future__ import annotations

import os
import sys

from engine.errors import CliError, NotFound
from engine.jsonlite import Doc
from engine.rootfs import copy_tree

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.call import Call

__all__ = ["copy"]

_MOST_LINKS = 40


def copy(call: Call) -> int:
    """Copy a file or a folder in or out; exit 1 with docker's words where it cannot."""
    flags = call.flags(
        "archive,a follow-link,L",
        "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- "
        "CONTAINER:DEST_PATH",
        "Copy files/folders between a container and the local filesystem",
        at_least=2,
        at_most=2,
    )
    source, target = flags.args
    (from_name, from_path), (to_name, to_path) = _split(source), _split(target)
    if from_name and to_name:
        raise CliError("copying between containers is not supported")
    if not from_name and not to_name:
        raise CliError("must specify at least one container source")
    if from_name:
        doc = _container(call, from_name, source)
        found = _inside(call, doc, from_path, source)
        if not os.path.lexists(found):
            raise NotFound(f"No such container:path: {source}")
        if to_path == "-":
            call.flush()
            _to_stream(found)
        else:
            _place(found, from_path, to_path, _no_folder(to_path))
        return 0
    doc = _container(call, to_name, target)
    parent = to_path.rstrip("/").rpartition("/")[0] or "/"
    missing = f"Error: No such container:path: {to_name}:{parent}"
    found = _inside(call, doc, to_path, target)
    if from_path == "-":
        if not os.path.isdir(found):
            raise CliError(missing)
        _from_stream(found)
        return 0
    if not os.path.lexists(from_path):
        raise CliError(f"lstat {os.path.abspath(from_path)}: no such file or directory")
    _place(from_path, from_path, found + ("/" if to_path.endswith("/") else ""), missing)
    return 0


def _split(text: str) -> tuple[str, str]:
    name, colon, path = text.partition(":")
    if not colon or name.startswith((".", "/")):
        return "", text
    return name, path


def _no_folder(path: str) -> str:
    parent = os.path.dirname(os.path.abspath(path))
    return f'invalid output path: directory "{parent}" does not exist'


def _container(call: Call, name: str, shown: str) -> Doc:
    try:
        return call.store.container(name)
    except NotFound:
        raise NotFound(f"No such container:path: {shown}") from None


def _inside(call: Call, doc: Doc, path: str, shown: str) -> str:
    """The machine's path of a container's path; a last link is not followed."""
    folder = call.store.folder(doc["Id"])
    mounts = {"/": f"{folder}/root", "/usr": "/usr", "/usr/local": f"{folder}/local"}
    for spot in doc["Fake"]["mounts"]:
        if "from" in spot:
            mounts[spot["to"]] = spot["from"]
    todo = [part for part in path.split("/") if part not in ("", ".")]
    here, links = "", 0
    while todo:
        part = todo.pop(0)
        if part == "..":
            here = here.rpartition("/")[0]
            continue
        there = _machine(f"{here}/{part}", mounts)
        if todo and os.path.islink(there):
            links += 1
            if links > _MOST_LINKS:
                raise NotFound(f"No such container:path: {shown}")
            link = os.readlink(there)
            here = "" if link.startswith("/") else here
            todo = [piece for piece in link.split("/") if piece not in ("", ".")] + todo
        else:
            here = f"{here}/{part}"
    return _machine(here or "/", mounts)


def _machine(path: str, mounts: dict[str, str]) -> str:
    best = max(
        (spot for spot in mounts if path == spot or path.startswith(spot.rstrip("/") + "/")),
        key=len,
    )
    return mounts[best].rstrip("/") + ("" if path == best else "/" + path[len(best) :].lstrip("/"))


def _place(found: str, named: str, target: str, missing: str) -> None:
    """Docker's rules: into an existing folder, else under the new name."""
    contents = named.rstrip("/").endswith("/.") or named == "."
    into = os.path.isdir(target)
    if os.path.isdir(found) and not os.path.islink(found):
        if os.path.lexists(target) and not into:
            raise CliError("cannot copy directory")
        place = target.rstrip("/")
        if into and not contents:
            place += "/" + os.path.basename(os.path.normpath(found))
        if not os.path.isdir(os.path.dirname(place) or "."):
            raise CliError(missing)
        os.makedirs(place, exist_ok=True)
        copy_tree(found, place, owners=False)
        return
    name = os.path.basename(named.rstrip("/"))
    place = f"{target.rstrip('/')}/{name}" if into else target
    if place.endswith("/") or not os.path.isdir(os.path.dirname(place) or "."):
        raise CliError(missing)
    if os.path.islink(place):
        os.unlink(place)
    if os.path.islink(found):
        os.symlink(os.readlink(found), place)
        return
    with open(found, "rb") as old, open(place, "wb") as new:
        while data := old.read(1 << 20):
            new.write(data)
    os.chmod(place, os.stat(found).st_mode & 0o7777)


def _to_stream(found: str) -> None:
    import tarfile  # a costly import, for streams only

    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        archive.add(found, arcname=os.path.basename(found.rstrip("/")))


def _from_stream(folder: str) -> None:
    import tarfile

    # The filter came with 3.12 and some 3.11; the check below does not depend on it.
    safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|*") as archive:
        for member in archive:
            place = os.path.realpath(f"{folder}/{os.path.dirname(member.name)}")
            if not f"{place}/".startswith(f"{os.path.realpath(folder)}/"):
                raise CliError(f"{member.name} leads out of the container")
            archive.extract(member, folder, **safe)  # type: ignore[arg-type]
