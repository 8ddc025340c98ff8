"""`run` and `create`."""

from __future__ import annotations

import os

from engine.container import make_container
from engine.errors import CliError, DaemonError
from engine.images import check_reference, full_reference
from engine.options import CREATE, RUN, RunOptions

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.call import Call
    from engine.jsonlite import Doc

__all__ = ["create", "run"]

_USAGE = "[OPTIONS] IMAGE [COMMAND] [ARG...]"
_HELP = "\nSee 'docker run --help'."


def create(call: Call) -> int:
    """Make a container and print its id; exit 1 where the engine refuses."""
    flags = call.flags(CREATE, _USAGE, "Create a new container", at_least=1, interspersed=False)
    options = RunOptions(call, flags)
    doc = _make(call, options)
    call.out(doc["Id"])
    return 0


def run(call: Call) -> int:
    """Make a container and start it; exit 125 where the engine refuses, else the program's code."""
    flags = call.flags(
        RUN, _USAGE, "Run a command in a new container", at_least=1, interspersed=False
    )
    try:
        options = RunOptions(call, flags)
    except DaemonError as error:
        raise CliError(f"{_told(call.voice(error))}{_HELP}", 125) from None
    stdin, tty, detached = flags.on("interactive"), flags.on("tty"), flags.on("detach")
    if not detached:
        from engine.attach import check_terminal

        check_terminal(stdin=stdin, tty=tty)
    if call.is_podman:  # `main` tells in its words what goes wrong
        return _go(call, _make(call, options), stdin=stdin, tty=tty, detached=detached)
    try:
        doc = _make(call, options)
    except DaemonError as error:
        raise CliError(f"{_told(call.voice(error))}{_HELP}", 125) from None
    except CliError as error:
        raise CliError(f"{_told(error.message)}{_HELP}", 125) from None
    try:
        return _go(call, doc, stdin=stdin, tty=tty, detached=detached)
    except DaemonError as error:
        if doc["HostConfig"]["AutoRemove"]:
            call.store.remove_container(doc)
        raise CliError(_told(call.voice(error)), error.run_exit) from None


def _go(call: Call, doc: Doc, *, stdin: bool, tty: bool, detached: bool) -> int:
    return _detached(call, doc) if detached else _attached(call, doc, stdin=stdin, tty=tty)


def _told(text: str) -> str:
    return f"docker: {text.removesuffix('.')}."


def _make(call: Call, options: RunOptions) -> Doc:
    ref = options.flags.args[0]
    check_reference(ref)
    cidfile = options.flags.text("cidfile")
    if cidfile and os.path.exists(cidfile):
        raise CliError(
            "Container ID file found, make sure the other container isn't running or delete "
            f"{cidfile}"
        )
    image = _image(call, options, ref)
    doc = make_container(call, options, image, options.flags.args[1:])
    if cidfile:
        with open(cidfile, "w", encoding="ascii") as file:
            file.write(doc["Id"])
    return doc


def _image(call: Call, options: RunOptions, ref: str) -> Doc:
    found = call.images.find(ref)
    if options.pull == "never" or (found is not None and options.pull == "missing"):
        return call.images.get(ref)
    if found is None and options.pull == "missing":
        call.err(f"Unable to find image '{full_reference(ref)}' locally")
    call.needs_registry()
    doc, new = call.images.pull(ref)
    if not options.flags.on("quiet"):
        _tell_pull(call, ref, doc, new=new)
    return doc


def _tell_pull(call: Call, ref: str, doc: Doc, *, new: bool) -> None:
    wanted = full_reference(ref)
    repository, _, tag = wanted.rpartition(":")
    call.err(f"{tag}: Pulling from {repository}")
    call.err(f"Digest: {doc['Id']}")
    what = "Downloaded newer image for" if new else "Image is up to date for"
    call.err(f"Status: {what} {wanted}")


def _detached(call: Call, doc: Doc) -> int:
    from engine.supervise import start

    call.out(doc["Id"])
    try:
        with call.store.turn(doc["Id"]):
            start(call.store, call.volumes, doc).leave()
    except DaemonError:
        if doc["HostConfig"]["AutoRemove"]:
            call.drop()
        raise
    return 0


def _attached(call: Call, doc: Doc, *, stdin: bool, tty: bool) -> int:
    from engine.attach import Attachment
    from engine.supervise import start

    call.flush()
    link = Attachment(stdin=stdin, tty=tty)
    with call.store.turn(doc["Id"]):
        running = start(call.store, call.volumes, doc, link)
    link.proxy(running.pid)
    link.pump()
    return running.wait()
