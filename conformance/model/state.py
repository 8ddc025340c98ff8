"""What there is, as far as the reference knows: workspaces, kept volumes, foreign and dead things.

Frozen values; every change makes a new state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Life", "State", "Workspace"]

#: ``gone``: its container was removed behind the launcher's back. None: either running or stopped.
Life = Literal["running", "stopped", "ready", "gone"] | None


@frozen
class Workspace:
    """One workspace: how it is, the content of its files by path, and whether work would be lost.

    ``files`` None: nothing is known of them.
    """

    life: Life
    files: Mapping[str, str] | None = field(factory=dict, hash=False)
    dirty: bool = False


@frozen
class State:
    """All of one runtime.

    ``kept``: workspaces that were removed with their volumes kept. ``foreign``: names that others
    have taken. ``limbo``: names whose ``create`` was killed, of which anything may be left that is
    no workspace. ``loose``: names whose volumes may be there or not.
    """

    workspaces: Mapping[str, Workspace] = field(factory=dict, hash=False)
    kept: Mapping[str, Workspace] = field(factory=dict, hash=False)
    foreign: frozenset[str] = frozenset()
    limbo: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()

    def having(self, name: str, workspace: Workspace) -> Self:
        """With this workspace, new or changed; nothing else is left of the name."""
        kept = {other: one for other, one in self.kept.items() if other != name}
        return evolve(
            self,
            workspaces={**self.workspaces, name: workspace},
            kept=kept,
            limbo=self.limbo - {name},
            loose=self.loose - {name},
        )

    def without(self, names: Iterable[str], *, keep: bool = False) -> Self:
        """Without these workspaces; with ``keep`` their volumes stay."""
        gone = set(names)
        kept = {name: one for name, one in self.workspaces.items() if keep and name in gone}
        left = {name: one for name, one in self.workspaces.items() if name not in gone}
        return evolve(self, workspaces=left, kept={**self.kept, **kept})

    def alive(self, names: Iterable[str], life: Life) -> Self:
        """With these workspaces in that life."""
        changed = {name: evolve(self.workspaces[name], life=life) for name in names}
        return evolve(self, workspaces={**self.workspaces, **changed})

    def unsettled(self, names: Iterable[str]) -> Self:
        """Where it is open whether those that were stopped have been started."""
        return self.alive((n for n in names if self.life(n) == "stopped"), None)

    def life(self, name: str) -> Life:
        """How a workspace is; None also where there is none."""
        found = self.workspaces.get(name)
        return found.life if found else None
