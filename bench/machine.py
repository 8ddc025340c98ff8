"""Facts about the machine that figures were taken on: no names of hosts or people, no paths."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from bench.place import Unavailable, real_client

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["cpu_model", "facts", "memory_gib", "system_name"]

_UNKNOWN = "unknown"


def facts() -> dict[str, str]:
    """What bears on the figures, in words, in the order of the page."""
    cores = len(os.sched_getaffinity(0))
    return {
        "CPU": cpu_model(_text("/proc/cpuinfo")) or platform.machine(),
        "cores": f"{cores} of {os.cpu_count()}",
        "memory": memory_gib(_text("/proc/meminfo")),
        "system": system_name(_text("/etc/os-release")),
        "kernel": platform.release(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "git": _first_line(["git", "--version"]).removeprefix("git version "),
        "awl": metadata.version("agent-workspace-launcher"),
        "real engine": _engine(),
    }


def cpu_model(cpuinfo: str) -> str:
    """The model of the first processor in ``/proc/cpuinfo``; empty where it says none (arm64)."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "model name":
            return " ".join(value.split())
    return ""


def memory_gib(meminfo: str) -> str:
    """The memory in ``/proc/meminfo``, in GiB."""
    for line in meminfo.splitlines():
        if line.startswith("MemTotal:"):
            return f"{int(line.split()[1]) / 1024**2:.1f} GiB"
    return _UNKNOWN


def system_name(os_release: str) -> str:
    """The name of the system in ``/etc/os-release`` (os-release(5))."""
    for line in os_release.splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip("\"'")
    return _UNKNOWN


def _engine() -> str:
    try:
        client, env = real_client()
    except Unavailable as error:
        return f"none ({error})"
    form = "{{.Server.Version}} (API {{.Server.APIVersion}}), client {{.Client.Version}}"
    return _first_line([client, "version", "--format", form], env)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _first_line(argv: list[str], env: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env={**os.environ, **(env or {})},
        )
    except (OSError, subprocess.TimeoutExpired):
        return _UNKNOWN
    return (done.stdout.strip().splitlines() or [_UNKNOWN])[0]
