"""The way into a container: `Executor` over `docker exec` (EXEC-1 to EXEC-5)."""

from __future__ import annotations

import contextlib
import os
import signal
from functools import partial
from typing import IO, TYPE_CHECKING

from awl import proc, supervise
from awl.engines.words import HEADS, NOT_RUNNING
from awl.errors import (
    AwlError,
    CommandNotExecutable,
    CommandNotFound,
    WorkspaceNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from awl.engines.docker import Docker
    from awl.model import ExecSpec

__all__ = ["HOME", "WORK", "EngineExecutor"]

#: Where the image has the work folder, and the home of its user.
WORK = "/work"
HOME = "/home/agent"

# The engine itself reports a missing command on standard output and with the code 126, so the
# command is looked for inside, by the shell. $1 is the folder to go to; it ends with the code that
# the launcher has for its own failures, and without a word: those are the child's streams.
_CHECK = """cd "$1" 2>/dev/null || exit 125
shift
case ${1-} in
*/*) [ -e "$1" ] || exit 127; [ -f "$1" ] && [ -x "$1" ] || exit 126;;
?*) r=127; set -f; IFS=:
  for d in $PATH; do [ -f "$d/$1" ] && { r=126; [ -x "$d/$1" ] && r=0 && break; }; done
  unset IFS; set +f; [ $r = 0 ] || exit $r;;
*) [ $# = 0 ] || exit 127;;
esac
"""
_RUN = f"""{_CHECK}[ $# -gt 0 ] && exec "$@"
command -v bash >/dev/null && exec bash -l
exec sh -l
"""
# The sign that the shell was started: without it nobody can tell a silent child from an engine that
# never answers. It goes no further than the launcher's gate.
_SIGN = f"""printf '\\1%s\\n' "${supervise.MARK}" >&2
"""
# Ends everything that carries the mark of one exec: $1 is the mark, $2 the signal, $3 the rounds.
# Its exit code is 0 where there was anything to get the signal.
# The eldest first, in order of their numbers: a parent would go on where its child has ended before
# it. Names alone would have 10 before 9.
_ELDEST_FIRST = " ".join(f"/proc/{'[0-9]' * digits}" for digits in range(1, 8))
_END = f"""n=0 r=1
while [ $n -lt "$3" ]; do
  n=$((n + 1)) f=
  for d in {_ELDEST_FIRST}; do
    grep -qzx "{supervise.MARK}=$1" "$d/environ" 2>/dev/null && f=1 && kill "-$2" "${{d#/proc/}}"
  done 2>/dev/null
  [ "$f" ] || break
  r=0
done
exit $r
"""
# Variables that the client itself heeds, or what it starts (ssh): set in its environment they would
# change what it does.
_CLIENTS_OWN = (
    *("BUILDKIT_", "CONTAINER", "DOCKER_", "GO", "LD_", "OTEL_", "PODMAN_", "SSH_", "SSL_", "XDG_"),
    "AWL_FAKE_",
)
_CLIENTS_OWN_NAMES = frozenset(
    {
        *("ALL_PROXY", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "PATH", "REQUEST_METHOD"),
        *("TMPDIR", "USER"),
    }
)
_STAND_IN = "AWL_EXEC_ENV_"
_ALIVE = frozenset({"running", "paused", "restarting"})
_LOGS_LIMIT = 60.0
# What a client ends with, without a word, whose engine went away under it; a child may do so too.
_LOST = 255
_OWN_CODES = (125, 126, 127)
_ENGINE_CODES = (1, 125, 126, 255)


class EngineExecutor:
    """Runs commands in one container."""

    sees_host = False

    def __init__(self, engine: Docker, container: str, name: str, user: str = "") -> None:
        self._user = ("-u", user) if user else ()
        self._engine = engine
        self._container = container
        self._name = name

    def as_root(self) -> EngineExecutor:
        """Return the way in as root, whom the container has whatever its image's user is."""
        return EngineExecutor(self._engine, self._container, self._name, "0")

    def path(self, relative: str) -> str:
        """Return the path inside: `work/…` is `/work/…`, the rest lies in the user's home."""
        head, slash, rest = relative.partition("/")
        return f"{WORK if head == 'work' else f'{HOME}/{head}'}{slash}{rest}"

    def run(
        self,
        argv: Sequence[str],
        *,
        limit: float,
        env: Mapping[str, str] | None = None,
        stdin: bytes | IO[bytes] = b"",
        stdout: IO[bytes] | None = None,
        told: Callable[[str], None] | None = None,
    ) -> proc.Completed:
        """Run `argv` inside; a stopped container is started first."""
        words = ("exec", "-i", *self._user, *_by_name(env or {}), self._container, *argv)
        for _ in range(2):
            done = self._engine.call(
                *words, limit=limit, env=env, stdin=stdin, stdout=stdout, told=told
            )
            if done.code not in _ENGINE_CODES or not _head_of(done.err):
                break
            self._revive()
            if not isinstance(stdin, bytes):
                stdin.seek(0)
        return done

    def execute(self, spec: ExecSpec) -> int:
        """Run a person's command on the launcher's own streams and return its exit code."""
        terminal = os.isatty(0) and os.isatty(1)
        if spec.user not in {None, "root"}:
            self._check_user(spec)
        # Where standard error cannot be told from standard output, nothing may be held back (it
        # would come too late), so the container is looked at first.
        gated = not terminal and not _same_file(1, 2)
        if not gated and self._engine.status(self._container) != "running":
            self._revive()
        code, said = self._attempt(spec, terminal=terminal, gated=gated)
        if said and not self._was_childs(code, said):
            code, said = self._attempt(spec, terminal=terminal, gated=False)
        if code == _LOST:
            self._engine.status(self._container)  # raises where the engine has gone meanwhile
        if code in _OWN_CODES and spec.command:
            self._raise_own(spec)
        return code

    def start(self) -> bool:
        """Have the container run; tell whether it did not before."""
        return self._revive()

    def stop(self, seconds: int) -> bool:
        """Stop the container, killed after `seconds`; tell whether it ran before."""
        if self._state() not in _ALIVE:
            return False
        self._engine.stop(self._container, seconds)
        return True

    def logs(self, *, follow: bool, tail: int | None) -> None:
        """Write the container's log to the launcher's own streams."""
        words = ["logs", *(("--tail", str(tail)) if tail is not None else ()), self._container]
        self._state()
        if not follow:
            done = self._engine.call(*words, limit=_LOGS_LIMIT)
            if done.code != 0:
                raise AwlError(f"the log cannot be read: {done.words}")
            supervise.write_all(1, done.out)
            supervise.write_all(2, done.err)
            return
        argv = (self._engine.program, words[0], "--follow", *words[1:])

        def end(number: int) -> None:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.kill(pid, number)

        mark = supervise.new_mark()
        env = {**self._engine.environment, supervise.MARK: mark}
        with supervise.Heir(partial(supervise.end_local, mark)), supervise.Signals() as signals:
            pid = proc.spawn(argv, env=env, mask=signals.before)
            code = signals.wait(pid, end, from_terminal=True)
        if signals.came:
            raise KeyboardInterrupt(signals.came[0])
        if code != 0:
            raise AwlError(f"{self._engine.client} logs ended with exit code {code}")

    def _attempt(self, spec: ExecSpec, *, terminal: bool, gated: bool) -> tuple[int, bytes]:
        mark = supervise.new_mark()
        env, restore = _hand_over({**dict(spec.env), supervise.MARK: mark})
        gate = supervise.Gate(HEADS, f"\1{mark}\n".encode()) if gated else None
        argv = (
            self._engine.program,
            "exec",
            *(("-i", "-t") if terminal else ("-i",)),
            *_by_name(env),
            *self._place(spec, _shell(env)),
            restore + (_SIGN if gate else "") + _RUN,
            "awl",
            _folder(spec),
            *spec.command,
        )
        # In a group of its own the client lives on to hand the exit code through; one that reads
        # the terminal must stay in ours, or it would be stopped.
        group = not terminal and not os.isatty(0)

        def end(number: int) -> bool:
            return self._end(mark, number, spec)

        with supervise.Signals() as signals, supervise.Heir(end):
            pid = proc.spawn(
                argv,
                env={**self._engine.environment, **env},
                mask=signals.before,
                stderr=gate.entrance if gate else None,
                group=group,
            )
            if gate:
                gate.open()
            code = signals.wait(
                pid,
                end,
                from_terminal=True,
                late=self._probe(gate) if gate else None,
            )
        return code, gate.close() if gate else b""

    def _probe(self, gate: supervise.Gate) -> Callable[[], float | None]:
        """Return what is to be asked where the child is late: does the engine answer (RT-5)?

        Once it runs, a child may take as long as it likes, whatever becomes of the engine.
        """
        limit = self._engine.limit
        asked = False

        def probe() -> float | None:
            nonlocal asked
            if gate.passed:
                return None
            if asked:
                self._engine.check()
            asked = True
            return limit

        return probe

    def _place(self, spec: ExecSpec, shell: str = "sh") -> tuple[str, ...]:
        user = ("-u", spec.user) if spec.user else ()
        return ("-w", WORK, *user, self._container, shell, "-c")

    def _end(self, mark: str, number: int, spec: ExecSpec) -> bool:
        rounds = "5" if number == signal.SIGKILL else "1"
        done = self._engine.call(
            "exec", *self._place(spec), _END, "awl", mark, str(int(number)), rounds, limit=10.0
        )
        return done.code == 0

    def _was_childs(self, code: int, said: bytes) -> bool:
        """Tell whether words like the engine's were the child's; if not, mend what they say."""
        if code in _ENGINE_CODES and self._engine.status(self._container) != "running":
            self._revive()
            return False
        supervise.write_all(2, said)
        return True

    def _state(self) -> str:
        state = self._engine.status(self._container)
        if state is None:
            raise WorkspaceNotFound(
                f"the container of workspace {self._name} is gone",
                f"clear what is left: awl rm {self._name} --runtime container",
            )
        return state

    def _revive(self) -> bool:
        """See that the container runs; tell whether it did not before."""
        if self._state() == "running":
            return False
        self._engine.start(self._container)
        return True

    def _check_user(self, spec: ExecSpec) -> None:
        done = self._engine.call("exec", *self._place(spec), "exit 0")
        if done.code in _ENGINE_CODES and _head_of(done.err) and _is_stopped(done):
            self._revive()
            done = self._engine.call("exec", *self._place(spec), "exit 0")
        if done.code != 0:
            raise AwlError(
                f"--user {spec.user} cannot be used in workspace {self._name}: {done.words}",
                f"see who there is: awl exec {self._name} -- getent passwd",
            )

    def _raise_own(self, spec: ExecSpec) -> None:
        """Raise the launcher's own error where the command was not to be run; else do nothing."""
        env, restore = _hand_over(dict(spec.env))
        script = f"{restore}{_CHECK}exit 0"
        place = self._place(spec, _shell(env))
        words = (*_by_name(env), *place, script, "awl", _folder(spec), *spec.command)
        code = self._engine.call("exec", *words, env=env).code
        program = spec.command[0]
        if code == 125:
            raise AwlError(
                f"cannot enter {_folder(spec)}: no such folder in the workspace",
                "give a folder that exists with --cwd; it starts from /work where relative",
            )
        if code == 126:
            raise CommandNotExecutable(f"{program} cannot be run", f"try chmod +x {program}")
        if code == 127:
            raise CommandNotFound(
                f"{program}: no such command in the workspace",
                f"see what there is: awl exec {self._name} -- sh -c 'echo $PATH'",
            )


def _folder(spec: ExecSpec) -> str:
    if spec.cwd is None or spec.cwd.startswith("/"):
        return spec.cwd or WORK
    return f"{WORK}/{spec.cwd}"


def _by_name(env: Mapping[str, str]) -> list[str]:
    """Return options that hand variables through by name: their values are nobody's to see."""
    return [word for name in env for word in ("-e", name)]


def _shell(env: Mapping[str, str]) -> str:
    """Return the shell that hands all of `env` on: a plain one drops names that it cannot use."""
    return "sh" if all(name.isascii() and name.isidentifier() for name in env) else "bash"


def _hand_over(env: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return what the client is to hand through, and a script that gives it back its names.

    A proxy's address may hold a password, so no value is put in an argument list (SEC-1).
    """
    handed: dict[str, str] = {}
    restore = ""
    for name, value in env.items():
        heeded = name.upper() in _CLIENTS_OWN_NAMES or name.startswith(_CLIENTS_OWN)
        if heeded and name.isascii() and name.isidentifier():
            stand_in = f"{_STAND_IN}{len(handed)}"
            handed[stand_in] = value
            restore += f'export {name}="${stand_in}"; unset {stand_in}\n'
        else:
            handed[name] = value
    return handed, restore


def _head_of(said: bytes) -> bool:
    return said.startswith(HEADS)


def _is_stopped(done: proc.Completed) -> bool:
    return any(sign in done.words for sign in NOT_RUNNING)


def _same_file(one: int, other: int) -> bool:
    first, second = os.fstat(one), os.fstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
