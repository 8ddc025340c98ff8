"""Turn a forked child into the program that a container or an `exec` asked for."""

from __future__ import annotations

import fcntl
import os
import termios

from engine import kernel

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    import signal
    from typing import NoReturn

    from engine.jsonlite import Doc
    from engine.rootfs import Account
else:
    import _signal as signal  # `signal` imports enum, and that `re`

__all__ = [
    "DEFAULT_PATH",
    "Refused",
    "be_init",
    "become",
    "capabilities",
    "environment",
    "open_terminal",
]

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# capabilities(7): what docker leaves a container, without those that need the machine's own root.
_DEFAULT_CAPABILITIES = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7,
    "SETPCAP": 8, "NET_BIND_SERVICE": 10, "NET_RAW": 13, "SYS_CHROOT": 18, "MKNOD": 27,
    "AUDIT_WRITE": 29, "SETFCAP": 31,
}  # fmt: skip
_TIOCGPTPEER, _TIOCSPTLCK = 0x5441, 0x40045431
_RESET = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
          signal.SIGQUIT, signal.SIGCHLD, signal.SIGWINCH)  # fmt: skip


class Refused(Exception):
    """The program cannot be started; the message is the runtime's, the code 126 or 127."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.message, self.code = message, code


def capabilities(host: Doc) -> frozenset[int]:
    """The bounding set of a container: docker's default, less what `--cap-drop` names."""
    dropped = {name.upper().removeprefix("CAP_") for name in host["CapDrop"] or ()}
    added = {name.upper().removeprefix("CAP_") for name in host["CapAdd"] or ()}
    keep = {} if "ALL" in dropped else dict(_DEFAULT_CAPABILITIES)
    for name in added & set(_DEFAULT_CAPABILITIES):
        keep[name] = _DEFAULT_CAPABILITIES[name]
    return frozenset(
        number for name, number in keep.items() if name not in dropped - {"ALL"} - added
    )


def environment(
    config: Doc, hostname: str, extra: list[str], home: str, *, tty: bool
) -> dict[str, str]:
    """A process's environment in docker's order: PATH, HOSTNAME, TERM, its own, `-e`, HOME."""
    env = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname}
    if tty:
        env["TERM"] = "xterm"
    for item in [*(config["Env"] or ()), *extra]:
        name, equals, value = item.partition("=")
        if equals:
            env[name] = value
        else:
            env.pop(name, None)
    env.setdefault("HOME", home)
    return env


def open_terminal() -> tuple[int, int]:
    """A new pseudo-terminal of the container's own: (controlling end, program's end)."""
    master = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(master, _TIOCSPTLCK, b"\0\0\0\0")
    peer = fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)
    return master, peer


def _find(program: str, path: str) -> str:
    shown = f'exec: "{program}": '
    if "/" in program:
        candidates = [program]
    else:
        candidates = [f"{folder or '.'}/{program}" for folder in path.split(":")] if program else []
    denied = False
    for candidate in candidates:
        if os.path.isdir(candidate):
            denied = denied or "/" in program
        elif os.path.exists(candidate):
            if os.access(candidate, os.X_OK):
                return candidate
            denied = True
    if denied and "/" in program:
        raise Refused(f"{shown}permission denied", 126)
    if "/" in program:
        raise Refused(f"{shown}stat {program}: no such file or directory", 127)
    raise Refused(f"{shown}executable file not found in $PATH", 127)


def become(
    argv: list[str],
    env: dict[str, str],
    cwd: str,
    who: Account | None,
    keep: frozenset[int],
    fds: tuple[int, int, int],
    *,
    tty: bool,
    no_new_privileges: bool,
    tied: bool = False,
) -> NoReturn:
    """Exec, as runc's last steps do. `who=None` keeps the one uid there is. Raises Refused.

    `tied`: die with the parent, which setuid had undone.
    """
    os.setsid()
    for target, fd in enumerate(fds):
        os.dup2(fd, target, inheritable=True)
    if tty:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    kernel.drop_capabilities(keep)
    if who is not None:
        os.setgroups(who.groups)
        os.setgid(who.gid)
        os.setuid(who.uid)
    if tied:
        kernel.die_with_parent(signal.SIGKILL)
    if no_new_privileges:
        kernel.no_new_privileges()
    os.umask(0o022)
    if not cwd.startswith("/"):
        raise Refused("Cwd must be an absolute path", 126)
    try:
        os.chdir(cwd)
    except OSError as error:
        words = (error.strerror or "").lower()
        raise Refused(f'chdir to cwd ("{cwd}") set in config.json failed: {words}', 126) from None
    program = _find(argv[0], env.get("PATH", ""))
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.execve(program, argv, env)
    except OSError as error:
        words = (error.strerror or "").lower()
        raise Refused(f'exec: "{argv[0]}": {words}', 126) from None


def be_init(child: int) -> NoReturn:
    """`--init`: pass signals on to the child, reap everything, end as the child ends."""
    passed = set(signal.valid_signals()) - {
        signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGSEGV, signal.SIGBUS,
        signal.SIGFPE, signal.SIGILL, signal.SIGTTIN, signal.SIGTTOU,
    }  # fmt: skip
    for number in passed:
        signal.signal(number, lambda got, _frame: _pass_on(child, got))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _pass_on(child: int, number: int) -> None:
    try:
        os.kill(child, number)
    except ProcessLookupError:
        return
