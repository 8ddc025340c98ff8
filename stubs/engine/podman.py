"""What this engine says where it is called `podman`: Podman's words and codes (4.3.1).

The engine behind it is the same, under two names. Only what launchers meet is said in its way:
objects that are absent or in the way, images that are unknown, containers that do not run, labels
in listings. The rest keeps docker's words after Podman's "Error: ". Loaded where it is needed.
"""

from __future__ import annotations

from engine.errors import CliError, DaemonError

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.jsonlite import Doc

__all__ = ["NAME", "VERSION", "refuse_options", "retell", "row"]

NAME = "podman"
VERSION = "4.3.1"
_INTERNAL = 125
_NOT_RUNNING = 255


def retell(command: str, error: DaemonError | CliError) -> tuple[int, str]:
    """Exit code and words of Podman for what went wrong in a call of this subcommand."""
    message = error.message
    if isinstance(error, CliError):
        if message.startswith(("Cannot connect", "Got permission", "error during connect")):
            host = message.partition("at ")[2].partition(" ")[0].rstrip(".:")
            refused = (
                "permission denied" if "permission denied" in message else "connection refused"
            )
            return _INTERNAL, (
                "Cannot connect to Podman. Please verify your connection to the Linux system using "
                "`podman system connection list`, or try `podman machine init` and `podman machine "
                "start` to manage a new Linux VM\nError: unable to connect to Podman socket: dial "
                f"unix {host.removeprefix('unix://')}: connect: {refused}"
            )
        if message.startswith("invalid reference format"):
            return _INTERNAL, f"Error: {message.rpartition(': ')[2]}"
        return error.exit_code, message
    head, _, name = message.partition(": ")
    verb = command.split()[-1]
    if head == "No such container":
        if verb == "inspect":
            return _INTERNAL, f"Error: inspecting object: no such container {name}"
        code = 1 if verb == "rm" else _INTERNAL
        return code, f'Error: no container with name or ID "{name}" found: no such container'
    if head == "No such volume":
        return 1, f'Error: no volume with name "{name}" found: no such volume'
    if head == "No such image":
        prefix = "inspecting object: " if verb == "inspect" else ""
        return _INTERNAL, f"Error: {prefix}{name.rstrip('.')}: image not known"
    if "is already in use by container" in message:
        name, owner = message.split('"')[1].lstrip("/"), message.split('"')[3]
        return _INTERNAL, (
            f'Error: creating container storage: the container name "{name}" is already in use by '
            f"{owner}. You have to remove that container to be able to reuse that name: that name "
            "is already in use"
        )
    if verb == "exec" and "is not running" in message:
        return _NOT_RUNNING, (
            "Error: can only create exec sessions on running containers: container state improper"
        )
    code = error.run_exit if verb == "run" else _INTERNAL
    return code, f"Error: {message}"


def refuse_options(mount: str) -> None:
    """Raise for a mount that asks for what Podman 4.3 has not."""
    if "volume-label=" in mount:
        raise CliError("Error: the --volume-label option is not presently implemented", _INTERNAL)


def row(item: Doc) -> Doc:
    """A row of a listing as Podman has it: labels are a map, a state says since when."""
    shown = {**item, "Labels": item["_labels"]}
    if "State" in item:
        shown["State"] = item["Status"]
    return shown
