"""What a container has of the machine, told from the document that its engine keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.world.privileges import privileges

OWN = Path("/tmp/case")
PLAIN: dict[str, Any] = {
    "Privileged": False,
    "CapAdd": None,
    "CapDrop": ["ALL"],
    "Devices": [],
    "SecurityOpt": ["no-new-privileges"],
    "NetworkMode": "bridge",
    "PidMode": "",
    "IpcMode": "private",
    "CgroupnsMode": "host",
}


def found(host: dict[str, Any], *mounts: dict[str, str]) -> list[str]:
    return list(privileges({"HostConfig": {**PLAIN, **host}, "Mounts": mounts}, OWN))


def test_what_every_container_has_is_no_privilege() -> None:
    volume = {"Type": "volume", "Source": "/var/lib/docker/x", "Destination": "/work"}
    inside = {"Type": "bind", "Source": "/tmp/case/root/a", "Destination": "/work"}
    assert found({}, volume, inside) == []


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ({"Privileged": True}, "is privileged"),
        ({"CapAdd": ["SYS_ADMIN"]}, "has the capability SYS_ADMIN"),
        ({"Devices": [{"PathOnHost": "/dev/kvm"}]}, "has the device /dev/kvm"),
        ({"SecurityOpt": ["seccomp=unconfined"]}, "runs with seccomp=unconfined"),
        ({"SecurityOpt": ["label=disable"]}, "runs with label=disable"),
        ({"NetworkMode": "host"}, "shares the machine's network"),
        ({"PidMode": "host"}, "shares the machine's processes"),
        ({"IpcMode": "host"}, "shares the machine's shared memory"),
        ({"UTSMode": "host"}, "shares the machine's host name"),
        ({"UsernsMode": "host"}, "shares the machine's users"),
        ({"DeviceCgroupRules": ["a *:* rwm"]}, "has rules for devices: ['a *:* rwm']"),
        ({"VolumesFrom": ["x"]}, "has the volumes of another container: ['x']"),
    ],
)
def test_a_privilege_is_named(host: dict[str, Any], said: str) -> None:
    assert found(host) == [said]


@pytest.mark.parametrize("source", ["/", "/var/run/docker.sock", "/tmp/case-of-another"])
def test_a_path_outside_the_case_is_a_privilege(source: str) -> None:
    mount = {"Type": "bind", "Source": source, "Destination": "/x"}
    assert found({}, mount) == [f"has the machine's {source} at /x"]
