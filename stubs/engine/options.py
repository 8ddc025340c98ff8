"""The options of `run` and `create`: one table, and the values docker itself checks."""

from __future__ import annotations

import os

from engine.errors import CliError, DaemonError, UsageError
from engine.jsonlite import Doc

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.call import Call
    from engine.flags import Parsed

__all__ = ["CREATE", "RUN", "RunOptions", "parse_env", "parse_labels"]

CREATE = (
    "add-host=list cap-add=list cap-drop=list cidfile=text cpu-shares,c=int cpus=text dns=list "
    "entrypoint=text env,e=list env-file=list expose=list group-add=list hostname,h=text init "
    "interactive,i ipc=text label,l=list label-file=list link=list log-driver=text log-opt=list "
    "memory,m=text memory-swap=text mount=list name=text net=text network=text no-healthcheck "
    "pid=text pids-limit=int platform=text privileged publish,p=list pull=text quiet,q read-only "
    "restart=text rm runtime=text security-opt=list shm-size=text stop-signal=text "
    "stop-timeout=int sysctl=list tmpfs=list tty,t ulimit=list user,u=text userns=text uts=text "
    "volume,v=list workdir,w=text attach,a=list"
)
RUN = CREATE + " detach,d detach-keys=text sig-proxy"
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_LEAST_MEMORY = 6 << 20


def _bad(value: str, flag: str, why: str, command: str) -> UsageError:
    return UsageError(f'invalid argument "{value}" for "{flag}" flag: {why}', command)


def _size(value: str, flag: str, command: str) -> int:
    number = value.lower().removesuffix("b").removesuffix("i")
    unit = number[-1:] if number[-1:] in _UNITS else ""
    try:
        return int(float(number.removesuffix(unit) if unit else number) * _UNITS[unit])
    except ValueError:
        raise _bad(value, flag, f"invalid size: '{value}'", command) from None


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            rows = [row.lstrip() for row in file.read().splitlines()]
    except OSError as error:
        words = (error.strerror or "").lower()
        raise CliError(f"docker: open {path}: {words}.\nSee 'docker run --help'.", 125) from None
    return [row for row in rows if row and not row.startswith("#")]


def parse_env(flags: Parsed, env: dict[str, str], command: str) -> list[str]:
    """`--env-file` then `-e`, as K=V; a bare K takes the caller's value, or is left out."""
    items = [row for path in flags.texts("env-file") for row in _lines(path)]
    for item in flags.texts("env"):
        if not item or item.startswith("="):
            raise _bad(item, "-e, --env", f"invalid environment variable: {item}", command)
        items.append(item)
    found = {}
    for item in items:
        name, equals, value = item.partition("=")
        if equals:
            found[name] = item
        elif name in env:
            found[name] = f"{name}={env[name]}"
        del value
    return list(found.values())


def parse_labels(items: list[str], command: str) -> dict[str, str]:
    """`K=V` or `K` as labels."""
    labels = {}
    for item in items:
        name, _, value = item.partition("=")
        if not name:
            raise _bad(item, "-l, --label", f"invalid label '{item}': empty name", command)
        labels[name] = value
    return labels


class RunOptions:
    """The checked values of one `run` or `create`."""

    def __init__(self, call: Call, flags: Parsed) -> None:
        shown = f"{call.program} {call.command}"
        self.flags, self._shown = flags, shown
        self.env = parse_env(flags, dict(call.env), shown)
        label_rows = [row for path in flags.texts("label-file") for row in _lines(path)]
        self.labels = parse_labels(label_rows + flags.texts("label"), shown)
        self.memory = (
            _size(flags.text("memory"), "-m, --memory", shown) if flags.given("memory") else 0
        )
        self.swap = self._swap()
        self.shm = _size(flags.text("shm-size", "64m"), "--shm-size", shown)
        self.cpus = self._cpus()
        self.mounts = [self._mount(item) for item in flags.texts("mount")]
        self.network = flags.text("network") or flags.text("net") or "default"
        self.restart = self._restart()
        self.ports = self._ports()
        # The client keeps these in a map, so one said twice is there once.
        self.volumes = list(dict.fromkeys(flags.texts("volume")))
        self.tmpfs = dict(item.partition(":")[::2] for item in flags.texts("tmpfs"))
        pull = flags.text("pull", "missing")
        if pull not in ("always", "missing", "never"):
            raise CliError(
                f'invalid pull option: \'{pull}\': must be one of "always", "missing" or "never"',
                125,
            )
        self.pull = pull
        if flags.on("rm") and self.restart["Name"] not in ("", "no"):
            raise CliError("Conflicting options: --restart and --rm", 125)

    def judge(self) -> None:
        """What the engine refuses; DaemonError in its words."""
        if 0 < self.memory < _LEAST_MEMORY:
            raise DaemonError("Minimum memory limit allowed is 6MB")
        count = os.cpu_count() or 1
        if self.cpus and not 10_000_000 <= self.cpus <= count * 1_000_000_000:
            raise DaemonError(
                f"Range of CPUs is from 0.01 to {count}.00, as there are only {count} "
                "CPUs available"
            )
        workdir = self.flags.text("workdir")
        if workdir and not workdir.startswith("/"):
            raise DaemonError(f"the working directory '{workdir}' is invalid, it needs to be an "
                              "absolute path")  # fmt: skip
        for mount in self.mounts:
            kind = mount["Type"]
            if kind not in ("bind", "volume", "tmpfs"):
                raise DaemonError(f'invalid mount config for type "{kind}": mount type unknown')
            if not mount["Target"].startswith("/"):
                raise DaemonError(f"invalid mount config for type \"{kind}\": invalid mount path: "
                                  f"'{mount['Target']}' mount path must be absolute")  # fmt: skip
            if kind == "bind" and not os.path.exists(mount["Source"]):
                raise DaemonError('invalid mount config for type "bind": bind source path does not '
                                  f"exist: {mount['Source']}")  # fmt: skip

    def _swap(self) -> int:
        text = self.flags.text("memory-swap")
        if text == "-1":
            return -1
        return _size(text, "--memory-swap", self._shown) if text else self.memory * 2

    def _cpus(self) -> int:
        text = self.flags.text("cpus")
        try:
            return int(float(text) * 1_000_000_000) if text else 0
        except ValueError:
            raise _bad(text, "--cpus", f"failed to parse {text} as a rational number",
                       self._shown) from None  # fmt: skip

    def _restart(self) -> Doc:
        name, _, count = self.flags.text("restart", "no").partition(":")
        if name not in ("no", "always", "on-failure", "unless-stopped") or (
            count and (not count.isdigit() or name != "on-failure")
        ):
            raise DaemonError(f"invalid restart policy '{name}'")
        return {"Name": name, "MaximumRetryCount": int(count or 0)}

    def _ports(self) -> dict[str, list[dict[str, str]]]:
        found: dict[str, list[dict[str, str]]] = {}
        for item in self.flags.texts("publish"):
            rest, _, protocol = item.partition("/")
            *left, inner = rest.split(":")
            host = left.pop() if left else ""
            for word, what in ((inner, "containerPort"), (host, "hostPort")):
                if word and not (word.isdigit() and 0 < int(word) <= 65535):
                    raise CliError(
                        f"docker: Invalid {what}: {word}.\nSee 'docker run --help'.", 125
                    )
            address = ":".join(left).strip("[]")
            bound = found.setdefault(f"{inner}/{protocol or 'tcp'}", [])
            bound.append({"HostIp": address, "HostPort": host})
        return found

    def _mount(self, item: str) -> Doc:
        if self._shown.startswith("podman "):
            from engine.podman import refuse_options

            refuse_options(item)
        mount: Doc = {"Type": "volume", "Source": "", "Target": ""}
        labels: dict[str, str] = {}
        driver: dict[str, str] = {}
        for field in item.split(","):
            name, equals, value = field.partition("=")
            name = name.lower()
            if name in ("readonly", "ro"):
                mount["ReadOnly"] = value.lower() in ("", "1", "true")
            elif name == "volume-nocopy":
                mount["NoCopy"] = value.lower() in ("", "1", "true")
            elif not equals:
                raise _bad(item, "--mount", f"invalid field '{field}' must be a key=value pair",
                           self._shown)  # fmt: skip
            elif name in ("type", "source", "src", "target", "dst", "destination"):
                mount[{"type": "Type", "source": "Source", "src": "Source"}.get(name, "Target")] = (
                    value
                )
            elif name == "volume-label":
                label, _, text = value.partition("=")
                labels[label] = text
            elif name == "volume-driver":
                driver["Name"] = value
            elif name in (
                "bind-propagation",
                "consistency",
                "tmpfs-size",
                "tmpfs-mode",
                "volume-opt",
            ):
                mount[name] = value
            else:
                raise _bad(item, "--mount", f"unexpected key '{name}' in '{field}'", self._shown)
        mount["Type"] = mount["Type"].lower()
        if not mount["Target"]:
            raise _bad(item, "--mount", "target is required", self._shown)
        if mount["Type"] == "volume" and (labels or driver or mount.get("NoCopy")):
            mount["VolumeOptions"] = {"Labels": labels, "DriverConfig": driver}
            if mount.get("NoCopy"):
                mount["VolumeOptions"]["NoCopy"] = True
        mount.pop("NoCopy", None)
        return mount
