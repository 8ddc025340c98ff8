"""Frozen values that travel between the layers.

Named tuples, not dataclasses: they are made at import, and `ls`, `exec` and completion pay for
every import.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "Capabilities",
    "CreateSpec",
    "ExecSpec",
    "Listing",
    "RepoSpec",
    "RepoState",
    "Workspace",
]


_NULLABLE = frozenset({"engine", "path", "container", "image", "ref", "commit"})
_HEXADECIMAL = frozenset("0123456789abcdef")


class RepoSpec(NamedTuple):
    """A repository as the person gave it, checked (`awl.repospec.parse`).

    `url` carries no secret; `user` and `password` are those cut out of it. `local` is the absolute
    path of a repository on this machine, `None` for one behind a network.
    """

    url: str
    owner: str
    name: str
    local: str | None = None
    user: str = ""
    password: str = ""


class RepoState(NamedTuple):
    """A cloned repository.

    `kind` is `work`, `private` or `extra`; `path` is relative to the workspace
    (`work/OWNER/REPO`), so that it reads the same in every runtime; `ref` is what was asked for,
    else the branch; `commit` is `None` while the repository is empty.
    """

    kind: str
    url: str
    path: str
    ref: str | None
    commit: str | None


class Workspace(NamedTuple):
    """One workspace, with the keys of the contract's `workspace` document.

    `status` is `running`, `stopped`, `ready` or `unknown`; `created_at` is RFC 3339 in UTC.
    """

    name: str
    runtime: str
    engine: str | None
    status: str
    path: str | None
    container: str | None
    image: str | None
    provider: str
    mode: str
    repos: tuple[RepoState, ...]
    created_at: str

    def document(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**self._asdict(), "repos": [repo._asdict() for repo in self.repos]}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Workspace:
        """Read the JSON form back; keys that are not its own are left out.

        Raises `KeyError` or `TypeError` where the document is not one of a workspace: an agent can
        write those of the host.
        """
        texts = [key for key in cls._fields if key != "repos"]
        repos = tuple(
            RepoState(**{key: _text(repo, key) for key in RepoState._fields})
            for repo in document["repos"]
        )
        if any(repo.commit and not _HEXADECIMAL.issuperset(repo.commit) for repo in repos):
            raise TypeError("a commit is not one")
        return cls(**{key: _text(document, key) for key in texts}, repos=repos)


class CreateSpec(NamedTuple):
    """What a runtime needs to make a workspace; repositories come in through `populate`."""

    name: str
    image: str | None = None
    pull: bool = True
    keep_failed: bool = False


class ExecSpec(NamedTuple):
    """What `exec` runs: `command` empty means a login shell; `env` holds (name, value) pairs."""

    command: tuple[str, ...]
    cwd: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    user: str | None = None


class Listing(NamedTuple):
    """What a runtime holds: workspaces in order of name, and names of half-made ones."""

    workspaces: tuple[Workspace, ...]
    half_made: tuple[str, ...] = ()


class Capabilities(NamedTuple):
    """What a runtime cannot do: feature (`create.image`) to the reason."""

    unsupported: dict[str, str]

    def why_not(self, feature: str) -> str | None:
        """Return the reason why `feature` is unsupported, `None` where it is supported."""
        return self.unsupported.get(feature)


def _text(document: dict[str, Any], key: str) -> Any:
    value = document[key]
    if not isinstance(value, str) and not (value is None and key in _NULLABLE):
        raise TypeError(f"{key} is no text")
    return value
