"""The narrow waist: how anything is run in a workspace, wherever it lives.

Git, `exec` and whatever comes after them are written once over `Executor`, so that they do the same
in every runtime.
"""

# Plain strings, as in awl.paths.
# ruff: noqa: PTH114, PTH123

from __future__ import annotations

import errno
import os
from typing import IO, TYPE_CHECKING, Protocol, runtime_checkable

from awl import credentials, proc, supervise
from awl.errors import AwlError, CommandNotExecutable, CommandNotFound, OptionUnsupported

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence

    from awl.model import ExecSpec

__all__ = ["Executor", "Lifecycle", "LocalExecutor", "Rooted", "joined", "not_astray"]

# What `git rev-parse --local-env-vars` names, but for settings: a launcher that is called from a
# hook would work on the hook's repository instead of its own. GIT_CONFIG is no setting: it leads
# `git config`, and nothing else, to another file.
_ASTRAY = frozenset(
    f"GIT_{name}"
    for name in (
        *("ALTERNATE_OBJECT_DIRECTORIES", "COMMON_DIR", "CONFIG", "DIR", "GRAFT_FILE"),
        "INDEX_FILE",
        *("NAMESPACE", "OBJECT_DIRECTORY", "PREFIX", "SHALLOW_FILE", "WORK_TREE"),
    )
)


class Executor(Protocol):
    """Runs commands in one workspace."""

    #: Whether files of this machine can be read from inside under their own paths.
    sees_host: bool

    def path(self, relative: str) -> str:
        """Return the path by which the inside knows `relative` (`work/OWNER/REPO`)."""

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
        """Run `argv` to its end and collect its output; `env` is added to the inside's own.

        `stdin` and `stdout` may be open files, for what is too large to be held; `told` hears what
        it says on standard error as it comes, line by line.

        Values of `env` may be secret: they never appear in an argument list.
        """

    def execute(self, spec: ExecSpec) -> int:
        """Run a person's command on the launcher's own streams and return its exit code."""


@runtime_checkable
class Lifecycle(Protocol):
    """What an executor can do besides, where a workspace is something that runs (LIFE-1)."""

    def start(self) -> bool:
        """Have the workspace run; tell whether it did not before."""

    def stop(self, seconds: int) -> bool:
        """Have it run no more, killed if it takes longer; tell whether it ran before."""

    def logs(self, *, follow: bool, tail: int | None) -> None:
        """Write what its first process printed to the launcher's own streams.

        With `tail` only the last lines, with `follow` what comes after, until it stops. Raises
        `KeyboardInterrupt` where a signal ends that.
        """


@runtime_checkable
class Rooted(Protocol):
    """What an executor can do besides, where the workspace has a root of its own."""

    def as_root(self) -> Executor:
        """Return the way into the same workspace as its root, who may look everywhere (RM-3)."""


class LocalExecutor:
    """Runs on this machine, in the folder of a workspace of the host."""

    sees_host = True

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    def path(self, relative: str) -> str:
        """Return the absolute path of `relative`."""
        return f"{self._folder}/{relative}"

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
        """Run `argv` with the person's environment and `env`."""
        whole = joined({**not_astray(self._environment), **self._own()}, env or {})
        return proc.run(
            argv,
            env=whole,
            limit=limit,
            cwd=self._folder,
            stdin=stdin,
            stdout=stdout,
            told=told,
        )

    def execute(self, spec: ExecSpec) -> int:
        """Run a person's command in `work/`; signals reach it and all that it started."""
        if spec.user is not None:
            raise OptionUnsupported(
                "a host workspace has no users of its own",
                "leave --user and --root out, or use a container workspace",
            )
        env = {**self._environment, **self._own(), **dict(spec.env)}
        argv = spec.command or self._login_shell(env)
        self._enter(spec.cwd)
        mark = supervise.new_mark()
        env[supervise.MARK] = mark

        def end(number: int) -> bool:
            return supervise.end_local(mark, number)

        with supervise.Signals() as signals, supervise.Heir(end):
            pid = self._start(argv, env, signals.before)
            return signals.wait(pid, end)

    def _enter(self, cwd: str | None) -> None:
        folder = self.path("work")
        if os.path.islink(folder):  # somebody inside has made it one
            raise AwlError(
                f"{folder} is a link, and not followed out of the workspace",
                f"see where it leads: ls -l {folder}",
            )
        # The launcher itself goes there: what it starts next is the child, and nothing else.
        for step in (folder, cwd) if cwd is not None else (folder,):
            try:
                os.chdir(step)
            except OSError as error:
                raise AwlError(
                    f"cannot enter {step}: {error.strerror}",
                    "give a folder that exists with --cwd; it starts from work/ where relative",
                ) from error

    def _own(self) -> dict[str, str]:
        return credentials.variables(self._folder, self._environment)

    def _login_shell(self, env: Mapping[str, str]) -> tuple[str, ...]:
        return (env.get("SHELL") or "/bin/sh", "-l")

    def _start(self, argv: Sequence[str], env: Mapping[str, str], mask: set[signal.Signals]) -> int:
        program = argv[0]
        path = program if "/" in program else proc.on_path(program, env, relative=True)
        if path is None:
            raise _missing(program)
        try:
            return proc.spawn((path, *argv[1:]), env=env, mask=mask)
        except (FileNotFoundError, NotADirectoryError):
            raise _missing(program) from None
        except OSError as error:
            if error.errno == errno.ENOEXEC and _is_script(path):
                # A script without a `#!` line is the shell's, as execvp(3) and every shell have it.
                return proc.spawn(("/bin/sh", path, *argv[1:]), env=env, mask=mask)
            raise CommandNotExecutable(
                f"{program} cannot be run: {error.strerror}", f"try chmod +x {program}"
            ) from None


def joined(environment: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Return both environments in one; git's settings in `more` come after those that are there."""
    before, count = (one.get("GIT_CONFIG_COUNT") or "0" for one in (environment, more))
    whole = {**environment, **more}
    if count == "0" or not before.isdecimal():
        return whole
    for what in ("KEY", "VALUE"):
        for number in range(int(before)):
            name = f"GIT_CONFIG_{what}_{number}"
            if name in environment:
                whole[name] = environment[name]
        for number in range(int(count)):
            whole[f"GIT_CONFIG_{what}_{int(before) + number}"] = more[f"GIT_CONFIG_{what}_{number}"]
    whole["GIT_CONFIG_COUNT"] = str(int(before) + int(count))
    return whole


def not_astray(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would lead the launcher's own calls astray.

    That is, to another repository, or by a relative entry of PATH to a program that the workspace
    has planted in the folder of the call.
    """
    kept = {name: value for name, value in environment.items() if name not in _ASTRAY}
    if "PATH" in kept:
        entries = [each for each in kept["PATH"].split(":") if each.startswith("/")]
        kept["PATH"] = ":".join(entries) or os.defpath
    return kept


def _missing(program: str) -> CommandNotFound:
    return CommandNotFound(
        f"{program}: no such command in the workspace",
        "see what is there: awl exec WORKSPACE -- sh -c 'echo $PATH'",
    )


def _is_script(path: str) -> bool:
    """Tell a script from a program for another machine: shells look for a NUL byte, too."""
    with open(path, "rb") as file:
        return b"\0" not in file.read(256)
