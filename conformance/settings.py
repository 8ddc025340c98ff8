"""What one run is about, as plain values that travel to every worker."""

import json
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen

__all__ = ["Settings"]


@frozen
class Settings:
    """The target of a run and the world that was made for it; JSON-able.

    ``program``: the command line under test. ``engine``: ``fake`` or the name of a real client;
    ``client`` its path, ``engine_env`` what it needs (DOCKER_HOST). ``image``: the image reference
    that the launcher should use, already present. ``remotes``: base URL of the git server by
    runtime. ``run``: the run's scratch folder. ``canary``: a secret that may be seen nowhere.
    ``lock``: whether cases run inside the lock; ``lock_reason``: why not. ``root_cause``: why no
    cell needs to run at all. ``warm``: the package of a program whose calls are forked and not
    exec'd (see ``lock.warm``); ``warm_note``: why it is not, or which calls are exec'd still.
    ``stamp`` makes the run's names its own on a shared engine.
    """

    program: tuple[str, ...]
    engine: str
    client: str
    engine_env: dict[str, str]
    image: str
    remotes: dict[str, str]
    run: str
    matrices: str
    canary: str
    stamp: str
    runtimes: tuple[str, ...]
    lock: bool = True
    lock_reason: str = ""
    root_cause: str = ""
    warm: str = ""
    warm_note: str = ""
    timeout: float = 60.0
    keep: bool = False
    facts: dict[str, str] = field(factory=dict)

    @property
    def folder(self) -> Path:
        """The run's scratch folder: toolbox, repositories, images, sandboxes."""
        return Path(self.run)

    @property
    def toolbox(self) -> Path:
        """The programs on every case's PATH."""
        return self.folder / "toolbox"

    @property
    def repositories(self) -> Path:
        """The bare repositories that the git server serves."""
        return self.folder / "repositories"

    @property
    def images(self) -> Path:
        """The fake engine's images."""
        return self.folder / "images"

    def dumps(self) -> str:
        """JSON text; ``loads`` reads it back."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> "Settings":
        """Settings from what ``dumps`` gave."""
        data: dict[str, Any] = json.loads(text)
        data["program"] = tuple(data["program"])
        data["runtimes"] = tuple(data["runtimes"])
        return cls(**data)
