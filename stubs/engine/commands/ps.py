"""`ps`."""

from __future__ import annotations

from engine.errors import DaemonError, NotFound, UsageError
from engine.render import age, mapping, matches, now, rows, seconds_of

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.call import Call
    from engine.jsonlite import Doc

__all__ = ["ps"]

_FLAGS = "all,a filter,f=list format=text last,n=int latest,l no-trunc quiet,q size,s"
_STATUSES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
_FILTERS = ("ancestor", "before", "exited", "id", "label", "name", "network", "since", "status",
            "volume")  # fmt: skip
_TABLE = [
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Command", "COMMAND"),
    ("RunningFor", "CREATED"),
    ("Status", "STATUS"),
    ("Ports", "PORTS"),
    ("Names", "NAMES"),
]
_SHORT_COMMAND = 20


def ps(call: Call) -> int:
    """List containers, newest first."""
    flags = call.flags(_FLAGS, "[OPTIONS]", "List containers", at_most=0)
    wanted = _filters(call, flags.texts("filter"))
    found = [doc for doc in call.store.containers() if _fits(doc, wanted)]
    found.sort(key=lambda doc: str(doc["Created"]), reverse=True)
    count = 1 if flags.on("latest") else flags.number("last", -1)
    if count >= 0:
        found = found[:count]
    elif not flags.on("all") and "status" not in wanted and "exited" not in wanted:
        found = [doc for doc in found if doc["State"]["Running"]]
    whole = flags.on("no-trunc")
    if flags.on("quiet"):
        for doc in found:
            call.out(doc["Id"] if whole else doc["Id"][:12])
        return 0
    form = flags.text("format")
    items = [_row(doc, whole=whole) for doc in found]
    table = [*_TABLE, ("Size", "SIZE")] if flags.on("size") else _TABLE
    rows(call, form, items, table, {"Label": lambda item, key: item["_labels"].get(key, "")})
    return 0


def _filters(call: Call, texts: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            why = "bad format of filter (expected name=value)"
            message = f'invalid argument "{text}" for "-f, --filter" flag: {why}'
            raise UsageError(message, f"{call.program} ps")
        name = name.strip().lower()
        if name not in _FILTERS:
            raise DaemonError(f"Invalid filter '{name}'")
        if name == "status" and value not in _STATUSES:
            raise DaemonError(f"Invalid filter 'status={value}'")
        if name == "ancestor":
            image = call.images.find(value)
            value = image["Id"] if image else value
        if name in ("before", "since"):
            value = _created(call, value)
        found.setdefault(name, []).append(value)
    return found


def _created(call: Call, name: str) -> str:
    try:
        return str(call.store.container(name)["Created"])
    except NotFound:
        raise DaemonError(f"no such container {name}") from None


def _fits(doc: Doc, wanted: dict[str, list[str]]) -> bool:
    tests: dict[str, Callable[[str], bool]] = {
        "ancestor": lambda value: value in (doc["Image"], doc["Config"]["Image"]),
        "before": lambda value: doc["Created"] < value,
        "exited": lambda value: (
            f"{doc['State']['Status']} {doc['State']['ExitCode']}" == f"exited {value}"
        ),
        "id": lambda value: doc["Id"].startswith(value),
        "name": lambda value: matches(value, doc["Name"]) or matches(value, doc["Name"][1:]),
        "network": lambda value: value in doc["NetworkSettings"]["Networks"],
        "since": lambda value: doc["Created"] > value,
        "status": lambda value: doc["State"]["Status"] == value,
        "volume": lambda value: any(
            value in (mount.get("Name"), mount["Destination"]) for mount in doc["Mounts"]
        ),
    }
    for name, values in wanted.items():
        if name == "label":
            if not all(_labelled(doc, value) for value in values):
                return False
        elif not any(tests[name](value) for value in values):
            return False
    return True


def _labelled(doc: Doc, text: str) -> bool:
    name, equals, value = text.partition("=")
    labels = doc["Config"]["Labels"] or {}
    return name in labels and (not equals or labels[name] == value)


def _status(doc: Doc) -> str:
    state = doc["State"]
    if state["Running"]:
        return f"Up {age(now() - seconds_of(state['StartedAt']))}"
    if state["Status"] == "created":
        return "Created"
    ended = state["FinishedAt"]
    ago = f" {age(now() - seconds_of(ended))} ago" if not ended.startswith("0001") else ""
    return f"Exited ({state['ExitCode']}){ago}"


def _row(doc: Doc, *, whole: bool) -> Doc:
    command = " ".join([doc["Path"], *doc["Args"]])
    if not whole and len(command) > _SHORT_COMMAND:
        command = command[: _SHORT_COMMAND - 1] + "…"
    mounts = [mount.get("Name") or mount["Source"] for mount in doc["Mounts"]]
    created = doc["Created"]
    ports = [
        f"{bound['HostIp'] or '0.0.0.0'}:{bound['HostPort']}->{port}"
        if doc["State"]["Running"]
        else ""
        for port, bindings in doc["HostConfig"]["PortBindings"].items()
        for bound in bindings
    ]
    return {
        "Command": f'"{command}"',
        "CreatedAt": f"{created[:10]} {created[11:19]} +0000 UTC",
        "ID": doc["Id"] if whole else doc["Id"][:12],
        "Image": doc["Config"]["Image"],
        "Labels": mapping(doc["Config"]["Labels"]),
        "LocalVolumes": str(sum(mount["Type"] == "volume" for mount in doc["Mounts"])),
        "Mounts": ",".join(mounts if whole else [_cut(name) for name in mounts]),
        "Names": doc["Name"][1:],
        "Networks": ",".join(doc["NetworkSettings"]["Networks"]),
        "Ports": ", ".join(port for port in ports if port),
        "RunningFor": f"{age(now() - seconds_of(created))} ago",
        "Size": "0B",
        "State": doc["State"]["Status"],
        "Status": _status(doc),
        "_labels": doc["Config"]["Labels"] or {},
    }


def _cut(name: str) -> str:
    return name if len(name) <= 15 else name[:14] + "…"
