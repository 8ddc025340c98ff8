"""Which runtimes there are, and which one a call means (RT-1, RT-2, RT-4, RT-7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.errors import RuntimeInvalid, WorkspaceAmbiguous, WorkspaceNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from awl.config import Setting
    from awl.runtimes.api import Context, Runtime

    Factory = Callable[[Context], Runtime]

__all__ = ["ALIASES", "canonical", "locate", "make", "names"]

_BUILT_IN = ("container", "host")
#: Other names of runtimes.
ALIASES = {"docker": "container", "native": "host"}
_GROUP = "awl.runtimes"


def names() -> tuple[str, ...]:
    """Return the names of all runtimes: those built in, and those that are installed."""
    return tuple(sorted({*_BUILT_IN, *_plug_ins()}))


def canonical(setting: Setting) -> str:
    """Return the name of the runtime that was named.

    Case and outer spaces do not matter. Raises `RuntimeInvalid` with the value, where it came from
    and what is accepted.
    """
    name = setting.value.strip().lower()
    name = ALIASES.get(name, name)
    # Other distributions are asked last: looking through what is installed takes time.
    if name in _BUILT_IN or (name and name in _plug_ins()):
        return name
    import difflib

    accepted = (*names(), *ALIASES)
    near = difflib.get_close_matches(name, accepted, 1)
    raise RuntimeInvalid(
        f"{setting.value!r}, from {setting.origin}, is not a runtime;"
        f" accepted: {', '.join(accepted)}",
        *(f"did you mean {match}?" for match in near),
        details={"value": setting.value, "origin": setting.origin, "accepted": list(accepted)},
    )


def make(name: str, context: Context) -> Runtime:
    """Return the runtime of a canonical name."""
    if name == "host":
        from awl.runtimes.host import HostRuntime

        return HostRuntime(context)
    if name == "container":
        from awl.runtimes.container import ContainerRuntime

        return ContainerRuntime(context)
    factory = _plug_ins()[name]()
    return factory(context)


def locate(name: str, setting: Setting, context: Context) -> Runtime:
    """Return the runtime in which the workspace `name` is meant (RT-7).

    One that was chosen is taken as it is, without a look elsewhere. Where none was chosen, a name
    in two runtimes raises `WorkspaceAmbiguous`, one in another runtime only `WorkspaceNotFound`.
    """
    runtime = _turned(make(canonical(setting), context), name)
    if setting.chosen:
        return runtime
    others = [other.name for other in _others(runtime.name, context) if _has(other, name)]
    if not others:
        return runtime
    if _has(runtime, name):
        both = (runtime.name, *others)
        raise WorkspaceAmbiguous(
            f"workspace {name} exists in runtimes {' and '.join(both)}",
            *(f"say which one: --runtime {one}" for one in both),
            details={"runtimes": list(both)},
        )
    raise WorkspaceNotFound(
        f"no workspace {name} in runtime {runtime.name}; there is one in {' and '.join(others)}",
        *(f"for that one: --runtime {one}" for one in others),
        details={"runtimes": others},
    )


def _turned(runtime: Runtime, name: str) -> Runtime:
    from awl.runtimes.api import OfEngines

    if isinstance(runtime, OfEngines):
        runtime.turn_to(name)
    return runtime


def _others(name: str, context: Context) -> Iterator[Runtime]:
    # Only those that are built in: their answer costs a look at one file. A plug-in is asked when
    # it is chosen.
    return (make(other, context) for other in _BUILT_IN if other != name)


def _has(runtime: Runtime, name: str) -> bool:
    try:
        runtime.executor(name)
    except WorkspaceNotFound:
        return False
    return True


def _plug_ins() -> dict[str, Callable[[], Factory]]:
    from importlib.metadata import entry_points

    found = entry_points(group=_GROUP)
    return {point.name: point.load for point in found if point.name not in _BUILT_IN}
