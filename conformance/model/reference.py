"""The reference: what each action must be answered with, and what there is afterwards.

Pure, and written from the contract alone. Where the contract leaves freedom an action has several
outcomes, each with what must be seen and the state that follows; the first that fits is taken.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, assert_never

from attrs import evolve, frozen

from conformance.catalogue.step import Expect, FileExpect, JsonExpect, TextExpect
from conformance.model.actions import (
    PLACES,
    Action,
    Behind,
    Change,
    Clear,
    Create,
    Dirty,
    Doctor,
    Failed,
    Foreign,
    ForeignGone,
    Killed,
    Leave,
    Listing,
    Missing,
    Name,
    Pull,
    Push,
    Read,
    Remove,
    Reset,
    Show,
    Times,
    Write,
)
from conformance.model.commands import GIVEN, TAKEN, path_of
from conformance.model.state import State, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Outcome", "Reference", "reads_of"]

_UNKNOWN = Expect(3, error="workspace-not-found")
_EXISTS = Expect(5, error="workspace-exists")
_NOT_HERE = Expect(6, error="command-unsupported")
_NO_OPTION = Expect(6, error="option-unsupported")
_WOULD_BE_LOST = Expect(5, error="work-would-be-lost")
_DECLINED = Expect(1, error="declined")
_NOTHING = TextExpect(empty=True)
_KILLED = 137


@frozen
class Outcome:
    """One way that an action may go: what must be seen of it, and what there is then."""

    expect: Expect
    after: State


@frozen
class _Refusal:
    """A way to be refused; ``sure``: there is no other way than a refusal."""

    expect: Expect
    sure: bool


@frozen
class Reference:
    """The rules of one runtime."""

    runtime: str

    @property
    def _is_host(self) -> bool:
        return self.runtime == "host"

    @property
    def _fresh(self) -> Workspace:
        return Workspace("ready" if self._is_host else "running")

    def outcomes(self, state: State, action: Action) -> tuple[Outcome, ...]:
        """The ways that ``action`` may go in ``state``; none where there is nothing to do it to.

        Nor is anything done of which the contract says too little: to a container that is gone,
        but for what rm, exec, ls and doctor make of it.
        """
        match action:
            case Create(name=name, json=json):
                return self._create(state, name.name, json=json)
            case Killed(name=name):
                return self._killed(state, name.name)
            case Failed(name=name):
                return self._failed(state, name.name)
            case Listing(json=json):
                return self._list(state, json=json)
            case Write() | Read() | Leave() | Missing() | Dirty() | Clear():
                return self._exec(state, action)
            case Change():
                return self._change(state, action)
            case Push() | Pull():
                return self._copy(state, action)
            case Show(name=name, json=json):
                return self._show(state, name.name, json=json)
            case Remove():
                return self._remove(state, action)
            case Reset(name=name):
                return self._reset(state, name.name)
            case Doctor():
                return self._doctor(state)
        after = self._by_hand(state, action)
        return () if after is None else (Outcome(Expect(0), after),)

    # ------------------------------------------------------------------ create
    def _create(self, state: State, name: str, *, json: bool) -> tuple[Outcome, ...]:
        document = JsonExpect("create", {"workspace.name": name, "workspace.repos": []})
        told = Expect(0, json=document) if json else Expect(0, stdout=TextExpect(contains=(name,)))
        made = Outcome(told, state.having(name, self._taken_up(state, name)))
        refused = Outcome(_EXISTS, state)
        if name in state.foreign:
            return (refused,)
        if state.life(name) == "gone":
            return (refused, made)
        return (refused,) if name in state.workspaces else (made,)

    def _taken_up(self, state: State, name: str) -> Workspace:
        """A new workspace, with what volumes of its name hold that were kept (RM-2b)."""
        kept = state.kept.get(name)
        files = None if name in state.loose else kept.files if kept else {}
        return evolve(self._fresh, files=files, dirty=kept.dirty if kept else False)

    def _killed(self, state: State, name: str) -> tuple[Outcome, ...]:
        if name in state.workspaces or name in state.foreign:
            return ()
        half = evolve(state, limbo=state.limbo | {name})
        made = state.having(name, self._taken_up(state, name))
        # It may be faster than the signal.
        return (Outcome(Expect(_KILLED, stdout=_NOTHING), half), Outcome(Expect(0), made))

    def _failed(self, state: State, name: str) -> tuple[Outcome, ...]:
        """Nothing is made, and what was kept stays (CREATE-5a); what is in the way comes first."""
        if name in state.foreign or state.life(name) not in (None, "gone"):
            return (Outcome(_EXISTS, state),)
        failed = Outcome(Expect(1, error="clone-failed"), state)
        return (failed, Outcome(_EXISTS, state)) if state.life(name) == "gone" else (failed,)

    # ------------------------------------------------------------------ looking
    def _list(self, state: State, *, json: bool) -> tuple[Outcome, ...]:
        """All of them in order; one whose container is gone may be told or not."""
        every = sorted(state.workspaces)
        left = [name for name in every if state.life(name) != "gone"]
        listings = [every] if left == every else [every, left]
        return tuple(Outcome(self._listing(state, names, json=json), state) for names in listings)

    def _listing(self, state: State, names: Sequence[str], *, json: bool) -> Expect:
        if not json:
            return Expect(0, stdout=TextExpect(lines=tuple(names)))
        statuses = [_status(state, name) for name in names]
        at = {"workspaces[*].name": list(names), "workspaces[*].status": statuses}
        return Expect(0, json=JsonExpect("ls", at))

    def _show(self, state: State, name: str, *, json: bool) -> tuple[Outcome, ...]:
        if name not in state.workspaces:
            return (Outcome(_UNKNOWN, state),)
        at = {"workspace.name": name, "workspace.status": _status(state, name)}
        row = JsonExpect("status", at)
        seen = Expect(0, json=row) if json else Expect(0, stdout=TextExpect(contains=(name,)))
        shown = Outcome(seen, state)
        return (shown, Outcome(_UNKNOWN, state)) if state.life(name) == "gone" else (shown,)

    def _doctor(self, state: State) -> tuple[Outcome, ...]:
        """Foreign folders in the root are told, and containers that are gone (CAP-1b)."""
        ill = Outcome(Expect(1, error="unhealthy", stdout=TextExpect()), state)
        gone = any(state.life(name) == "gone" for name in state.workspaces)
        if gone or (self._is_host and state.foreign):
            return (ill,)
        well = Outcome(Expect(0), state)
        return (well, ill) if state.limbo or state.loose else (well,)

    # ------------------------------------------------------------------ exec
    def _exec(
        self, state: State, action: Write | Read | Leave | Missing | Dirty | Clear
    ) -> tuple[Outcome, ...]:
        name = action.name.name
        found = state.workspaces.get(name)
        if found is None:
            return (Outcome(Expect(125, error="workspace-not-found"), state),)
        if found.life == "gone":
            return (Outcome(Expect(125, stdout=_NOTHING), state),)
        lives = evolve(found, life=self._fresh.life)  # EXEC-3a
        quiet = Expect(0, stdout=_NOTHING)
        match action:
            case Read(place=place):
                return self._read(state, name, lives, path_of(place, self.runtime))
            case Leave(code=code):
                seen = Expect(code, stdout=_NOTHING)
            case Missing():
                seen = Expect(127, error="command-not-found")
            case Write(place=place, content=content):
                seen = quiet
                if lives.files is not None:
                    path = path_of(place, self.runtime)
                    lives = evolve(lives, files={**lives.files, path: content})
            case Dirty():
                seen, lives = quiet, evolve(lives, dirty=True)
            case Clear():
                seen, lives = quiet, evolve(lives, dirty=False)
            case _:
                assert_never(action)
        return (Outcome(seen, state.having(name, lives)),)

    def _read(self, state: State, name: str, lives: Workspace, path: str) -> tuple[Outcome, ...]:
        after = state.having(name, lives)
        if lives.files is None:
            return (Outcome(Expect(0), after), Outcome(Expect(1), after))
        if path in lives.files:
            same = TextExpect(equals=lives.files[path])
            return (Outcome(Expect(0, stdout=same), after),)
        return (Outcome(Expect(1, stdout=_NOTHING), after),)

    def _copy(self, state: State, action: Push | Pull) -> tuple[Outcome, ...]:
        """A file comes or goes; whether what is stopped is started for it is left open."""
        name = action.name.name
        found = state.workspaces.get(name)
        if found is None:
            return (Outcome(_UNKNOWN, state),)
        if found.life == "gone" or found.files is None:
            return ()
        path = path_of("work", self.runtime)
        after = state.unsettled([name])
        if isinstance(action, Push):
            pushed = evolve(found, files={**found.files, path: GIVEN})
            return (Outcome(Expect(0), state.having(name, pushed).unsettled([name])),)
        if path not in found.files:
            return (Outcome(Expect(3, error="path-not-found"), after),)
        taken = {TAKEN: FileExpect("file", content=found.files[path])}
        return (Outcome(Expect(0, files=taken), after),)

    # ------------------------------------------------------------------ stop and start
    def _change(self, state: State, action: Change) -> tuple[Outcome, ...]:
        if self._is_host:
            return (Outcome(_NOT_HERE, state),)
        names = _names(action.names)
        if any(name not in state.workspaces for name in names):
            return (Outcome(_UNKNOWN, state),)
        if any(state.life(name) == "gone" for name in names):
            return ()
        status: str = "stopped" if action.what == "stop" else "running"
        expect = Expect(0, stdout=TextExpect(lines=names))
        if action.json:
            at: dict[str, object] = {
                "workspaces[*].name": list(names),
                "workspaces[*].status": [status] * len(names),
            }
            if action.what != "restart":
                changed = [state.life(name) != status for name in names]
                at["workspaces[*].changed"] = changed
            expect = Expect(0, json=JsonExpect("lifecycle", at))
        life = self._fresh.life if status == "running" else "stopped"
        return (Outcome(expect, state.alive(names, life)),)

    def _reset(self, state: State, name: str) -> tuple[Outcome, ...]:
        found = state.workspaces.get(name)
        if found is None:
            return (Outcome(_UNKNOWN, state),)
        if found.dirty or found.files is None or found.life == "gone":
            return ()
        # Whether a stopped one is started for it is left open.
        return (Outcome(Expect(0), state.unsettled([name])),)

    # ------------------------------------------------------------------ rm
    def _remove(self, state: State, action: Remove) -> tuple[Outcome, ...]:
        names = _names(action.names)
        there = sorted(state.workspaces)
        half = sorted(state.limbo)
        if not action.everything:
            there = [name for name in names if name in state.workspaces]
            half = [name for name in names if name in state.limbo]
        refusals = list(self._refusals(state, action, there))
        unknown = not action.everything and len(there) + len(half) < len(names)
        sure = unknown or any(refusal.sure for refusal in refusals)
        expects = [refusal.expect for refusal in refusals]
        if unknown or (half and not action.everything):
            # What a killed create has left may be found or not.
            expects.append(_UNKNOWN)
        # Which reason of several is given is left open, and whether one that was stopped has been
        # started to look at what it holds.
        refused = [Outcome(expect, state.unsettled(there)) for expect in expects]
        if sure:
            return tuple(refused)
        told: Iterable[Sequence[str]] = [names]
        if action.everything:  # in any order
            told = [*permutations(there), *(permutations([*there, *half]) if half else ())]
        after = state.without(there, keep=action.keep)
        after = evolve(after, loose=after.loose | set(half), limbo=after.limbo - set(half))
        removed = (Outcome(_removed(each, json=action.json), after) for each in told)
        return (*removed, *refused)

    def _refusals(self, state: State, action: Remove, there: Sequence[str]) -> Iterator[_Refusal]:
        """Reasons not to remove, those of unknown names left out."""
        some = bool(there) or not action.everything
        if action.keep and self._is_host:
            yield _Refusal(_NO_OPTION, sure=some)
        dirty = [name for name in there if state.workspaces[name].dirty]
        if dirty and not action.force:
            # What is kept is not lost, and what is gone cannot be looked at.
            gone = all(state.life(name) == "gone" for name in dirty)
            yield _Refusal(_WOULD_BE_LOST, sure=not (action.keep or gone))
        if action.answer not in ("--yes", "y"):
            yield _Refusal(_DECLINED, sure=some)

    # ------------------------------------------------------------------ what others do
    def _by_hand(
        self, state: State, action: Foreign | ForeignGone | Behind | Times
    ) -> State | None:
        match action:
            case Times():
                return state
            case Foreign(name=name):
                free = name not in state.workspaces or state.life(name) == "gone"
                if not free or name in state.foreign | state.limbo | state.loose:
                    return None
                return evolve(state, foreign=state.foreign | {name})
            case ForeignGone(name=name):
                return (
                    evolve(state, foreign=state.foreign - {name}) if name in state.foreign else None
                )
            case Behind(what=what, name=name):
                return self._behind(state, what, name)

    def _behind(self, state: State, what: str, name: str) -> State | None:
        life = state.life(name)
        if self._is_host:
            removed = what == "remove" and name in state.workspaces
            return state.without([name]) if removed else None
        match what:
            case "remove":
                return state.alive([name], "gone") if life in ("running", "stopped") else None
            case "start":
                return state.alive([name], "running") if life == "stopped" else None
        return state.alive([name], "stopped") if life == "running" else None


def reads_of(state: State, runtime: str) -> Iterator[Read]:
    """Reads of all that is known to have been written, and must still be there."""
    for name, workspace in sorted(state.workspaces.items()):
        for place in PLACES:
            written = workspace.files is not None and path_of(place, runtime) in workspace.files
            if written and workspace.life != "gone":
                yield Read(Name(name), place)


def _removed(names: Sequence[str], *, json: bool) -> Expect:
    if not json:
        return Expect(0, stdout=TextExpect(lines=tuple(names)))
    at: Mapping[str, object] = {"removed[*].name": list(names), "failed": []}
    return Expect(0, json=JsonExpect("rm", at))


def _names(names: Sequence[Name]) -> tuple[str, ...]:
    """Each once, however often and in whatever spelling it is given (NAME-3)."""
    return tuple(dict.fromkeys(name.name for name in names))


def _status(state: State, name: str) -> str:
    life = state.life(name)
    return "unknown" if life == "gone" else str(life)
