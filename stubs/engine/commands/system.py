"""`version`, `info` and `context`: what this engine is, and which one is spoken to."""

from __future__ import annotations

import os

from engine import VERSION
from engine.call import state_root
from engine.errors import CliError, DaemonError
from engine.jsonlite import Doc, pretty
from engine.names import timestamp
from engine.store import read_doc, write_doc

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.call import Call

__all__ = [
    "UNDONE",
    "context_inspect",
    "context_ls",
    "context_show",
    "context_use",
    "info",
    "version",
]

# What this engine takes and records but does not do. The suite reads this list.
UNDONE = ("build", "healthchecks", "limits", "logs-drivers", "networks", "pause", "ports",
          "privileged", "restart-policies", "users-unprivileged")  # fmt: skip


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _client(call: Call) -> Doc:
    return {"Platform": {"Name": "fake"}, "Version": VERSION, "ApiVersion": "1.41",
            "DefaultAPIVersion": "1.41", "GitCommit": "fake", "GoVersion": "none", "Os": "linux",
            "Arch": _architecture(), "BuildTime": "", "Context": call.top.context or "default",
            "Experimental": False}  # fmt: skip


def _server() -> Doc:
    kernel = os.uname().release
    return {"Platform": {"Name": "fake"}, "Components": [
                {"Name": "Engine", "Version": VERSION,
                 "Details": {"ApiVersion": "1.41", "Arch": _architecture(), "BuildTime": "",
                             "Experimental": "false", "GitCommit": "fake", "GoVersion": "none",
                             "KernelVersion": kernel, "MinAPIVersion": "1.12", "Os": "linux"}}],
            "Version": VERSION, "ApiVersion": "1.41", "MinAPIVersion": "1.12", "GitCommit": "fake",
            "GoVersion": "none", "Os": "linux", "Arch": _architecture(), "KernelVersion": kernel,
            "BuildTime": "", "Fake": {"Undone": list(UNDONE)}}  # fmt: skip


def _reached(call: Call) -> CliError | None:
    try:
        call.reach()
    except CliError as error:
        if error.exit_code == 1 and not error.message.startswith("unable to resolve"):
            return error
        raise
    except DaemonError as error:
        return CliError(call.voice(error))
    return None


def _template(call: Call, form: str, doc: Doc, *, nothing: str) -> None:
    from engine.template import Template, TemplateError

    if form == "json":
        form = "{{json .}}"
    try:
        template = Template(form)
    except TemplateError as error:
        raise CliError(f"Template parsing error: {error}", 64) from None
    try:
        call.out(template.run(doc, strict=True, methods={}))
    except TemplateError as error:
        call.out("")
        if not nothing:
            raise CliError(str(error)) from None


def version(call: Call) -> int:
    """Client and server; exit 1 where no server answers, after the client's part."""
    flags = call.flags(
        "format,f=text kubeconfig=text",
        "[OPTIONS]",
        "Show the Docker version information",
        at_most=0,
        local=True,
    )
    trouble = _reached(call)
    if call.plan is not None and call.plan.lies():
        return 0
    client, server = _client(call), None if trouble else _server()
    if call.is_podman:
        from engine.podman import VERSION as PODMANS

        client["Version"] = PODMANS
        server = server and {**server, "Version": PODMANS}
    if flags.given("format"):
        _template(call, flags.text("format"), {"Client": client, "Server": server},
                  nothing=trouble.message if trouble else "")  # fmt: skip
    else:
        call.out(f"Client:\n Version:           {VERSION}\n API version:       1.41")
        call.out(f" OS/Arch:           linux/{client['Arch']}")
        call.out(f" Context:           {client['Context']}")
        if server is not None:
            call.out(f"\nServer: fake\n Engine:\n  Version:          {VERSION}")
            call.out("  API version:      1.41 (minimum version 1.12)")
            call.out(f"  OS/Arch:          linux/{server['Arch']}")
            call.out(f"  Undone:           {' '.join(UNDONE)}")
    if trouble is not None:
        raise trouble
    return 0


def info(call: Call) -> int:
    """What the engine is and holds."""
    flags = call.flags(
        "format,f=text", "[OPTIONS]", "Display system-wide information", at_most=0, local=True
    )
    trouble = _reached(call)
    form = flags.text("format")
    if call.plan is not None and call.plan.lies():
        return 0
    if trouble is not None:
        if form:
            call.out("")
            raise CliError('template: :1:2: executing "" at <.ServerVersion>: reflect: indirection '
                           "through nil pointer to embedded struct field Info")  # fmt: skip
        _client_info(call)
        call.out(f"ERROR: {trouble.message}")
        raise CliError("errors pretty printing info")
    doc = _info(call)
    if call.is_podman:
        doc["Host"] = {"OS": "linux"}
    if form:
        _template(call, form, doc, nothing="")
        return 0
    _client_info(call)
    call.out(
        f" Containers: {doc['Containers']}\n  Running: {doc['ContainersRunning']}\n  Paused: 0\n"
        f"  Stopped: {doc['ContainersStopped']}\n Images: {doc['Images']}\n"
        f" Server Version: {VERSION}\n Storage Driver: folder\n Operating System: fake engine\n"
        f" Architecture: {doc['Architecture']}\n CPUs: {doc['NCPU']}\n"
        f" Docker Root Dir: {doc['DockerRootDir']}\n Undone: {' '.join(UNDONE)}"
    )
    return 0


def _client_info(call: Call) -> None:
    context = call.top.context or "default"
    call.out(f"Client:\n Context:    {context}\n Debug Mode: false\n\nServer:")


def _info(call: Call) -> Doc:
    containers = list(call.store.containers())
    running = sum(bool(doc["State"]["Running"]) for doc in containers)
    return {
        "ID": "FAKE", "Containers": len(containers), "ContainersRunning": running,
        "ContainersPaused": 0, "ContainersStopped": len(containers) - running,
        "Images": len(call.images.all()), "Driver": "folder", "DriverStatus": [],
        "Plugins": {"Volume": ["local"], "Network": ["host", "null"], "Authorization": None,
                    "Log": ["json-file"]},
        "MemoryLimit": False, "SwapLimit": False, "PidsLimit": False, "Debug": False,
        "SystemTime": timestamp(), "LoggingDriver": "json-file", "CgroupDriver": "none",
        "CgroupVersion": "", "KernelVersion": os.uname().release, "OperatingSystem": "fake engine",
        "OSVersion": "", "OSType": "linux", "Architecture": os.uname().machine,
        "NCPU": os.cpu_count() or 1, "MemTotal": 0, "DockerRootDir": call.store.root,
        "Name": os.uname().nodename, "Labels": [], "ExperimentalBuild": False,
        "ServerVersion": VERSION, "Runtimes": {"fake": {"path": "fake"}}, "DefaultRuntime": "fake",
        "InitBinary": "docker-init", "SecurityOptions": ["name=userns"], "Warnings": None,
        "Fake": {"Undone": list(UNDONE)}, "ClientInfo": {"Debug": False,
        "Context": call.top.context or "default", "Plugins": [], "Warnings": None},
    }  # fmt: skip


def _endpoints(call: Call) -> Doc:
    try:
        return read_doc(f"{state_root(call.env)}/endpoints.json")
    except FileNotFoundError:
        return {}


def _contexts(call: Call) -> list[Doc]:
    known = _endpoints(call)
    current = call.top.context or known.get("current") or "default"
    hosts = {"default": call.env.get("DOCKER_HOST") or "unix:///var/run/docker.sock",
             **known.get("contexts", {})}  # fmt: skip
    return [
        {
            "Name": name,
            "Description": "",
            "DockerEndpoint": host,
            "Current": name == current,
            "Error": "",
            "ContextType": "moby",
        }
        for name, host in sorted(hosts.items())
    ]


def context_ls(call: Call) -> int:
    """The contexts that the state knows."""
    flags = call.flags("format=text quiet,q", "[OPTIONS]", "List contexts", at_most=0, local=True)
    from engine.render import rows

    items = _contexts(call)
    if flags.on("quiet"):
        for item in items:
            call.out(item["Name"])
        return 0
    table = [
        ("Name", "NAME"),
        ("Description", "DESCRIPTION"),
        ("DockerEndpoint", "DOCKER ENDPOINT"),
    ]
    if not flags.text("format"):
        items = [
            {**item, "Name": f"{item['Name']} *" if item["Current"] else item["Name"]}
            for item in items
        ]
    rows(call, flags.text("format"), items, table, {})
    return 0


def context_show(call: Call) -> int:
    """The name of the context in use."""
    call.flags("", "", "Print the name of the current context", at_most=0, local=True)
    call.out(next((item["Name"] for item in _contexts(call) if item["Current"]), "default"))
    return 0


def context_use(call: Call) -> int:
    """Choose a context for the calls to come."""
    flags = call.flags(
        "", "CONTEXT", "Set the current docker context", at_least=1, at_most=1, local=True
    )
    name = _known(call, flags.args[0])["Name"]
    base = state_root(call.env)
    os.makedirs(base, 0o700, exist_ok=True)
    write_doc(
        f"{base}/endpoints.json", {**_endpoints(call), "current": "" if name == "default" else name}
    )
    call.out(name)
    call.err(f'Current context is now "{name}"')
    return 0


def _known(call: Call, name: str) -> Doc:
    found = next((item for item in _contexts(call) if item["Name"] == name), None)
    if found is None:
        raise CliError(f'context "{name}" does not exist')
    return found


def context_inspect(call: Call) -> int:
    """One context, as a document."""
    flags = call.flags(
        "format,f=text",
        "[OPTIONS] [CONTEXT]",
        "Display detailed information on contexts",
        local=True,
    )
    name = flags.args[0] if flags.args else next(i["Name"] for i in _contexts(call) if i["Current"])
    doc = {
        "Name": name,
        "Metadata": {},
        "Endpoints": {
            "docker": {"Host": _known(call, name)["DockerEndpoint"], "SkipTLSVerify": False}
        },
        "TLSMaterial": {},
        "Storage": {"MetadataPath": "<IN MEMORY>", "TLSPath": "<IN MEMORY>"},
    }
    if flags.text("format"):
        _template(call, flags.text("format"), doc, nothing="")
    else:
        call.out(pretty([doc]))
    return 0
