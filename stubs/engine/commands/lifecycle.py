"""`start`, `stop`, `restart`, `kill`, `rm`, `rename`, `wait`."""

from __future__ import annotations

import os
import select
import time

from engine.errors import CliError, DaemonError, NotFound
from engine.names import check_container_name

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.call import Call
    from engine.jsonlite import Doc

__all__ = ["kill", "rename", "restart", "rm", "start", "stop", "wait"]

_SIGNALS = {
    "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9,
    "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "CHLD": 17, "CONT": 18,
    "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "WINCH": 28,
}  # fmt: skip
_LAST_SIGNAL = 64
_MANY = "[OPTIONS] CONTAINER [CONTAINER...]"


def _each(call: Call, names: list[str], act: Callable[[str], None]) -> int:
    for name in names:
        try:
            act(name)
        except (DaemonError, CliError) as error:
            call.fail(error)
        else:
            call.out(name)
    return call.exit_code


def _signal(text: str) -> int:
    number = int(text) if text.isdigit() else _SIGNALS.get(text.upper().removeprefix("SIG"), 0)
    if number <= 0 or (number > _LAST_SIGNAL and not text.isdigit()):
        raise DaemonError(f"Invalid signal: {text}")
    return number


def _send(doc: Doc, number: int) -> None:
    try:
        os.kill(doc["State"]["Pid"], number)
    except ProcessLookupError:
        return


def _gone(call: Call, doc: Doc, limit: float | None) -> bool:
    """Wait until a container's supervisor has written down the end; False after `limit` seconds."""
    until = None if limit is None else time.monotonic() + limit
    while call.store.alive(doc["Id"]):
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            return False
        try:
            pidfd = os.pidfd_open(doc["Fake"]["supervisor"])
        except (ProcessLookupError, KeyError):
            time.sleep(0.005)  # it is just starting, or ending
            continue
        try:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            poll.poll(None if left is None else left * 1000)
        finally:
            os.close(pidfd)
    return True


def _stop(call: Call, doc: Doc, limit: int | None) -> None:
    config = doc["Config"]
    if not doc["State"]["Running"]:
        return
    _send(doc, _signal(config.get("StopSignal") or "TERM"))
    wanted = config.get("StopTimeout", 10) if limit is None else limit
    if not _gone(call, doc, None if wanted < 0 else wanted):
        _send(doc, 9)
        _gone(call, doc, 10)


def start(call: Call) -> int:
    """Start stopped containers; a running one is a quiet success."""
    flags = call.flags("attach,a detach-keys=text interactive,i", _MANY,
                       "Start one or more stopped containers", at_least=1)  # fmt: skip
    from engine.supervise import start as begin

    if flags.on("attach") or flags.on("interactive"):
        from engine.attach import Attachment

        if len(flags.args) > 1:
            raise CliError("you cannot start and attach multiple containers at once")
        doc = call.store.container(flags.args[0])
        link = Attachment(stdin=flags.on("interactive"), tty=doc["Config"]["Tty"])
        with call.store.turn(doc["Id"]):
            running = begin(call.store, call.volumes, doc, link)
        link.proxy(running.pid)
        link.pump()
        return running.wait()

    def one(name: str) -> None:
        ident = call.store.resolve(name)
        with call.store.turn(ident):
            doc = call.store.load(ident)
            if not doc["State"]["Running"]:
                begin(call.store, call.volumes, doc).leave()

    failed = []
    for name in flags.args:
        before = call.exit_code
        call.exit_code = 0
        _each(call, [name], one)
        if call.exit_code:
            failed.append(name)
        call.exit_code = call.exit_code or before
    if failed:
        call.err(f"Error: failed to start containers: {', '.join(failed)}")
    return call.exit_code


def stop(call: Call) -> int:
    """Stop containers: their stop signal, then KILL after the time limit."""
    flags = call.flags("time,t=int", _MANY, "Stop one or more running containers", at_least=1)
    limit = flags.number("time", 10) if flags.given("time") else None

    def one(name: str) -> None:
        ident = call.store.resolve(name)
        with call.store.turn(ident):
            _stop(call, call.store.load(ident), limit)

    return _each(call, flags.args, one)


def restart(call: Call) -> int:
    """Stop and start again."""
    flags = call.flags("time,t=int", _MANY, "Restart one or more containers", at_least=1)
    limit = flags.number("time", 10) if flags.given("time") else None
    from engine.supervise import start as begin

    def one(name: str) -> None:
        ident = call.store.resolve(name)
        with call.store.turn(ident):
            _stop(call, call.store.load(ident), limit)
            begin(call.store, call.volumes, call.store.load(ident)).leave()

    return _each(call, flags.args, one)


def kill(call: Call) -> int:
    """Send a signal to the first process of containers."""
    flags = call.flags("signal,s=text", _MANY, "Kill one or more running containers", at_least=1)
    text = flags.text("signal", "KILL")

    def one(name: str) -> None:
        number = _signal(text)
        if number > _LAST_SIGNAL:
            what = f"The linux daemon does not support signal {number}"
            raise DaemonError(f"Cannot kill container: {name}: {what}")
        try:
            doc = call.store.container(name)
        except DaemonError as error:
            raise DaemonError(f"Cannot kill container: {name}: {error.message}") from None
        if not doc["State"]["Running"]:
            raise DaemonError(
                f"Cannot kill container: {name}: Container {doc['Id']} is not running"
            )
        _send(doc, number)
        if number == 9:
            _gone(call, doc, 10)

    return _each(call, flags.args, one)


def rm(call: Call) -> int:
    """Remove containers; `-f` kills first, `-v` takes anonymous volumes along."""
    flags = call.flags(
        "force,f link,l volumes,v", _MANY, "Remove one or more containers", at_least=1
    )
    force = flags.on("force")

    def one(name: str) -> None:
        ident = call.store.resolve(name)
        with call.store.turn(ident):
            doc = call.store.load(ident)
            if doc["State"]["Running"]:
                if not force:
                    raise DaemonError(
                        f"You cannot remove a running container {ident}. Stop the container before "
                        "attempting removal or force remove"
                    )
                _send(doc, 9)
                _gone(call, doc, 10)
            call.store.remove_container(doc)
        if flags.on("volumes"):
            for volume in doc["Fake"]["anonymous"]:
                call.volumes.remove(volume, force=True)

    for name in flags.args:
        try:
            one(name)
        except NotFound as error:
            # The 20.10 client tells it in any case, and counts it unless forced; Podman is silent.
            if not (call.is_podman and force):
                call.err(call.retold(error)[1])
            call.exit_code = call.exit_code if force else 1
        except DaemonError as error:
            call.fail(error)
        else:
            call.out(name)
    return call.exit_code


def rename(call: Call) -> int:
    """Give a container another name."""
    flags = call.flags("", "CONTAINER NEW_NAME", "Rename a container", at_least=2, at_most=2)
    old, new = flags.args
    try:
        _rename(call, old, new)
    except DaemonError as error:
        call.err(call.voice(error))
        call.err(f"Error: failed to rename container named {old}")
        return 1
    return 0


def _rename(call: Call, old: str, new: str) -> None:
    store, name = call.store, new.removeprefix("/")
    ident = store.resolve(old)
    if store.load(ident)["Name"] == f"/{name}":
        raise DaemonError("Renaming a container with the same name as its current name")
    with store.lock():
        try:
            check_container_name(name, f"/{name}")
            store.claim_name(name, ident)
        except DaemonError as error:
            raise DaemonError(f"Error when allocating new name: {error.message}") from None
        doc = store.load(ident)
        store.drop_name(doc["Name"][1:])
        doc["Name"] = f"/{name}"
        store.save(doc)


def wait(call: Call) -> int:
    """Block until containers end, and print their exit codes."""
    flags = call.flags("", "CONTAINER [CONTAINER...]",
                       "Block until one or more containers stop, then print their exit codes",
                       at_least=1)  # fmt: skip
    for name in flags.args:
        try:
            doc = call.store.container(name)
            if doc["State"]["Running"]:
                _gone(call, doc, None)
                doc = call.store.load(doc["Id"])
        except DaemonError as error:
            call.fail(error)
        else:
            call.out(str(doc["State"]["ExitCode"]))
    return call.exit_code
