"""The fault language: what the fake is told to get wrong.

    FAULT[=VALUE] [on SUBCOMMAND] [nth N] ; ...

`on` limits a fault to one subcommand (`on ps`, `on volume rm`), `nth` to its Nth matching call.
"""

from __future__ import annotations

import os
import time

from engine.errors import CannotConnect, CliError, DaemonError, FakeError

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.store import Store

__all__ = ["Fault", "FaultPlan", "parse"]

_NAMES = {
    "daemon-down": "", "dies": "after", "exits": "1", "garbles": "", "gate": "", "hang": "",
    "lies": "", "no-space": "", "permission-denied": "", "pull-refused": "",
    "refuses": "internal error", "slow": "1",
}  # fmt: skip
_PULLERS = ("pull", "image pull", "run", "create")


class Fault:
    """One clause: a name, its value, where it strikes and at which matching call (0: at each)."""

    def __init__(self, name: str, value: str, command: str, nth: int, text: str) -> None:
        self.name, self.value, self.command, self.nth, self.text = name, value, command, nth, text


def _nearest(word: str) -> str:
    import difflib  # only ever on the way to an error

    return (difflib.get_close_matches(word, list(_NAMES), 1, 0.0) or ["daemon-down"])[0]


def parse(text: str, where: str) -> list[Fault]:
    """Read clauses; FakeError names `where` they stood and the nearest valid word."""
    faults = []
    for clause in text.replace("\n", ";").split(";"):
        words = _words(clause)
        if not words or words[0].startswith("#"):
            continue
        name, equals, value = words[0].partition("=")
        if name not in _NAMES:
            raise FakeError(f"unknown fault {name!r} in {where}; nearest: {_nearest(name)!r}. "
                            "See the table of faults in stubs/README.md")  # fmt: skip
        nth, command, rest = 0, "", words[1:]
        if len(rest) > 1 and rest[-2] == "nth" and rest[-1].isdigit() and int(rest[-1]):
            nth, rest = int(rest[-1]), rest[:-2]
        if len(rest) > 1 and rest[0] == "on":
            command, rest = " ".join(rest[1:]), []
        if rest:
            raise FakeError(f"cannot read {clause.strip()!r} in {where}; the form is "
                            "FAULT[=VALUE] [on SUBCOMMAND] [nth N]")  # fmt: skip
        value = value if equals else _NAMES[name]
        _check(name, value, where)
        faults.append(Fault(name, value, command, nth, " ".join(words)))
    return faults


def _words(clause: str) -> list[str]:
    if "'" not in clause and '"' not in clause:
        return clause.split()
    import shlex  # only where a path has a space in it

    return shlex.split(clause)


def _check(name: str, value: str, where: str) -> None:
    good = True
    if name == "slow":
        good = value.replace(".", "", 1).isdigit()
    elif name == "exits":
        good = value.isdigit()
    elif name == "gate":
        good = value.startswith("/")
    elif name == "dies":
        good = value in ("before", "after")
    elif not _NAMES[name] and value:
        good = False
    if not good:
        raise FakeError(f"fault {name!r} in {where} cannot have the value {value!r}")


class FaultPlan:
    """The faults that strike one call."""

    def __init__(self, faults: list[Fault], command: str, store: Store, host: str) -> None:
        self._host, self._command = host, command
        self._active = [fault for fault in faults if self._strikes(fault, store)]

    def _strikes(self, fault: Fault, store: Store) -> bool:
        if fault.command and fault.command != self._command:
            return False
        if not fault.nth:
            return True
        path = f"{store.root}/fault-counts"
        with store.lock():
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                seen = os.read(fd, 1 << 20).decode().splitlines().count(fault.text) + 1
                os.write(fd, f"{fault.text}\n".encode())
            finally:
                os.close(fd)
        return seen == fault.nth

    def _value(self, name: str) -> str | None:
        return next((fault.value for fault in self._active if fault.name == name), None)

    def before(self) -> None:
        """What strikes before the command does anything; raises as the real client would fail."""
        slow = self._value("slow")
        if slow is not None:
            time.sleep(float(slow))
        gate = self._value("gate")
        if gate is not None:
            half = f"{gate}.half"
            with open(half, "w") as file:
                file.write(f"{os.getsid(0)}\n")
            os.rename(half, gate)  # whoever waits for it finds it whole
            while os.path.exists(gate):
                time.sleep(0.01)
        if self._value("hang") is not None:
            while True:
                time.sleep(3600)
        if self._value("daemon-down") is not None:
            raise CannotConnect(self._host)
        if self._value("permission-denied") is not None:
            raise CliError(
                "Got permission denied while trying to connect to the Docker daemon socket at "
                f'{self._host}: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/containers/json": '
                "dial unix /var/run/docker.sock: connect: permission denied"
            )
        if self._value("dies") == "before":
            os.kill(os.getpid(), 9)
        words = self._value("refuses")
        if words is not None:
            raise DaemonError(words)

    def space(self) -> None:
        """Called where the engine would write something new to its disk."""
        if self._value("no-space") is not None:
            raise DaemonError("write /var/lib/docker: no space left on device")

    def registry(self) -> None:
        """Called where the engine would speak to a registry."""
        if self._value("pull-refused") is not None and self._command in _PULLERS:
            raise DaemonError(
                'Get "https://registry-1.docker.io/v2/": dial tcp: connect: connection refused'
            )

    def lies(self) -> bool:
        """Whether to claim success and do nothing."""
        return self._value("lies") is not None

    def after(self, code: int) -> int:
        """What strikes when all is done but nothing is said yet; gives the exit code."""
        if self._value("dies") is not None:
            os.kill(os.getpid(), 9)
        wrong = self._value("exits")
        return code if wrong is None else int(wrong)

    def garbles(self) -> bool:
        """Whether stdout turns to rubbish."""
        return self._value("garbles") is not None
