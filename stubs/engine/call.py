"""One call of the client: what it was asked, the state it works on, what it has to say."""

from __future__ import annotations

import os

from engine.errors import CannotConnect, CliError, DaemonError, FakeError, NotFound
from engine.faults import FaultPlan, parse
from engine.flags import Parsed
from engine.flags import parse as parse_flags
from engine.images import Images
from engine.store import Store, read_doc
from engine.streams import say
from engine.volumes import Volumes

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Call", "Globals", "state_root"]

_DEFAULT_HOST = "unix:///var/run/docker.sock"


class Globals:
    """What stands before the subcommand, or in the environment for it."""

    def __init__(self, flags: Parsed, env: Mapping[str, str]) -> None:
        self.context = flags.text("context")
        self.host = flags.text("host")
        if not self.host and not self.context:
            self.host = env.get("DOCKER_HOST", "")
            self.context = "" if self.host else env.get("DOCKER_CONTEXT", "")


def state_root(env: Mapping[str, str]) -> str:
    """The state folder: AWL_FAKE_DOCKER_STATE, else one under the user's state folder."""
    given = env.get("AWL_FAKE_DOCKER_STATE")
    if given:
        if not given.startswith("/"):
            raise FakeError(f"AWL_FAKE_DOCKER_STATE={given!r} is not an absolute path")
        return given
    state = env.get("XDG_STATE_HOME") or f"{env.get('HOME', '')}/.local/state"
    if not state.startswith("/"):
        raise FakeError("no state folder: set AWL_FAKE_DOCKER_STATE to an absolute path")
    return f"{state}/fake-docker"


class Call:
    """One subcommand on its way; commands read flags by `flags`, speak by `out` and `err`."""

    def __init__(
        self, program: str, command: str, argv: list[str], env: Mapping[str, str], top: Globals
    ) -> None:
        self.program, self.command, self.argv, self.env, self.top = program, command, argv, env, top
        self.is_podman = program == "podman"
        self.plan: FaultPlan | None = None
        self.exit_code = 0
        self._out: list[str] = []
        self._err: list[str] = []

    # --- what it was asked ----------------------------------------------------------------------

    def flags(
        self,
        spec: str,
        usage: str,
        about: str,
        *,
        at_least: int = 0,
        at_most: int = -1,
        interspersed: bool = True,
        local: bool = False,
    ) -> Parsed:
        """The command line read by `spec`; counts of arguments are judged in docker's words.

        Only then, as in the real client, is the engine spoken to, unless the command is `local`.
        """
        shown = f"{self.program} {self.command}"
        found = parse_flags(
            self.argv, spec, shown, f"{usage}\n\n{about}", interspersed=interspersed
        )
        count = len(found.args)
        if count < at_least or -1 < at_most < count:
            raise CliError(
                f"\"{shown}\" {_wanted(at_least, at_most)}.\nSee '{shown} --help'.\n\n"
                f"Usage:  {shown} {usage}\n\n{about}"
            )
        if not local:
            self.reach()
            if self.plan is not None and self.plan.lies():
                raise CliError("", 0)
        return found

    # --- the engine -----------------------------------------------------------------------------

    def reach(self) -> None:
        """Find the engine that this call speaks to; raises as the real client does."""
        base = state_root(self.env)
        try:
            known = read_doc(f"{base}/endpoints.json")
        except FileNotFoundError:
            known = {}
        contexts, hosts = known.get("contexts", {}), known.get("hosts", {})
        host, context = self.top.host, self.top.context or known.get("current", "")
        if self.is_podman:  # hosts and contexts are docker's own
            host, context = "", ""
        if not host and context not in ("", "default"):
            if context not in contexts:
                raise CliError(
                    f'unable to resolve docker endpoint: context "{context}" does not exist'
                )
            host = contexts[context]
        self.host = host or _DEFAULT_HOST
        root = base if self.host == _DEFAULT_HOST else hosts.get(self.host)
        if root is None:
            raise _unreachable(self.host)
        self.store = Store(root)
        self.volumes = Volumes(self.store)
        self.images = Images(self.store, self.env.get("AWL_FAKE_DOCKER_IMAGES"))
        self._strike()

    def _strike(self) -> None:
        path = f"{self.store.root}/faults"
        faults = parse(self.env.get("AWL_FAKE_DOCKER_FAULTS", ""), "AWL_FAKE_DOCKER_FAULTS")
        try:
            with open(path, encoding="utf-8") as file:
                faults += parse(file.read(), path)
        except FileNotFoundError:
            pass
        if faults:
            self.plan = FaultPlan(faults, self.command, self.store, self.host)
            self.plan.before()

    def needs_space(self) -> None:
        """The engine is about to write something new."""
        if self.plan is not None:
            self.plan.space()

    def needs_registry(self) -> None:
        """The engine is about to speak to a registry."""
        if self.plan is not None:
            self.plan.registry()

    # --- what it says ---------------------------------------------------------------------------

    def out(self, text: str) -> None:
        """A line for stdout, said when the call is done."""
        self._out.append(text + "\n")

    def err(self, text: str) -> None:
        """A line for stderr, said when the call is done."""
        self._err.append(text + "\n")

    def drop(self) -> None:
        """Forget what was to be said."""
        self._out.clear()
        self._err.clear()

    def flush(self) -> None:
        """Say it now."""
        for fd, parts in ((1, self._out), (2, self._err)):
            data = os.fsencode("".join(parts))
            parts.clear()
            if fd == 1 and data and self.plan is not None and self.plan.garbles():
                data = b"\x00{" + data[: len(data) // 2][::-1]
            say(fd, data)

    def fail(self, error: DaemonError | CliError) -> None:
        """Tell an error of one of several objects, and go on with the next."""
        if isinstance(error, CliError):
            self.exit_code, words = 1, error.message
        else:
            self.exit_code, words = self.retold(error)
        self.err(words)

    def retold(self, error: DaemonError | CliError) -> tuple[int, str]:
        """Exit code and words for an error, in the voice of the client that is played."""
        if self.is_podman:
            from engine.podman import retell

            return retell(self.command, error)
        return (1, self.voice(error)) if isinstance(error, DaemonError) else (1, error.message)

    def voice(self, error: DaemonError) -> str:
        """How this client tells what the engine refused."""
        plain = self.command.split()[-1] in ("exec", "rm", "inspect", "logs", "rmi", "cp")
        if isinstance(error, NotFound) and plain:
            return f"Error: {error.message}"
        return f"Error response from daemon: {error.message}"


def _wanted(at_least: int, at_most: int) -> str:
    def count(number: int) -> str:
        return f"{number} argument{'' if number == 1 else 's'}"

    if at_most == 0:
        return "accepts no arguments"
    if at_least == at_most:
        return f"requires exactly {count(at_least)}"
    if at_most < 0:
        return f"requires at least {count(at_least)}"
    if at_least:
        return f"requires at least {at_least} and at most {count(at_most)}"
    return f"requires at most {count(at_most)}"


def _unreachable(host: str) -> CliError:
    if host.startswith(("unix://", "tcp://127.", "tcp://localhost", "ssh://", "npipe://", "fd://")):
        return CannotConnect(host)
    scheme, mark, name = host.partition("://")
    name = name if mark else scheme
    address = name if ":" in name else f"{name}:2375"
    bare = address.rpartition(":")[0]
    return CliError(
        f'error during connect: Get "http://{address}/v1.24/containers/json": dial tcp: lookup '
        f"{bare}: no such host"
    )
