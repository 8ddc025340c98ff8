"""Make a container: its document in docker's own shape, its folders, its volumes."""

from __future__ import annotations

import os

from engine.errors import DaemonError
from engine.jsonlite import Doc
from engine.names import check_container_name, new_id, random_name, timestamp
from engine.rootfs import build, seed_volume
from engine.store import remove_tree

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.call import Call
    from engine.options import RunOptions

__all__ = ["make_container"]

_NO_TIME = "0001-01-01T00:00:00Z"
_NETWORKS = ("default", "bridge", "host", "none")
_MODES = frozenset(
    [
        "ro",
        "rw",
        "z",
        "Z",
        "nocopy",
        "delegated",
        "cached",
        "consistent",
        "rprivate",
        "private",
        "rshared",
        "shared",
        "rslave",
        "slave",
    ]
)


def make_container(call: Call, options: RunOptions, image: Doc, words: list[str]) -> Doc:
    """Create a container of `image` with the command `words`; DaemonError as the engine.

    The order is the engine's: values are judged, then the name is taken, then volumes are made.
    """
    flags, store = options.flags, call.store
    given = flags.text("name")
    name = given.removeprefix("/") or random_name()
    if given:
        check_container_name(name, given)
    options.judge()
    if options.network not in _NETWORKS and not options.network.startswith("container:"):
        raise DaemonError(f"network {options.network} not found")
    spots = [_volume_spot(item) for item in options.volumes] + [
        _mount_spot(mount) for mount in options.mounts
    ]
    _refuse_doubles(spots)
    entrypoint, command = _command(flags, image, words)
    call.needs_space()
    ident = new_id()
    doc = _document(call, options, image, ident, name)
    doc["Config"].update(Cmd=command, Entrypoint=entrypoint)
    program = (entrypoint or []) + (command or [])
    doc["Path"], doc["Args"] = program[0], program[1:]
    folder = store.folder(ident)
    with store.lock():
        store.claim_name(name, ident)
        os.mkdir(folder, 0o700)
        store.save(doc)
    try:
        build(folder, image, doc["Config"]["Hostname"])
        doc["Mounts"] = [_attach(call, doc, spot) for spot in spots]
        for path, data in options.tmpfs.items():
            doc["Fake"]["mounts"].append({"kind": "tmpfs", "to": path, "options": data})
        with store.lock():
            store.save(doc)
    except (DaemonError, OSError) as error:
        with store.lock():
            store.drop_name(name)
        remove_tree(folder)
        if isinstance(error, OSError):
            raise DaemonError(f"{error.filename or folder}: {error.strerror}".lower()) from None
        raise
    return doc


def _command(
    flags: Doc | object, image: Doc, words: list[str]
) -> tuple[list[str] | None, list[str] | None]:
    from engine.flags import Parsed

    assert isinstance(flags, Parsed)
    config = image["Config"]
    entrypoint, command = config["Entrypoint"], words or None
    if flags.given("entrypoint"):
        text = flags.text("entrypoint")
        entrypoint = [text] if text else None
    elif not words:
        command = config["Cmd"]
    if not entrypoint and not command:
        raise DaemonError("No command specified")
    return entrypoint, command


def _document(call: Call, options: RunOptions, image: Doc, ident: str, name: str) -> Doc:
    flags, config = options.flags, image["Config"]
    names = {item.partition("=")[0] for item in options.env}
    env = options.env + [
        item for item in config["Env"] or () if item.partition("=")[0] not in names
    ]
    foreground = call.command == "run" and not flags.on("detach")
    stdin = flags.on("interactive")
    hostname = flags.text("hostname") or ident[:12]
    doc_config: Doc = {
        "Hostname": hostname, "Domainname": "", "User": flags.text("user") or config["User"],
        "AttachStdin": stdin and foreground, "AttachStdout": foreground, "AttachStderr": foreground,
        "Tty": flags.on("tty"), "OpenStdin": stdin, "StdinOnce": stdin and foreground,
        "Env": env, "Cmd": None, "Image": flags.args[0], "Volumes": None,
        "WorkingDir": flags.text("workdir") or config["WorkingDir"], "Entrypoint": None,
        "OnBuild": None, "Labels": {**(config["Labels"] or {}), **options.labels},
    }  # fmt: skip
    if options.ports:
        doc_config["ExposedPorts"] = {port: {} for port in options.ports}
    if flags.given("stop-signal"):
        doc_config["StopSignal"] = flags.text("stop-signal")
    if flags.given("stop-timeout"):
        doc_config["StopTimeout"] = flags.number("stop-timeout", 10)
    folder = call.store.folder(ident)
    more = image.get("Fake", {})
    return {
        "Id": ident, "Created": timestamp(), "Path": "", "Args": [],
        "State": {"Status": "created", "Running": False, "Paused": False, "Restarting": False,
                  "OOMKilled": False, "Dead": False, "Pid": 0, "ExitCode": 0, "Error": "",
                  "StartedAt": _NO_TIME, "FinishedAt": _NO_TIME},
        "Image": image["Id"], "ResolvConfPath": f"{folder}/root/etc/resolv.conf",
        "HostnamePath": f"{folder}/root/etc/hostname", "HostsPath": f"{folder}/root/etc/hosts",
        "LogPath": f"{folder}/log.jsonl", "Name": f"/{name}", "RestartCount": 0,
        "Driver": "folder", "Platform": "linux", "MountLabel": "", "ProcessLabel": "",
        "AppArmorProfile": "", "ExecIDs": None, "HostConfig": _host_config(options),
        "GraphDriver": {"Data": {"MergedDir": f"{folder}/root"}, "Name": "folder"},
        "Mounts": [], "Config": doc_config, "NetworkSettings": _network(options),
        "Fake": {"mounts": [], "anonymous": [], "hidden": more.get("hidden", [])},
    }  # fmt: skip


def _host_config(options: RunOptions) -> Doc:
    flags = options.flags
    host: Doc = {
        "Binds": [item for item in options.volumes if ":" in item] or None,
        "ContainerIDFile": flags.text("cidfile"),
        "LogConfig": {"Type": flags.text("log-driver", "json-file"),
                      "Config": dict(item.partition("=")[::2] for item in flags.texts("log-opt"))},
        "NetworkMode": options.network, "PortBindings": options.ports,
        "RestartPolicy": options.restart, "AutoRemove": flags.on("rm"), "VolumeDriver": "",
        "VolumesFrom": None, "CapAdd": flags.texts("cap-add") or None,
        "CapDrop": flags.texts("cap-drop") or None, "CgroupnsMode": "host",
        "Dns": flags.texts("dns"), "DnsOptions": [], "DnsSearch": [],
        "ExtraHosts": flags.texts("add-host") or None, "GroupAdd": flags.texts("group-add") or None,
        "IpcMode": flags.text("ipc", "private"), "Cgroup": "", "Links": flags.texts("link") or None,
        "OomScoreAdj": 0, "PidMode": flags.text("pid"), "Privileged": flags.on("privileged"),
        "PublishAllPorts": False, "ReadonlyRootfs": flags.on("read-only"),
        "SecurityOpt": flags.texts("security-opt") or None, "UTSMode": flags.text("uts"),
        "UsernsMode": flags.text("userns"), "ShmSize": options.shm,
        "Runtime": flags.text("runtime", "runc"), "ConsoleSize": [0, 0], "Isolation": "",
        "CpuShares": int(flags.text("cpu-shares", "0")), "Memory": options.memory,
        "NanoCpus": options.cpus, "CgroupParent": "", "BlkioWeight": 0, "CpuPeriod": 0,
        "CpuQuota": 0, "CpusetCpus": "", "CpusetMems": "", "Devices": [], "KernelMemory": 0,
        "MemoryReservation": 0, "MemorySwap": options.swap, "MemorySwappiness": None,
        "OomKillDisable": False,
        "PidsLimit": flags.number("pids-limit", 0) if flags.given("pids-limit") else None,
        "Ulimits": None, "BlkioWeightDevice": [], "BlkioDeviceReadBps": None,
        "BlkioDeviceWriteBps": None, "BlkioDeviceReadIOps": None, "BlkioDeviceWriteIOps": None,
        "CpuRealtimePeriod": 0, "CpuRealtimeRuntime": 0, "DeviceCgroupRules": None,
        "DeviceRequests": None, "KernelMemoryTCP": 0, "CpuCount": 0, "CpuPercent": 0,
        "IOMaximumIOps": 0, "IOMaximumBandwidth": 0, "MaskedPaths": [], "ReadonlyPaths": ["/proc"],
    }  # fmt: skip
    if options.tmpfs:
        host["Tmpfs"] = options.tmpfs
    if options.mounts:
        host["Mounts"] = options.mounts
    host["Init"] = True if flags.on("init") else (False if flags.given("init") else None)
    if host["Init"] is None:
        del host["Init"]
    return host


def _network(options: RunOptions) -> Doc:
    name = "bridge" if options.network == "default" else options.network
    end = {"IPAMConfig": None, "Links": None, "Aliases": None, "NetworkID": "", "EndpointID": "",
           "Gateway": "", "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "",
           "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "MacAddress": "",
           "DriverOpts": None}  # fmt: skip
    return {
        "Bridge": "",
        "SandboxID": "",
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": {},
        "SandboxKey": "",
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": "",
        "Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "MacAddress": "",
        "Networks": {name: end},
    }


def _volume_spot(item: str) -> Doc:
    """`-v` in its three forms: PATH, NAME:PATH[:MODE], /HOST:PATH[:MODE]."""
    source, *rest = item.split(":")
    target = rest.pop(0) if rest else source
    mode = rest.pop(0) if rest else ""
    if (
        rest
        or not target
        or not source
        or any(word not in _MODES for word in mode.split(",") if word)
    ):
        if mode and not rest and target and source:
            raise DaemonError(f"invalid mode: {mode}")
        raise DaemonError(f"invalid volume specification: '{item}'")
    kind = "bind" if ":" in item and source.startswith("/") else "volume"
    if not target.startswith("/"):
        raise DaemonError(
            f"invalid volume specification: '{item}': invalid mount config for type "
            f"\"{kind}\": invalid mount path: '{target}' mount path must be absolute"
        )
    if target.rstrip("/") == "":
        raise DaemonError(
            f"invalid volume specification: '{item}': invalid mount config for type "
            f"\"{kind}\": invalid specification: destination can't be '/'"
        )
    return {"Type": kind, "Source": "" if ":" not in item else source, "Target": target,
            "ReadOnly": "ro" in mode.split(","), "Mode": mode, "short": True,
            "NoCopy": "nocopy" in mode.split(",")}  # fmt: skip


def _mount_spot(mount: Doc) -> Doc:
    options = mount.get("VolumeOptions", {})
    return {
        "Type": mount["Type"],
        "Source": mount["Source"],
        "Target": mount["Target"],
        "ReadOnly": mount.get("ReadOnly", False),
        "Mode": "z" if mount["Type"] == "volume" else "",
        "short": False,
        "Labels": options.get("Labels", {}),
        "Driver": options.get("DriverConfig", {}).get("Name", "local"),
        "NoCopy": options.get("NoCopy", False),
    }


def _refuse_doubles(spots: list[Doc]) -> None:
    seen = set()
    for spot in spots:
        target = os.path.normpath(spot["Target"])
        if target in seen:
            raise DaemonError(f"Duplicate mount point: {spot['Target']}")
        seen.add(target)


def _attach(call: Call, doc: Doc, spot: Doc) -> Doc:
    """Make one mount's source ready; gives its row of `Mounts`."""
    target, fake = os.path.normpath(spot["Target"]), doc["Fake"]
    readonly = spot["ReadOnly"]
    if spot["Type"] == "tmpfs":
        fake["mounts"].append({"kind": "tmpfs", "to": target, "options": ""})
        return {
            "Type": "tmpfs",
            "Source": "",
            "Destination": target,
            "Mode": "",
            "RW": not readonly,
            "Propagation": "",
        }
    if spot["Type"] == "bind":
        source = os.path.normpath(spot["Source"])
        if not os.path.exists(source):  # `-v` makes what is not there
            os.makedirs(source, 0o755)
        fake["mounts"].append({"kind": "bind", "from": source, "to": target, "readonly": readonly})
        return {"Type": "bind", "Source": source, "Destination": target, "Mode": spot["Mode"],
                "RW": not readonly, "Propagation": "rprivate"}  # fmt: skip
    anonymous = not spot["Source"]
    volume, _ = call.volumes.ensure(
        spot["Source"], spot.get("Labels"), driver=spot.get("Driver", "local"), anonymous=anonymous
    )
    name, data = volume["Name"], volume["Mountpoint"]
    if anonymous:
        fake["anonymous"].append(name)
    if not spot["NoCopy"]:
        seed_volume(data, f"{call.store.folder(doc['Id'])}/root{target}")
    fake["mounts"].append({"kind": "bind", "from": data, "to": target, "readonly": readonly})
    return {
        "Type": "volume",
        "Name": name,
        "Source": data,
        "Destination": target,
        "Driver": "local",
        "Mode": spot["Mode"] if spot["Mode"] or anonymous else "z",
        "RW": not readonly,
        "Propagation": "",
    }
