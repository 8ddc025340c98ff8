"""Start a container, and the process that watches over it until it ends.

The client forks the supervisor, which makes the namespaces, forks the container's first process,
keeps its log and at last writes down how it ended. It holds `alive` locked all that time, which
is how everybody else knows. Messages to the client are lines on a pipe: `unshared`, then
`started PID` or `refused CODE TEXT`, and at the end `exit CODE`.
"""

from __future__ import annotations

import fcntl
import os
import time

from engine import kernel
from engine.attach import resize
from engine.errors import DaemonError
from engine.jsonlite import Doc, dump_line
from engine.names import timestamp
from engine.process import Refused, be_init, become, capabilities, environment, open_terminal
from engine.rootfs import NoSuchUser, account, mount_all
from engine.streams import Ends, Route, carry, read_line, write_all

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    import signal
    from typing import NoReturn

    from engine.attach import Attachment
    from engine.store import Store
    from engine.volumes import Volumes
else:
    import _signal as signal  # `signal` imports enum, and that `re`

__all__ = ["Started", "start"]

_KINDS = kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
_RUNTIME = "failed to create shim task: OCI runtime create failed: runc create failed: "


class Started:
    """A container that runs: its first process, its supervisor, the pipe that will tell its end."""

    def __init__(self, pid: int, supervisor: int, result: int) -> None:
        self.pid, self._supervisor, self._result = pid, supervisor, result

    def leave(self) -> None:
        """The client goes, the container runs on."""
        os.close(self._result)

    def wait(self) -> int:
        """Wait for the end; the exit code, 137 where the supervisor was killed."""
        words = read_line(self._result)
        os.waitpid(self._supervisor, 0)
        return int(words.removeprefix("exit ")) if words else 137


def start(store: Store, volumes: Volumes, doc: Doc, link: Attachment | None = None) -> Started:
    """Start the container of `doc`; `link` is an attached client.

     Call with the container's `turn` held. DaemonError where it cannot start; its state then says
    why.
    """
    ready, tell = os.pipe()
    hear, go = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        _Supervisor(store, volumes, doc, tell, hear).run(link.ends if link else None)
    os.close(tell)
    os.close(hear)
    if link is not None:
        link.settle()
    try:
        words = read_line(ready)
        if words == "unshared":
            os.write(go, b"full\n" if kernel.map_users(supervisor) else b"single\n")
            words = read_line(ready)
    except OSError as error:
        words = f"refused 125 {_RUNTIME}cannot map users: {error.strerror}: unknown"
    finally:
        os.close(go)
    if words.startswith("started "):
        return Started(int(words.removeprefix("started ")), supervisor, ready)
    os.close(ready)
    os.waitpid(supervisor, 0)
    code, _, text = words.removeprefix("refused ").partition(" ")

    def refused(found: Doc) -> None:
        found["State"].update(Status="created", Running=False, Pid=0, ExitCode=int(code or 128),
                              Error=text or "the supervisor died")  # fmt: skip

    store.update(doc["Id"], refused)
    raise DaemonError(text or "the supervisor died", int(code or 125))


class _Supervisor:
    """The forked watcher; `run` never returns."""

    def __init__(self, store: Store, volumes: Volumes, doc: Doc, tell: int, hear: int) -> None:
        self.store, self.volumes, self.doc = store, volumes, doc
        self.tell, self.hear = tell, hear
        self.folder = store.folder(doc["Id"])

    def say(self, words: str) -> None:
        try:
            os.write(self.tell, words.encode() + b"\n")
        except BrokenPipeError:
            return  # the client was killed: the container lives on

    def run(self, ends: Ends | None) -> NoReturn:
        try:
            os.setsid()
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            self._detach(ends)
            self._watch(ends)
        except Refused as error:
            self.say(f"refused {error.code} {_RUNTIME}unable to start container process: "
                     f"{error.message}: unknown")  # fmt: skip
        except NoSuchUser as error:
            self.say(f"refused 125 {error.args[0]}")
        except OSError as error:
            self.say(f"refused 125 {_RUNTIME}{error}: unknown")
        finally:
            os._exit(0)

    def _detach(self, ends: Ends | None) -> None:
        """Keep nothing of the caller but what the pipes need."""
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        keep = {null, self.tell, self.hear, *(ends.fds() if ends else ())}
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2 and int(name) not in keep:
                try:
                    os.close(int(name))
                except OSError:
                    continue  # the folder's own descriptor
        kernel.rename_process(f"fake-docker-supervisor {self.doc['Id']}")

    def _watch(self, ends: Ends | None) -> None:
        alive = os.open(f"{self.folder}/alive", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(alive, fcntl.LOCK_EX)
        kinds = _KINDS
        if self.doc["HostConfig"]["NetworkMode"] == "none":
            kinds |= kernel.CLONE_NEWNET
        try:
            kernel.unshare(kinds)
        except OSError as error:
            raise OSError(error.errno, f"this kernel gives no namespaces ({error})") from None
        self.say("unshared")
        full = read_line(self.hear) == "full"
        config = self.doc["Config"]
        tty = bool(config["Tty"])
        out_r, out_w = os.pipe()
        err_r, err_w = os.pipe()
        note_r, note_w = os.pipe()
        in_r, in_w, wanted = *os.pipe(), ends.stdin if ends else -1
        if wanted >= 0 and not tty:
            os.close(in_w)  # an attached client feeds the process itself: its end is the end
            in_r, in_w = wanted, -1
        first = os.fork()
        if first == 0:
            os.close(alive)
            self._first(full, (in_r, out_w, err_w), note_w, tty=tty)
        for fd in (out_w, err_w, in_r, note_w):
            os.close(fd)
        pidfd = os.pidfd_open(first)
        theirs = self._started(first, note_r)
        fd = os.open(f"{self.folder}/log.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        log = _Log(fd)
        sinks = (ends.stdout, ends.stderr) if ends else (-1, -1)
        also = {}
        if tty:
            master = kernel.fd_of(pidfd, theirs)
            os.write(in_w, b"\n")  # the first process may go on: the terminal is ours too now
            routes = [Route(master, sinks[0], output=True, tap=log.stdout)]
            if wanted >= 0:
                routes.append(Route(wanted, master, output=False))
            if ends is not None and ends.sizes >= 0:
                also[ends.sizes] = lambda: resize(ends.sizes, master)
        else:
            if not config["OpenStdin"] and in_w >= 0:
                os.close(in_w)
            routes = [
                Route(out_r, sinks[0], output=True, tap=log.stdout),
                Route(err_r, sinks[1], output=True, tap=log.stderr),
            ]
        carry(routes, pidfd, also)
        log.flush()
        _, status = os.waitpid(first, 0)
        code = os.waitstatus_to_exitcode(status)
        self._ended(code if code >= 0 else 128 - code, alive)

    def _started(self, first: int, note: int) -> int:
        """Hear that the first process runs its program, and tell; gives its terminal, or -1."""
        words, theirs = read_line(note), -1
        if words.startswith("tty "):
            theirs, words = int(words[4:]), ""
        if words:
            os.waitpid(first, 0)
            code, _, text = words.partition(" ")
            if code == "0":
                raise OSError(text)
            if code == "1":
                raise NoSuchUser(text)
            raise Refused(text, int(code))

        def running(found: Doc) -> None:
            found["State"].update(
                Status="running",
                Running=True,
                Pid=first,
                ExitCode=0,
                Error="",
                StartedAt=timestamp(),
                FinishedAt="0001-01-01T00:00:00Z",
            )
            found["Fake"]["supervisor"] = os.getpid()

        self.store.update(self.doc["Id"], running)
        self.say(f"started {first}")
        return theirs

    def _first(self, full: bool, fds: tuple[int, int, int], note: int, *, tty: bool) -> NoReturn:
        try:
            kernel.die_with_parent(signal.SIGKILL)
            kernel.unshare(kernel.CLONE_NEWNS)
            mount_all(self.folder, self.doc, full=full)
            self._program(full, fds, note, tty=tty)
        except Refused as error:
            os.write(note, f"{error.code} {error.message}\n".encode())
        except NoSuchUser as error:
            os.write(note, f"1 {error.args[0]}\n".encode())
        except OSError as error:
            os.write(note, f"0 {error.strerror or error}\n".encode())
        finally:
            os._exit(125)

    def _program(self, full: bool, fds: tuple[int, int, int], note: int, *, tty: bool) -> NoReturn:
        config, host = self.doc["Config"], self.doc["HostConfig"]
        kernel.set_host_name(config["Hostname"])
        if host["NetworkMode"] == "none":
            kernel.loopback_up()
        who = account(config["User"], "/etc")
        argv = [*(config["Entrypoint"] or ()), *(config["Cmd"] or ())]
        env = environment(config, config["Hostname"], [], who.home, tty=tty)
        cwd = config["WorkingDir"] or "/"
        if not os.path.isdir(cwd):
            os.makedirs(cwd, exist_ok=True)
        if tty:
            master, peer = open_terminal()
            os.write(note, f"tty {master}\n".encode())
            os.read(fds[0], 1)
            os.close(master)
            fds = (peer, peer, peer)
        keep = capabilities(host)
        quiet = "no-new-privileges" in "".join(host["SecurityOpt"] or ())
        if not host.get("Init"):
            become(
                argv,
                env,
                cwd,
                who if full else None,
                keep,
                fds,
                tty=tty,
                no_new_privileges=quiet,
                tied=True,
            )
        child = os.fork()
        if child == 0:
            become(
                argv, env, cwd, who if full else None, keep, fds, tty=tty, no_new_privileges=quiet
            )
        kernel.rename_process(" ".join(["/sbin/docker-init", "--", *argv]))
        os.closerange(0, 1024)
        kernel.drop_capabilities(keep)
        be_init(child)

    def _ended(self, code: int, alive: int) -> None:
        def exited(found: Doc) -> None:
            found["State"].update(
                Status="exited",
                Running=False,
                Paused=False,
                Pid=0,
                ExitCode=code,
                FinishedAt=timestamp(),
            )
            found["Fake"].pop("supervisor", None)

        doc = self.store.update(self.doc["Id"], exited)
        if doc["HostConfig"]["AutoRemove"]:
            self.store.remove_container(doc)
            for mount in doc["Mounts"]:
                if mount.get("Name") in doc["Fake"]["anonymous"]:
                    self.volumes.remove(mount["Name"], force=True)
        os.close(alive)
        self.say(f"exit {code}")


class _Log:
    """json-file lines: one per line of output, the last one perhaps without its newline."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._open = {"stdout": b"", "stderr": b""}

    def stdout(self, data: bytes) -> None:
        self._add("stdout", data)

    def stderr(self, data: bytes) -> None:
        self._add("stderr", data)

    def _add(self, stream: str, data: bytes) -> None:
        *lines, rest = (self._open[stream] + data).split(b"\n")
        self._open[stream] = rest
        for line in lines:
            self._write(stream, line + b"\n")

    def flush(self) -> None:
        for stream, rest in self._open.items():
            if rest:
                self._write(stream, rest)

    def _write(self, stream: str, line: bytes) -> None:
        entry = {"log": line.decode(errors="replace"), "stream": stream,
                 "time": timestamp(nanoseconds=time.time_ns())}  # fmt: skip
        write_all(self._fd, dump_line(entry))
