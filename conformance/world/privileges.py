"""What a container has of the machine beyond what an engine gives any container (ENG-3)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["privileges"]

# Keys of HostConfig that may say "host": the container then shares that with the machine.
_SHARED = {
    "NetworkMode": "network",
    "PidMode": "processes",
    "IpcMode": "shared memory",
    "UTSMode": "host name",
    "UsernsMode": "users",
}
# Keys of HostConfig that are empty where nothing more was asked for.
_GIVEN = {
    "DeviceCgroupRules": "rules for devices",
    "DeviceRequests": "devices that were asked for",
    "VolumesFrom": "the volumes of another container",
}


def privileges(document: Mapping[str, Any], own: Path) -> Iterator[str]:
    """Yield each privilege of a container, as ``inspect`` of its engine has it, in words.

    ``own`` is the one folder of the machine whose paths may be mounted: that of the workspaces.
    """
    host = document["HostConfig"]
    if host.get("Privileged"):
        yield "is privileged"
    for name in host.get("CapAdd") or ():
        yield f"has the capability {name}"
    for device in host.get("Devices") or ():
        yield f"has the device {device.get('PathOnHost', device)}"
    for option in host.get("SecurityOpt") or ():
        if option.endswith(("unconfined", "disable")):
            yield f"runs with {option}"
    for key, what in _GIVEN.items():
        if host.get(key):
            yield f"has {what}: {host[key]}"
    for key, what in _SHARED.items():
        if host.get(key) == "host":
            yield f"shares the machine's {what}"
    for mount in document.get("Mounts") or ():
        if mount["Type"] == "bind" and not Path(mount["Source"]).is_relative_to(own):
            yield f"has the machine's {mount['Source']} at {mount['Destination']}"
