"""Settings: flag > environment > default, and each value remembers where it came from (RT-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awl.errors import ValueInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DEFAULT_IMAGE",
    "DEFAULT_RUNTIME",
    "ENGINES",
    "Setting",
    "engine",
    "engine_time_limit",
    "extra_repos",
    "github_host",
    "image",
    "prefix",
    "runtime",
]

#: The runtime where nothing is said (RT-1).
DEFAULT_RUNTIME = "container"
#: The image that this version of the launcher is pinned to (CREATE-6, CLI-8).
DEFAULT_IMAGE = "agent-workspace/agent-env:v0.1.0"
#: What may stand for an engine (ENG-1); `auto` is the first that answers.
ENGINES = ("auto", "docker", "podman")
_DEFAULT_PREFIX = "agent-ws"
_DEFAULT_GITHUB_HOST = "github.com"
_ENGINE_SECONDS = 5.0
_FROM_DEFAULT = "the default"


class Setting(NamedTuple):
    """A value and where it came from: a flag, the name of a variable, or the default."""

    value: str
    origin: str

    @property
    def chosen(self) -> bool:
        """Tell whether the person chose it."""
        return self.origin != _FROM_DEFAULT


def runtime(flag: str | None, environment: Mapping[str, str]) -> Setting:
    """Return the runtime as it was named, unchecked (`awl.runtimes.registry` knows the names).

    A variable that is set and empty counts as chosen, and is refused later: going on to the next
    one would use a runtime that the person did not mean.
    """
    named = _first(flag, "--runtime", environment, "AGENT_WORKSPACE_RUNTIME", "AWL_RUNTIME")
    return named or Setting(DEFAULT_RUNTIME, _FROM_DEFAULT)


def engine(flag: str | None, environment: Mapping[str, str]) -> Setting:
    """Return the engine that was asked for; raises `ValueInvalid` for one that nobody knows."""
    named = _first(flag, "--engine", environment, "AWL_ENGINE")
    if named is None:
        return Setting(ENGINES[0], _FROM_DEFAULT)
    value = named.value.strip().lower()
    if value not in ENGINES:
        import difflib

        near = difflib.get_close_matches(value, ENGINES, 1)
        raise ValueInvalid(
            f"{named.value!r}, from {named.origin}, is not an engine;"
            f" accepted: {', '.join(ENGINES)}",
            *(f"did you mean {match}?" for match in near),
            details={"value": named.value, "origin": named.origin, "accepted": list(ENGINES)},
        )
    return Setting(value, named.origin)


def image(flag: str | None, environment: Mapping[str, str]) -> Setting:
    """Return the reference of the container's image; empty variables count as unset.

    Raises `ValueInvalid` for one that an engine would read as an option or not at all.
    """
    filled = {key: environment[key] for key in _IMAGE_VARIABLES if environment.get(key)}
    named = _first(flag, "--image", filled, *_IMAGE_VARIABLES)
    setting = named or Setting(DEFAULT_IMAGE, _FROM_DEFAULT)
    if (
        not setting.value
        or setting.value.startswith("-")
        or any(sign.isspace() or not sign.isprintable() for sign in setting.value)
    ):
        raise ValueInvalid(
            f"{setting.origin} is {setting.value!r}, which is not an image",
            f"such as {DEFAULT_IMAGE}",
        )
    return setting


def prefix(environment: Mapping[str, str]) -> str:
    """Return the prefix of container names."""
    return environment.get("AGENT_WORKSPACE_PREFIX") or _DEFAULT_PREFIX


def github_host(environment: Mapping[str, str]) -> str:
    """Return the host that `OWNER/REPO` is on."""
    return environment.get("GITHUB_HOST") or _DEFAULT_GITHUB_HOST


def extra_repos(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the repositories cloned under `opt/`, white-space separated in `AWL_EXTRA_REPOS`."""
    return tuple(environment.get("AWL_EXTRA_REPOS", "").split())


def engine_time_limit(environment: Mapping[str, str]) -> float:
    """Return the seconds that an engine may take to answer a question (`AWL_ENGINE_TIMEOUT`)."""
    text = environment.get("AWL_ENGINE_TIMEOUT") or str(_ENGINE_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise ValueInvalid(
            f"AWL_ENGINE_TIMEOUT is {text!r}, which is not a number of seconds",
            f"more than 0 and at most 3600; unset it for {_ENGINE_SECONDS:g}",
        )
    return seconds


_IMAGE_VARIABLES = ("AGENT_ENV_IMAGE", "CODEX_ENV_IMAGE")


def _first(
    flag: str | None, option: str, environment: Mapping[str, str], *variables: str
) -> Setting | None:
    if flag is not None:
        return Setting(flag, option)
    for variable in variables:
        if (value := environment.get(variable)) is not None:
            return Setting(value, variable)
    return None
