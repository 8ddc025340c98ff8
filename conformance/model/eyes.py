"""The suite's own eyes on a sequence: storage and engine against what the reference knows.

What a launcher says of itself is never the only evidence. Workspaces are folders of the root or
containers, seen without the program after every step; volumes belong to the workspace with whose
making they came, however they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field, frozen

from conformance.model.commands import FOREIGN, ROOT, container_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.model.state import State
    from conformance.world.observe import EngineState

__all__ = ["Eyes", "Look", "Sight"]


@frozen
class Look:
    """What is there: folders of the root with the names in them, and the engine's objects."""

    folders: Mapping[str, tuple[str, ...]]
    engine: EngineState


@frozen
class Sight:
    """Something that is not as it must be; ``test`` is true in a shell where it is."""

    expected: str
    observed: str
    test: str


@define
class Eyes:
    """What was seen so far in one sequence, of one runtime."""

    runtime: str
    _volumes: dict[str, set[str]] = field(factory=dict)
    _foreign: dict[str, object] = field(factory=dict)
    _before: frozenset[str] = frozenset()

    def settle(self, state: State, look: Look) -> State:
        """The state with what was open in it decided by what is seen."""
        open_ = [name for name, one in state.workspaces.items() if one.life is None]
        for name in open_:
            _, life = look.engine.containers.get(container_of(name), ("", "exited"))
            state = state.alive([name], "running" if life == "running" else "stopped")
        return state

    def compare(self, before: State, after: State, look: Look) -> Iterator[Sight]:
        """Everything that is not as ``after`` has it; ``before`` tells what is new."""
        if self.runtime == "host":
            yield from self._folders(after, look)
            return
        yield from self._containers(after, look)
        yield from self._kept(before, after, look)

    # ------------------------------------------------------------------ the host
    def _folders(self, state: State, look: Look) -> Iterator[Sight]:
        must = {*state.workspaces, *state.foreign}
        for name in sorted(must - look.folders.keys()):
            yield _there(f"folder {name}", f"[ -d {ROOT}/{name} ]")
        for name in sorted(look.folders.keys() - must - state.limbo - state.loose):
            yield _away(f"folder {name}", f"[ ! -e {ROOT}/{name} ]")
        for name in sorted(state.foreign & look.folders.keys()):
            if look.folders[name] != FOREIGN:
                test = f'[ "$(ls -A {ROOT}/{name})" = "{" ".join(FOREIGN)}" ]'
                told = f"in it are {', '.join(look.folders[name]) or 'no'} files"
                yield Sight(f"foreign folder {name} is not touched", told, test)
        if look.engine.containers:
            yield _away("any container (RT-6)", '[ -z "$(docker ps -aq)" ]')

    # ------------------------------------------------------------------ containers
    def _containers(self, state: State, look: Look) -> Iterator[Sight]:
        seen = look.engine.containers
        lives = {name: one.life for name, one in state.workspaces.items() if one.life != "gone"}
        may = {container_of(name) for name in state.limbo | state.loose}
        must = {container_of(name) for name in (*lives, *state.foreign)}
        for container in sorted(must - seen.keys()):
            yield _there(f"container {container}", f"docker inspect {container} >/dev/null")
        for container in sorted(seen.keys() - must - may):
            yield _away(f"container {container}", f"! docker inspect {container} >/dev/null 2>&1")
        for name, life in lives.items():
            container = container_of(name)
            if container in seen and (seen[container][1] == "running") != (life == "running"):
                running = "true" if life == "running" else "false"
                asked = f"docker inspect -f '{{{{.State.Running}}}}' {container}"
                test = f'[ "$({asked})" = {running} ]'
                yield Sight(f"container {container} is {life}", f"it is {seen[container][1]}", test)
        yield from self._strangers(state, seen)

    def _strangers(self, state: State, seen: Mapping[str, tuple[str, str]]) -> Iterator[Sight]:
        """What others have made is never touched (NAME-4): the same container, in its state."""
        self._foreign = {name: one for name, one in self._foreign.items() if name in state.foreign}
        for name in state.foreign:
            container = container_of(name)
            known = self._foreign.setdefault(name, seen.get(container))
            if known != seen.get(container):
                test = f"docker top {container} >/dev/null"
                told = f"it was {known} and is {seen.get(container)}"
                yield Sight(f"foreign container {container} is not touched", told, test)

    # ------------------------------------------------------------------ volumes
    def _kept(self, before: State, after: State, look: Look) -> Iterator[Sight]:
        """Volumes come with a workspace, and go with it unless they are kept (RM-2)."""
        volumes = look.engine.volumes
        made = (set(after.workspaces) - set(before.workspaces)) | (after.limbo - before.limbo)
        for name in made:
            self._volumes.setdefault(name, set()).update(volumes - self._before)
        self._before = volumes
        sure = {*after.workspaces, *after.kept} - after.loose
        must = {volume for name in sure for volume in self._volumes.get(name, ())}
        open_ = after.limbo | after.loose
        may = {volume for name in open_ for volume in self._volumes.get(name, ())}
        for volume in sorted(must - may - volumes):
            yield _there(f"volume {volume}", f"docker volume inspect {volume} >/dev/null")
        for volume in sorted(volumes - must - may):
            yield _away(f"volume {volume}", f"! docker volume inspect {volume} >/dev/null 2>&1")
        for name in set(self._volumes) - sure - open_:
            del self._volumes[name]


def _there(what: str, test: str) -> Sight:
    return Sight(f"{what} is there", "it is not", test)


def _away(what: str, test: str) -> Sight:
    return Sight(f"{what} is not there", "it is", test)
