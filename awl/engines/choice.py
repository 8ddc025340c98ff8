"""Which engine a call means: --engine, else AWL_ENGINE, else the first that answers (ENG-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl import proc
from awl.engines import identity
from awl.engines.docker import Docker
from awl.errors import EngineError, EngineNotInstalled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from awl.config import Setting

__all__ = ["choose", "meant"]

_AUTO = "auto"


def choose(setting: Setting | None, environment: Mapping[str, str]) -> Docker:
    """Return the engine of a call; one that was chosen is never replaced by another."""
    named = meant(setting)
    return Docker(environment, named) if named else _FirstThatAnswers(environment)


def meant(setting: Setting | None) -> str | None:
    """Return the client that was chosen, `None` where any will do."""
    return None if setting is None or setting.value == _AUTO else setting.value


class _FirstThatAnswers(Docker):
    """Docker if it answers, else Podman if it answers.

    Nobody asks beforehand: the first call itself shows whether Docker answers, and only where it
    does not, Podman is tried. So the common case costs no call more than it has to.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        there = [name for name in identity.NAMES if proc.on_path(name, environment)]
        super().__init__(environment, there[0] if there else identity.NAMES[0])
        self._next = there[1] if len(there) > 1 else None

    @property
    def program(self) -> str:
        """The path of its client; raises `EngineNotInstalled`."""
        try:
            return super().program
        except EngineNotInstalled:
            raise EngineNotInstalled(
                "no container engine is installed: there is neither docker nor podman on PATH",
                *identity.INSTALL.values(),
            ) from None

    def _perform(self, words_of: Callable[[], tuple[str, ...]], **options: Any) -> proc.Completed:
        follower, self._next = self._next, None
        try:
            return super()._perform(words_of, **options)
        except EngineError as error:
            if follower is None or self.name == follower or not self._answers(follower):
                raise
            del error
        return super()._perform(words_of, **options)

    def _answers(self, follower: str) -> bool:
        """Tell whether the other engine can be used; if so, turn to it."""
        other = Docker(self.environment, follower)
        try:
            usable = other.call("info", "--format", "{{.Host.OS}}").code == 0
        except EngineError:
            return False
        if usable:
            self.client = follower
        return usable
