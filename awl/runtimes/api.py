"""What a runtime is: six methods, and everything else is written over them.

A third party registers a callable `(Context) -> Runtime` under the entry point group
`awl.runtimes`; the built-in runtimes have the same shape. Errors are those of `awl.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awl.config import Setting
    from awl.executor import Executor
    from awl.model import Capabilities, CreateSpec, Listing, RepoState, Workspace
    from awl.store import Store

    #: Fills a new workspace with repositories; whatever it raises undoes the whole creation.
    Populate = Callable[[Executor], tuple[RepoState, ...]]

__all__ = ["Context", "OfEngines", "Rehearsal", "Runtime"]


class Context(NamedTuple):
    """What a runtime is made from: the person's environment, the store of the root, and a way to
    say something on the side (one line on standard error).
    """

    environment: Mapping[str, str]
    store: Store
    warn: Callable[[str], None]
    #: Tells a person at a terminal what is going on; `None` where nobody looks.
    progress: Callable[[str], None] | None = None
    #: The same for how far it is: each call takes the place of the one before.
    update: Callable[[str], None] | None = None
    #: The container engine that was asked for, checked; `None` where any will do.
    engine: Setting | None = None


class Runtime(Protocol):
    """Supplies workspaces and executors."""

    name: str

    def capabilities(self) -> Capabilities:
        """Return what it cannot do, with reasons."""

    def check(self) -> None:
        """Raise the error that a call would meet now (an engine that does not answer), if any."""

    def create(self, spec: CreateSpec, populate: Populate) -> Workspace:
        """Make a workspace, all or nothing (CREATE-5).

        Raises `WorkspaceExists`, `WorkspaceBusy`, whatever `populate` raises, and the runtime's
        own; with `spec.keep_failed` what was made stays, half made, until the next `create` or
        `remove` of the name.
        """

    def executor(self, name: str) -> Executor:
        """Return the way into the workspace `name`, at the cost of a look at local records only.

        Raises `WorkspaceNotFound`.
        """

    def list(self) -> Listing:
        """Return all workspaces and the half-made ones, with one call to an engine at most."""

    def remove(self, name: str, *, keep_volumes: bool) -> None:
        """Remove `name`, from every state it may be in.

        Raises `WorkspaceNotFound`, `WorkspaceBusy`, and what stood in the way.
        """


@runtime_checkable
class Rehearsal(Protocol):
    """What a runtime can do besides: say how it would make a workspace (CREATE-9)."""

    def rehearse(self, spec: CreateSpec) -> Executor:
        """Call what `create` would, while nothing is run (`awl.proc.rehearse`).

        Returns the way into the workspace that there would be. Raises what can be known before:
        `WorkspaceExists`, an engine that is not installed.
        """


@runtime_checkable
class OfEngines(Protocol):
    """What a runtime of more than one engine can do besides: look where a workspace is (ENG-1)."""

    def turn_to(self, name: str) -> None:
        """Have all further calls go to the engine of `name`, where it is known.

        Raises `WorkspaceNotFound` where another engine was asked for.
        """
