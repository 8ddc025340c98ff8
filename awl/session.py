"""One call of the launcher: who called, with what, in which environment."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from awl import config, naming, paths, proc
from awl.console import Console
from awl.errors import AwlError, OptionUnsupported
from awl.runtimes import registry
from awl.runtimes.api import Context
from awl.store import Store

if TYPE_CHECKING:
    from awl.config import Setting
    from awl.runtimes.api import Runtime

__all__ = ["Session"]

#: The folder of what was said once, among the records.
_NOTICES = "notices"


class Session:
    """Settings and streams of one call; commands take it and nothing else of the outside."""

    def __init__(self, program: str, arguments: list[str]) -> None:
        self.program = program
        self.arguments = arguments
        self.environment = dict(os.environ)
        self.console = Console()
        self.runtime_flag: str | None = None
        self.engine_flag: str | None = None

    def choose_runtime(self, value: str) -> None:
        """Take the value of `--runtime`; it is checked also where the command has no use for it."""
        self.runtime_flag = value
        registry.canonical(self.runtime_setting)

    def choose_engine(self, value: str) -> None:
        """Take the value of `--engine`."""
        self.engine_flag = value
        config.engine(value, self.environment)

    def verbose(self) -> None:
        """Show each command that runs."""
        proc.watch(lambda line: self.console.note(f"+ {line}"))

    @property
    def runtime_setting(self) -> Setting:
        """The runtime as it was named, and where."""
        return config.runtime(self.runtime_flag, self.environment)

    @property
    def context(self) -> Context:
        """What runtimes are made from."""
        store = Store(paths.root(self.environment))
        watched = self.console.watched
        return Context(
            self.environment,
            store,
            self.console.warn,
            progress=self.console.progress if watched else None,
            update=self.console.update if watched else None,
            engine=self._engine_setting(),
        )

    def _engine_setting(self) -> Setting | None:
        """Return the engine that was asked for, if there is use for one.

        A host workspace has none: the option is refused there, and the variable is not read (RT-6).
        """
        if registry.canonical(self.runtime_setting) != "host":
            return config.engine(self.engine_flag, self.environment)
        if self.engine_flag is not None:
            raise OptionUnsupported(
                "runtime host does not support --engine: a directory needs no engine",
                "leave --engine out, or choose another --runtime",
            )
        return None

    def is_migrating(self) -> bool:
        """Tell whether the default is used for the first time where only the host has workspaces.

        Not with `--quiet` or JSON output, which would hide the notice.
        """
        if (
            self.runtime_setting.chosen
            or self.console.quiet
            or self.console.json
            or self.environment.get("AWL_NO_MIGRATION_NOTICE")
        ):
            return False
        context = self.context
        if context.store.names(config.DEFAULT_RUNTIME) or context.store.names(_NOTICES):
            return False
        return bool(registry.make("host", context).list().workspaces)

    def notice_migration(self) -> None:
        """Say, and remember that it was said, where the person's workspaces are (RT-8)."""
        self.console.note(
            f"notice: {config.DEFAULT_RUNTIME} is the default runtime; your host workspaces are"
            f" where they were: {self.program} ls --runtime host"
            " (to make host the default: export AGENT_WORKSPACE_RUNTIME=host)"
        )
        with contextlib.suppress(AwlError, OSError):  # then it is said again
            self.context.store.commit(_NOTICES, "migration", {"shown": True})

    def runtime(self, name: str | None = None) -> Runtime:
        """Return the runtime `name`, else the one that was chosen."""
        chosen = name or registry.canonical(self.runtime_setting)
        return registry.make(chosen, self.context)

    def name(self, raw: str, *, source: str = "name") -> str:
        """Return the logical name of what the person typed."""
        return naming.normalise(raw, config.prefix(self.environment), source=source)

    def require(self, runtime: Runtime, feature: str, option: str) -> None:
        """Raise `OptionUnsupported` where `runtime` has no use for an option that was given."""
        if reason := runtime.capabilities().why_not(feature):
            raise OptionUnsupported(
                f"runtime {runtime.name} does not support {option}: {reason}",
                f"leave {option} out, or choose another --runtime",
            )
