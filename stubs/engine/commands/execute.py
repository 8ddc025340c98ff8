"""`exec`: join a running container's namespaces and start a program there.

A helper process stands between this client and the program, as the engine does: when the client
is killed, the program lives on and does not notice.
"""

from __future__ import annotations

import os

from engine import kernel
from engine.attach import Attachment, check_terminal, resize
from engine.errors import DaemonError
from engine.options import parse_env
from engine.process import Refused, become, capabilities, environment, open_terminal
from engine.rootfs import Account, NoSuchUser, account
from engine.streams import Ends, Route, carry, read_line

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from typing import NoReturn

    from engine.call import Call
    from engine.jsonlite import Doc

__all__ = ["execute"]

_FLAGS = ("detach,d detach-keys=text env,e=list env-file=list interactive,i privileged tty,t "
          "user,u=text workdir,w=text")  # fmt: skip
_KINDS = (kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC
          | kernel.CLONE_NEWUTS)  # fmt: skip
_FAILED = "OCI runtime exec failed: exec failed: "


class _Order:
    """What is to be run, and how."""

    def __init__(
        self, doc: Doc, argv: list[str], extra: list[str], user: str, cwd: str, *, tty: bool
    ) -> None:
        self.doc, self.argv, self.extra, self.user, self.cwd, self.tty = (
            doc,
            argv,
            extra,
            user,
            cwd,
            tty,
        )


def execute(call: Call) -> int:
    """Run a program in a running container; its exit code, or 126 where it cannot be run."""
    flags = call.flags(
        _FLAGS,
        "[OPTIONS] CONTAINER COMMAND [ARG...]",
        "Run a command in a running container",
        at_least=2,
        interspersed=False,
    )
    extra = parse_env(flags, dict(call.env), f"{call.program} exec")
    stdin, tty, detached = flags.on("interactive"), flags.on("tty"), flags.on("detach")
    doc = call.store.container(flags.args[0])
    state = doc["State"]
    if not detached:
        check_terminal(stdin=stdin, tty=tty)
    if state["Paused"]:
        raise DaemonError(f"Container {flags.args[0]} is paused, unpause the container before exec")
    if not state["Running"]:
        raise DaemonError(f"Container {doc['Id']} is not running")
    order = _Order(
        doc,
        flags.args[1:],
        extra,
        flags.text("user") or doc["Config"]["User"],
        flags.text("workdir") or doc["Config"]["WorkingDir"] or "/",
        tty=tty,
    )
    link = None if detached else Attachment(stdin=stdin, tty=tty)
    ready, tell = os.pipe()
    helper = os.fork()
    if helper == 0:
        _help(order, link, tell)
    os.close(tell)
    if link is not None:
        link.settle()
    words = read_line(ready)
    if words == "started":
        if link is None:
            return 0
        link.pump()
        words = read_line(ready)
        os.waitpid(helper, 0)
        return int(words) if words else 137
    os.waitpid(helper, 0)
    code, _, text = words.partition(" ")
    if detached or not code:
        raise DaemonError(text or f"Container {doc['Id']} is not running")
    # The engine says this on the program's own stdout, as a terminal's line, and the code is 126
    # whatever the cause.
    if call.is_podman:
        call.err(f"Error: runc: {text.removeprefix('OCI runtime exec failed: ')}")
        return int(code)
    call.out(f"{text}\r")
    return 126


def _help(order: _Order, link: Attachment | None, tell: int) -> NoReturn:
    code = 126
    try:
        os.setsid()
        if link is not None:
            for fd in link.mine:
                os.close(fd)
        pidfd = os.pidfd_open(order.doc["State"]["Pid"])
        kinds = _KINDS
        if order.doc["HostConfig"]["NetworkMode"] == "none":
            kinds |= kernel.CLONE_NEWNET
        full = _full_map(order.doc["State"]["Pid"])
        kernel.rename_process(f"fake-docker-exec {order.doc['Id']}")
        kernel.join(pidfd, kinds)
        os.close(pidfd)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        code = _serve(order, link.ends if link else Ends(-1, -1, -1), tell, full=full)
        _say(tell, str(code))
    except Refused as error:
        _say(tell, f"{error.code} {_FAILED}{error.message}: unknown")
    except NoSuchUser as error:
        _say(tell, f"126 {error.args[0]}")
    except OSError as error:
        _say(tell, f"126 {_FAILED}{error.strerror or error}: unknown")
    finally:
        os._exit(0)


def _say(fd: int, words: str) -> None:
    try:
        os.write(fd, words.encode() + b"\n")
    except BrokenPipeError:
        return  # the client was killed


def _full_map(pid: int) -> bool:
    with open(f"/proc/{pid}/uid_map", encoding="ascii") as file:
        return int(file.readline().split()[2]) > 1


def _serve(order: _Order, ends: Ends, tell: int, *, full: bool) -> int:
    """Start the program and carry its streams; its exit code."""
    who = account(order.user, "/etc")
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    note_r, note_w = os.pipe()
    source = ends.stdin if ends.stdin >= 0 and not order.tty else os.open("/dev/null", os.O_RDONLY)
    fds, master = (source, out_w, err_w), -1
    if order.tty:
        master, peer = open_terminal()
        fds = (peer, peer, peer)
    program = os.fork()
    if program == 0:
        _program(order, fds, note_w, who.home, who if full else None)
    for fd in {source, out_w, err_w, note_w, *fds}:
        os.close(fd)
    words = read_line(note_r)
    if words:
        code, _, text = words.partition(" ")
        raise Refused(text, int(code))
    _say(tell, "started")
    also = {}
    if order.tty:
        routes = [Route(master, ends.stdout, output=True)]
        if ends.stdin >= 0:
            routes.append(Route(ends.stdin, master, output=False))
        if ends.sizes >= 0:
            also[ends.sizes] = lambda: resize(ends.sizes, master)
    else:
        routes = [Route(out_r, ends.stdout, output=True), Route(err_r, ends.stderr, output=True)]
    carry(routes, os.pidfd_open(program), also)
    result = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    return result if result >= 0 else 128 - result


def _program(
    order: _Order, fds: tuple[int, int, int], note: int, home: str, who: Account | None
) -> NoReturn:
    doc = order.doc
    try:
        env = environment(
            doc["Config"], doc["Config"]["Hostname"], order.extra, home, tty=order.tty
        )
        quiet = "no-new-privileges" in "".join(doc["HostConfig"]["SecurityOpt"] or ())
        become(
            order.argv,
            env,
            order.cwd,
            who,
            capabilities(doc["HostConfig"]),
            fds,
            tty=order.tty,
            no_new_privileges=quiet,
        )
    except Refused as error:
        start = "" if error.message.startswith("Cwd") else "unable to start container process: "
        _say(note, f"{error.code} {start}{error.message}")
    except OSError as error:
        _say(note, f"126 {error.strerror or error}")
    finally:
        os._exit(126)
