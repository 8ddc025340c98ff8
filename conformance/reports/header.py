"""The header of a run: everything that its verdict depends on, by version and by digest.

``header_of`` is asked once, when a run begins; it goes into ``results.jsonl`` and from there into
the report. What is secret in the configuration is left out before it is written anywhere.
"""

import datetime as dt
import hashlib
import importlib.util
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from conformance import __version__, resources
from conformance.catalogue.case import Suite
from conformance.lock.preload import WarmError
from conformance.settings import Settings
from conformance.world.program import package_of

__all__ = ["Selection", "header_of", "now", "program_digest", "redacted", "suite_digest"]

_ENGINE_SECONDS = 10
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASS|KEY|CERT|AUTH", re.IGNORECASE)


@frozen
class Selection:
    """Which cells were planned; from it and the data the plan can be worked out again.

    ``shard`` is ``(i, n)``, or None for a run of the whole; ``durations`` the digest of the known
    durations that shards were balanced by.
    """

    engine: str = "fake"
    runtimes: tuple[str, ...] = ()
    select: str = ""
    skip: str = ""
    shard: tuple[int, int] | None = None
    durations: str = ""
    draft: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Selection":
        """A selection as a header has it."""
        shard = data["shard"]
        known = {**data, "runtimes": tuple(data["runtimes"]), "shard": shard and tuple(shard)}
        return cls(**known)


def now() -> str:
    """The time as reports write it: UTC, to the second."""
    return dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def header_of(suite: Suite, settings: Settings, selection: Selection, seed: int) -> dict[str, Any]:
    """The header of ``results.jsonl``. ``world`` and ``started`` are this run's alone."""
    program = settings.program[0]
    return {
        "schema_version": 1,
        "contract": {
            "version": suite.contract.version,
            "title": suite.contract.title,
            "digest": suite.contract.digest,
        },
        # The digest of all data: contract, parity matrix, values and cases.
        "data": {"digest": suite.digest, "gaps": len(suite.gaps)},
        "suite": {"version": __version__, "digest": suite_digest()},
        "program": {
            "name": Path(program).name,
            "version": settings.facts.get("version", ""),
            "digest": program_digest(program),
        },
        "engine": {"name": settings.engine, **_engine(settings)},
        "fake": {"digest": _digest_of(resources.stubs(), "*")},
        "image": {"name": _image(settings), "digest": _image_digest(settings)},
        "runtimes": list(settings.runtimes),
        "configuration": {
            "lock": settings.lock,
            "lock_reason": settings.lock_reason,
            "calls": "fork" if settings.warm else "exec",
            "time_limit": settings.timeout,
            "engine": redacted(settings.engine_env),
        },
        "selection": asdict(selection),
        "seed": seed,
        "root_cause": settings.root_cause,
        "started": now(),
        "machine": {
            "system": platform.system(),
            "kernel": platform.release(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
            "cores": len(os.sched_getaffinity(0)),
        },
        "world": {
            "program": program,
            "run": settings.run,
            "stamp": settings.stamp,
            "canary": settings.canary,
            "remotes": settings.remotes,
        },
    }


def redacted(variables: Mapping[str, str]) -> dict[str, str]:
    """The same variables without what opens a door: secrets by name, credentials in addresses."""
    return {
        name: "<redacted>" if _SECRET_NAME.search(name) else _CREDENTIALS.sub("<redacted>@", value)
        for name, value in sorted(variables.items())
    }


def suite_digest() -> str:
    """sha256 of the suite's own modules."""
    return _digest_of(Path(resources.__file__).parent, "*.py", without="data")


def program_digest(program: str) -> str:
    """sha256 of a program: of its file, and of its package's modules where it is ours to see."""
    path = Path(program)
    if not path.is_file():
        return ""
    whole = hashlib.sha256()
    try:
        spec = importlib.util.find_spec(package_of(program))
    except (WarmError, OSError):
        spec = None
    if spec is None:
        # The script of an entry point names its interpreter: only other programs are their file.
        whole.update(path.read_bytes())
        return whole.hexdigest()
    for folder in spec.submodule_search_locations or ():
        whole.update(_digest_of(Path(folder), "*.py").encode())
    return whole.hexdigest()


def _digest_of(folder: Path, pattern: str, *, without: str = "") -> str:
    files = (path for path in folder.rglob(pattern) if path.is_file())
    return _digest(
        (path.relative_to(folder).as_posix(), path.read_bytes())
        for path in sorted(files)
        if "__pycache__" not in path.parts and without not in path.relative_to(folder).parts[:1]
    )


def _digest(files: Iterable[tuple[str, bytes]]) -> str:
    whole = hashlib.sha256()
    for name, content in files:
        whole.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return whole.hexdigest()


# ---------------------------------------------------------------------- engines
def _engine(settings: Settings) -> dict[str, str]:
    if settings.engine == "fake":
        return {"version": "", "client": ""}
    return {
        "version": _ask(settings, "version", "--format", "{{.Server.Version}}"),
        "client": _ask(settings, "version", "--format", "{{.Client.Version}}"),
    }


def _image(settings: Settings) -> str:
    return settings.image.replace(settings.stamp, "c000000")


def _image_digest(settings: Settings) -> str:
    # The fake's image is made of its own files, and so is in the digest of the fake.
    if settings.engine == "fake":
        return ""
    return _ask(settings, "image", "inspect", "--format", "{{.Id}}", settings.image)


def _ask(settings: Settings, *words: str) -> str:
    """A fact that the engine's client gives; empty where it does not: a fact, not a need."""
    try:
        done = subprocess.run(
            [settings.client, *words],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.defpath, "HOME": str(Path.home()), **settings.engine_env},
            timeout=_ENGINE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
