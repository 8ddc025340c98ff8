"""The sandbox of one case: its own home, state, PATH, temporary folder, identity, zone and locale.

    SANDBOX/
      home/      HOME, with a git identity; the launcher's default root lies below it
      tmp/       TMPDIR; what is left here after a case is a leak
      bin/       first on PATH: the engine's command and whatever else a case puts there
      engine/    the state of the fake engine, its journal and its faults
      decoys/    what hostile values resolve to; nothing may ever change here

Nothing of the person's environment reaches a case: the environment is built here from nothing.
"""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from attrs import define, field

__all__ = ["COMMON_ENVIRONMENT", "Sandbox", "build_toolbox", "force_remove"]

# What never stands on a case's PATH unless the suite puts it there: engines, their relatives and
# the programs for which the suite has fakes. A case sees the same PATH on every machine.
_ABSENT = frozenset(
    {
        *("docker", "dockerd", "podman", "podman-remote", "nerdctl", "buildah", "containerd"),
        *("gh", "code", "claude", "codex", "awl", "agent-workspace-launcher", "awl-conformance"),
    }
)
COMMON_ENVIRONMENT: Mapping[str, str] = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "xterm",
    "SHELL": "/bin/sh",
    "USER": "case",
    "LOGNAME": "case",
}
"""The part of a case's environment that is the same in every case."""

_SYSTEM_PATHS = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")

_GIT_CONFIG = """\
[user]
\tname = Case
\temail = case@example.invalid
[init]
\tdefaultBranch = main
[advice]
\tdetachedHead = false
[safe]
\tdirectory = *
"""


def build_toolbox(folder: Path) -> Path:
    """Fill ``folder`` with links to the system's programs, engines and faked programs left out."""
    folder.mkdir(parents=True)
    seen: set[str] = set(_ABSENT)
    # The interpreter that runs the suite, not a version manager's shell script in front of it.
    for name in ("python3", "python"):
        (folder / name).symlink_to(os.path.realpath(sys.executable))
        seen.add(name)
    for directory in map(Path, _SYSTEM_PATHS):
        if not directory.is_dir():
            continue
        for entry in os.scandir(directory):
            if entry.name not in seen and os.access(entry.path, os.X_OK):
                seen.add(entry.name)
                (folder / entry.name).symlink_to(entry.path)
    return folder


def git_config(rewrites: Mapping[str, str]) -> str:
    """A git configuration with the case's identity and ``insteadOf`` rules.

    ``rewrites`` maps a URL prefix as people write it to the base URL of the run's own server.
    """
    rules: dict[str, list[str]] = {}
    for prefix, base in rewrites.items():
        rules.setdefault(base, []).append(f"\tinsteadOf = {prefix}\n")
    return _GIT_CONFIG + "".join(
        f'[url "{base}"]\n{"".join(lines)}' for base, lines in rules.items()
    )


@define
class Sandbox:
    """One case's folder and environment; ``create`` lays it out, ``sweep`` lays it out anew."""

    path: Path
    toolbox: Path
    prefix: str
    rewrites: Mapping[str, str] = field(factory=dict)

    @property
    def home(self) -> Path:
        """The case's HOME."""
        return self.path / "home"

    @property
    def tmp(self) -> Path:
        """The case's TMPDIR."""
        return self.path / "tmp"

    @property
    def bin(self) -> Path:
        """The case's own programs, first on its PATH."""
        return self.path / "bin"

    @property
    def engine(self) -> Path:
        """Where the fake engine keeps its state and every engine's calls are journalled."""
        return self.path / "engine"

    @property
    def decoys(self) -> Path:
        """What hostile values lead to."""
        return self.path / "decoys"

    @property
    def root(self) -> Path:
        """The launcher's root of workspaces by default (NAME-6)."""
        return self.home / ".local/state/agent-workspace-launcher/workspaces"

    def create(self) -> None:
        """Lay the folders out."""
        for folder in (self.home, self.tmp, self.bin, self.engine, self.decoys):
            folder.mkdir(parents=True)
        (self.home / ".gitconfig").write_text(git_config(self.rewrites))
        (self.decoys / "precious.txt").write_text("precious\n")
        (self.decoys / "tree").mkdir()
        (self.decoys / "tree" / "leaf.txt").write_text("leaf\n")

    def sweep(self) -> None:
        """Remove all that a scene left and lay the folders out again."""
        force_remove(_children(self.path))
        self.create()

    def remove(self) -> None:
        """Remove the sandbox."""
        force_remove([self.path])

    def environment(self) -> dict[str, str]:
        """The environment of every command of the case, whole."""
        return {
            "HOME": str(self.home),
            "PATH": f"{self.bin}:{self.toolbox}",
            "TMPDIR": str(self.tmp),
            **COMMON_ENVIRONMENT,
            "AGENT_WORKSPACE_PREFIX": self.prefix,
        }


def _children(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(folder)] if folder.exists() else []


def force_remove(paths: Iterable[Path]) -> None:
    """Remove trees that a case may have made read-only; links are removed, never followed.

    What is gone already is no error. Nothing outside the trees is changed, not even a mode.
    """
    for path in paths:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
        else:
            # The parameter was renamed to onexc in Python 3.12 and still works under this name.
            shutil.rmtree(path, onerror=_unlocked_below(path))


def _unlocked_below(top: Path) -> Callable[[object, str, object], None]:
    """What ``rmtree`` calls where it fails: make the place writable, and try again."""

    def unlock(_function: object, name: str, error: object) -> None:
        entry = Path(name)
        if isinstance(error, tuple) and isinstance(error[1], FileNotFoundError):
            return  # somebody else was faster
        if entry != top:
            entry.parent.chmod(stat.S_IRWXU)
        if not entry.is_symlink() and entry.is_dir():
            entry.chmod(stat.S_IRWXU)
            shutil.rmtree(entry, onerror=_unlocked_below(top))
        else:
            entry.unlink(missing_ok=True)

    return unlock
