"""`volume create|ls|inspect|rm|prune`."""

from __future__ import annotations

from engine.commands.inspect import inspect_each
from engine.errors import CliError, DaemonError
from engine.options import parse_labels
from engine.render import mapping, matches, rows

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.call import Call
    from engine.jsonlite import Doc

__all__ = ["create", "inspect", "ls", "prune", "rm"]

_TABLE = [("Driver", "DRIVER"), ("Name", "VOLUME NAME")]


def create(call: Call) -> int:
    """Make a volume, or take the one that is there; prints its name."""
    flags = call.flags("driver,d=text label=list name=text opt,o=list", "[OPTIONS] [VOLUME]",
                       "Create a volume", at_most=1)  # fmt: skip
    name = flags.args[0] if flags.args else flags.text("name")
    if call.is_podman and any(doc["Name"] == name for doc in call.volumes.all()):
        raise DaemonError(f"volume with name {name} already exists: volume already exists")
    labels = parse_labels(flags.texts("label"), f"{call.program} volume create")
    options = dict(item.partition("=")[::2] for item in flags.texts("opt"))
    call.needs_space()
    driver = flags.text("driver", "local")
    doc, _ = call.volumes.ensure(name, labels, driver=driver, options=options, anonymous=not name)
    call.out(doc["Name"])
    return 0


def _fits(call: Call, doc: Doc, filters: list[str], containers: list[Doc]) -> bool:
    labels = doc["Labels"] or {}
    if call.is_podman and len(filters) > 1:  # it lists what meets any of them
        return any(_fits(call, doc, [text], containers) for text in filters)
    for text in filters:
        name, _, value = text.partition("=")
        if name == "label":
            key, equals, wanted = value.partition("=")
            good = key in labels and (not equals or labels[key] == wanted)
        elif name == "name":
            good = matches(value, doc["Name"])
        elif name == "driver":
            good = doc["Driver"] == value
        elif name == "dangling":
            good = (not call.volumes.users(doc["Name"], containers)) == (value in ("1", "true"))
        else:
            raise DaemonError(f"Invalid filter '{name}'")
        if not good:
            return False
    return True


def ls(call: Call) -> int:
    """List volumes by name."""
    flags = call.flags("filter,f=list format=text quiet,q", "[OPTIONS]", "List volumes", at_most=0)
    filters = flags.texts("filter")
    containers = list(call.store.containers()) if "dangling" in "".join(filters) else []
    found = [doc for doc in call.volumes.all() if _fits(call, doc, filters, containers)]
    if flags.on("quiet") and not flags.text("format"):
        for doc in found:
            call.out(doc["Name"])
        return 0
    items = [{"Driver": doc["Driver"], "Labels": mapping(doc["Labels"]), "Links": "N/A",
              "Mountpoint": doc["Mountpoint"], "Name": doc["Name"], "Scope": doc["Scope"],
              "Size": "N/A", "_labels": doc["Labels"] or {}} for doc in found]  # fmt: skip
    rows(call, flags.text("format"), items, _TABLE,
         {"Label": lambda item, key: item["_labels"].get(key, "")})  # fmt: skip
    return 0


def inspect(call: Call) -> int:
    """Whole documents of volumes."""
    flags = call.flags(
        "format,f=text",
        "[OPTIONS] VOLUME [VOLUME...]",
        "Display detailed information on one or more volumes",
        at_least=1,
    )
    return inspect_each(call, flags.args, flags.text("format"), "volume")


def rm(call: Call) -> int:
    """Remove volumes that nobody uses."""
    flags = call.flags(
        "force,f", "[OPTIONS] VOLUME [VOLUME...]", "Remove one or more volumes", at_least=1
    )
    for name in flags.args:
        try:
            call.volumes.remove(name, force=flags.on("force"))
        except DaemonError as error:
            call.fail(error)
        else:
            call.out(name)
    return call.exit_code


def prune(call: Call) -> int:
    """Remove every volume that no container mounts; asks unless `--force`."""
    flags = call.flags(
        "filter=list force,f all,a", "[OPTIONS]", "Remove all unused local volumes", at_most=0
    )
    if not flags.on("force"):
        raise CliError("fake docker: volume prune asks nothing; pass --force", 1)
    removed = []
    containers = list(call.store.containers())
    for doc in call.volumes.all():
        if _fits(call, doc, flags.texts("filter"), containers) and not call.volumes.users(
            doc["Name"], containers
        ):
            call.volumes.remove(doc["Name"])
            removed.append(doc["Name"])
    if removed:
        call.out("Deleted Volumes:\n" + "\n".join(removed) + "\n")
    call.out("Total reclaimed space: 0B")
    return 0
