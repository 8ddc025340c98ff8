"""From a command line to an exit code."""

from __future__ import annotations

import os

from engine.call import Call, Globals
from engine.errors import CannotConnect, CliError, DaemonError
from engine.flags import parse
from engine.journal import Journal

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    import signal
    from typing import NoReturn
else:
    import _signal as signal  # `signal` imports enum, and that `re`

__all__ = ["COMMANDS", "main"]

# Subcommand -> module of engine.commands and function in it. A group's command is `group name`.
COMMANDS = {
    "context inspect": "system.context_inspect",
    "context ls": "system.context_ls",
    "context show": "system.context_show",
    "context use": "system.context_use",
    "cp": "copy.copy",
    "create": "run.create",
    "exec": "execute.execute",
    "image inspect": "images.inspect",
    "image ls": "images.ls",
    "image pull": "images.pull",
    "image rm": "images.rm",
    "image tag": "images.tag",
    "images": "images.ls",
    "info": "system.info",
    "inspect": "inspect.inspect",
    "kill": "lifecycle.kill",
    "logs": "logs.logs",
    "ps": "ps.ps",
    "pull": "images.pull",
    "rename": "lifecycle.rename",
    "restart": "lifecycle.restart",
    "rm": "lifecycle.rm",
    "rmi": "images.rm",
    "run": "run.run",
    "start": "lifecycle.start",
    "stop": "lifecycle.stop",
    "system info": "system.info",
    "tag": "images.tag",
    "version": "system.version",
    "volume create": "volumes.create",
    "volume inspect": "volumes.inspect",
    "volume ls": "volumes.ls",
    "volume prune": "volumes.prune",
    "volume rm": "volumes.rm",
    "wait": "lifecycle.wait",
}
_ALIASES = {"container ls": "ps", "container list": "ps", "container ps": "ps",
            "container remove": "rm", "image list": "image ls", "image remove": "image rm",
            "volume list": "volume ls", "volume remove": "volume rm", "context list": "context ls",
            "container inspect": "inspect"}  # fmt: skip
_CONTAINER = ("cp", "create", "exec", "kill", "logs", "rename", "restart", "rm", "run", "start",
              "stop", "wait")  # fmt: skip
_GROUPS = ("container", "context", "image", "system", "volume")
_GLOBAL = ("config=text context,c=text debug,D host,H=list log-level,l=text tls tlscacert=text "
           "tlscert=text tlskey=text tlsverify version,v")  # fmt: skip


def main(argv: list[str]) -> NoReturn:
    """Run one call and end the process; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # As Go has it: a broken pipe ends the client where it is its own stdout or stderr, no other.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    env = os.environ
    journal = Journal(env.get("AWL_FAKE_DOCKER_JOURNAL", ""), argv, env)
    code = _main(argv)
    journal.end(code)
    os._exit(code)


def _main(argv: list[str]) -> int:
    program = argv[0].rpartition("/")[2]
    call = Call(program, "", [], os.environ, Globals(parse([], "", program), os.environ))
    try:
        call = _read(program, argv[1:])
        code = _load(call.command)(call) or call.exit_code
        if call.plan is not None:
            code = call.plan.after(code)
    except DaemonError as error:
        code, words = call.retold(error)
        call.err(words)
    except CliError as error:
        if error.exit_code and call.is_podman:
            error.exit_code, words = call.retold(error)
            call.err(words)
        elif error.exit_code:
            call.err(_told(call, error))
        elif error.message:
            call.out(error.message)
        code = error.exit_code
    call.flush()
    return code


def _told(call: Call, error: CliError) -> str:
    if isinstance(error, CannotConnect) and call.command.endswith("inspect"):
        call.out("[]")
    # `run` wraps whatever stops it, even that nobody answers.
    if (
        call.command == "run"
        and error.exit_code == 1
        and error.message.startswith(("Cannot connect", "error during", "Got permission"))
    ):
        error.exit_code = 125
        return f"docker: {error.message}.\nSee 'docker run --help'."
    return error.message


def _read(program: str, words: list[str]) -> Call:
    flags = parse(words, _GLOBAL, program, "[OPTIONS] COMMAND", interspersed=False)
    env = os.environ
    top = Globals(flags, env)
    rest = flags.args
    if flags.on("version"):
        from engine import VERSION

        if program == "podman":
            from engine.podman import VERSION as PODMANS

            raise CliError(f"podman version {PODMANS}", 0)
        raise CliError(f"Docker version {VERSION}, build fake", 0)
    if not rest:
        raise CliError(_overview(program), 0)
    command, rest = rest[0], rest[1:]
    if command in _GROUPS:
        command, rest = _in_group(program, command, rest)
    if command not in COMMANDS:
        raise CliError(
            f"{program}: '{command}' is not a {program} command.\nSee '{program} --help'"
        )
    return Call(program, command, rest, env, top)


def _in_group(program: str, group: str, rest: list[str]) -> tuple[str, list[str]]:
    if not rest or rest[0] in ("--help", "-h"):
        raise CliError(_overview(program, group), 0)
    command = f"{group} {rest[0]}"
    if command == "container inspect":
        return "inspect", ["--type", "container", *rest[1:]]
    if group == "container" and rest[0] in _CONTAINER:
        return rest[0], rest[1:]
    command = _ALIASES.get(command, command)
    if command not in COMMANDS:
        raise CliError(_overview(program, group))
    return command, rest[1:]


def _overview(program: str, group: str = "") -> str:
    if group == "container":
        names = sorted({*_CONTAINER, "inspect", "ls"})
    elif group:
        names = sorted(name.split()[1] for name in COMMANDS if name.startswith(f"{group} "))
    else:
        names = sorted({name.split()[0] for name in COMMANDS} | {"container"})
    head = f"\nUsage:  {program} {group + ' ' if group else '[OPTIONS] '}COMMAND\n\nCommands:\n"
    return head + "\n".join(f"  {name}" for name in names)


def _load(command: str):  # type: ignore[no-untyped-def]
    module, _, function = COMMANDS[command].partition(".")
    loaded = __import__(f"engine.commands.{module}", fromlist=[function])
    return getattr(loaded, function)
