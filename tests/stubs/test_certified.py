"""The same calls on the fake and on a real engine (20.10, with its own client) say the same.

Each row is a call and what it must say; `ID` stands for a container's id, `BOX` for its name. The
real half runs where DOCKER_HOST answers and a client of that version is there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from .conftest import IMAGE, Fake, Said

CLIENTS = ("/usr/bin/docker", shutil.which("docker") or "")
FAILED = "OCI runtime exec failed: exec failed: "
UNABLE = f"{FAILED}unable to start container process: "
SHIM = (
    "docker: Error response from daemon: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: "
)
HELP = "See 'docker run --help'.\n"
NO_FILE = "no such file or directory"
TEMPLATE = "template parsing error: template: :1"
DAEMON = "Error response from daemon: "
RUNNING = (
    f"{DAEMON}You cannot remove a running container ID. Stop the container before attempting "
    "removal or force remove\n"
)
SAME_NAME = (
    f"{DAEMON}Renaming a container with the same name as its current name\n"
    "Error: failed to rename container named BOX\n"
)
LABELS = '{{index .Config.Labels "no"}}|{{.Config.Labels.no}}|{{.State.Running}}'
NULLS = "{{json .HostConfig.Init}} {{json .HostConfig.CapAdd}} {{.Config.Cmd}}"
MOUNTS = "{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}} {{.Mode}};{{end}}"
BINDS = "{{json .HostConfig.Binds}} {{json .HostConfig.Mounts}}"

# (call, exit code, stdout, stderr); an ellipsis stands for anything.
CALLS = [
    (["run", "-d", "--name", "BOX", IMAGE], 125, ..., ...),
    (["create", "--name", "bad/name", IMAGE], 1, "", ...),
    (["run", "--rm", IMAGE, "nosuchcmd"], 127, "",
     f'{SHIM}exec: "nosuchcmd": executable file not found in $PATH: unknown.\n'),
    (["run", "--rm", IMAGE, "/work"], 126, "",
     f'{SHIM}exec: "/work": permission denied: unknown.\n'),
    (["run", "--rm", IMAGE, "/no/such"], 127, "",
     f'{SHIM}exec: "/no/such": stat /no/such: no such file or directory: unknown.\n'),
    (["run", "--rm", IMAGE, "sh", "-c", "echo a; echo b >&2; exit 42"], 42, "a\n", "b\n"),
    (["run", "--rm", IMAGE, "sh", "-c", "kill -9 $$"], 0, "", ""),
    (["run", "--rm", "-w", "/nonexist/dir", IMAGE, "pwd"], 0, "/nonexist/dir\n", ""),
    (["run", "--rm", "-u", "1234:1234", IMAGE, "sh", "-c", "id; echo $HOME; pwd"], 0,
     "uid=1234 gid=1234 groups=1234\n/\n/work\n", ""),
    (["run", "--rm", "--hostname", "hh", IMAGE, "sh", "-c", "hostname; echo $HOSTNAME"], 0,
     "hh\nhh\n", ""),
    (["run", "--rm", "-t", IMAGE, "sh", "-c", "tty; echo $TERM"], 0, "/dev/pts/0\r\nxterm\r\n", ""),
    (["run", "--rm", "--cap-drop", "ALL", IMAGE, "grep", "CapBnd", "/proc/self/status"], 0,
     "CapBnd:\t0000000000000000\n", ""),
    (["run", "--rm", "--entrypoint", "", IMAGE, "echo", "x"], 0, "x\n", ""),
    (["run", "--rm", "--pull", "never", "absent:1", "true"], 125, "",
     f"docker: {DAEMON}No such image: absent:1.\n{HELP}"),
    (["run", "--rm", "BAD:1"], 125, "",
     f"docker: invalid reference format: repository name must be lowercase.\n{HELP}"),
    (["run", "--rm", "-v", "BOX:/w", "-v", "/tmp:/w", IMAGE, "true"], 125, "",
     f"docker: {DAEMON}Duplicate mount point: /w.\n{HELP}"),
    (["run", "--rm", "-v", "BOX:/w", "-v", "BOX:/w", IMAGE, "true"], 0, "", ""),
    (["run", "--rm", "-v", "BOX:/b:rx", IMAGE, "true"], 125, "",
     f"docker: {DAEMON}invalid mode: rx.\n{HELP}"),
    (["run", "--rm", "-v", "/x:/", IMAGE, "true"], 125, "", ...),
    (["run", "--rm", "--restart", "always", IMAGE], 125, ..., ...),
    (["exec", "BOX", "sh", "-c", "cat; echo b >&2; exit 7"], 7, "", "b\n"),
    (["exec", "BOX", "sh", "-c", "kill -TERM $$"], 143, "", ""),
    (["exec", "BOX", "nosuchcmd"], 126,
     f'{UNABLE}exec: "nosuchcmd": executable file not found in $PATH: unknown\r\n', ""),
    (["exec", "BOX", "/no/such"], 126,
     f'{UNABLE}exec: "/no/such": stat /no/such: no such file or directory: unknown\r\n', ""),
    (["exec", "BOX", "/etc/passwd"], 126,
     f'{UNABLE}exec: "/etc/passwd": permission denied: unknown\r\n', ""),
    (["exec", "-w", "/nonexist", "BOX", "pwd"], 126,
     f'{UNABLE}chdir to cwd ("/nonexist") set in config.json failed: {NO_FILE}: unknown\r\n', ""),
    (["exec", "-w", "rel", "BOX", "pwd"], 126,
     f"{FAILED}Cwd must be an absolute path: unknown\r\n", ""),
    (["exec", "-u", "nobodyx", "BOX", "id"], 126,
     "unable to find user nobodyx: no matching entries in passwd file\r\n", ""),
    (["exec", "-u", "0:0", "BOX", "id"], 0, "uid=0(root) gid=0(root) groups=0(root)\n", ""),
    (["exec", "-u", "4321", "BOX", "sh", "-c", "id; echo $HOME"], 0,
     "uid=4321 gid=0(root) groups=0(root)\n/\n", ""),
    (["exec", "-t", "BOX", "tty"], 0, "/dev/pts/0\r\n", ""),
    (["exec", "-e", "B=1 2", "-e", "C=", "BOX", "sh", "-c", "echo $B-$C-$HOME-$PWD"], 0,
     "1 2--/home/agent-/work\n", ""),
    (["exec", "BOX", "sh", "-c", "grep -c ' /work ' /proc/self/mounts"], 0, "1\n", ""),
    (["exec", "absent-c", "true"], 1, "", "Error: No such container: absent-c\n"),
    (["exec", "-d", "BOX", "nosuchcmd"], 1, "",
     f'{DAEMON}{UNABLE}exec: "nosuchcmd": executable file not found in $PATH: unknown\n'),
    (["inspect", "absent-c"], 1, "[]\n", "Error: No such object: absent-c\n"),
    (["inspect", "-f", "{{.Name}}", "BOX", "absent-c"], 1, "/BOX\n",
     "Error: No such object: absent-c\n"),
    (["inspect", "-f", "{{.Bogus}}", "BOX"], 1, "\n",
     f'{TEMPLATE}:2: executing "" at <.Bogus>: map has no entry for key "Bogus"\n'),
    (["inspect", "-f", "{{.Bogus", "BOX"], 64, "",
     f"{TEMPLATE}: unclosed action\n"),
    (["inspect", "-f", LABELS, "BOX"], 0, "|<no value>|true\n", ""),
    (["inspect", "-f", NULLS, "BOX"], 0, "true null [sleep infinity]\n", ""),
    (["inspect", "-f", MOUNTS, "BOX"], 0, "volume /work true z;\n", ""),
    (["inspect", "-f", BINDS, "BOX"], 0, ..., ""),
    (["image", "inspect", "absent:1"], 1, "[]\n", "Error: No such image: absent:1\n"),
    (["volume", "inspect", "absent-v"], 1, "[]\n", "Error: No such volume: absent-v\n"),
    (["rm", "absent-c"], 1, "", "Error: No such container: absent-c\n"),
    (["rm", "-f", "absent-c"], 0, "", "Error: No such container: absent-c\n"),
    (["rm", "BOX"], 1, "", RUNNING),
    (["volume", "rm", "BOX"], 1, "", f"{DAEMON}remove BOX: volume is in use - [ID]\n"),
    (["volume", "rm", "absent-v"], 1, "", "Error: No such volume: absent-v\n"),
    (["stop", "absent-c"], 1, "", f"{DAEMON}No such container: absent-c\n"),
    (["start", "absent-c"], 1, "",
     f"{DAEMON}No such container: absent-c\nError: failed to start containers: absent-c\n"),
    (["start", "BOX"], 0, "BOX\n", ""),
    (["kill", "-s", "BOGUS", "BOX"], 1, "", f"{DAEMON}Invalid signal: BOGUS\n"),
    (["kill", "absent-c"], 1, "",
     f"{DAEMON}Cannot kill container: absent-c: No such container: absent-c\n"),
    (["rename", "BOX", "BOX"], 1, "", SAME_NAME),
    (["logs", "absent-c"], 1, "", "Error: No such container: absent-c\n"),
    (["ps", "--filter", "name=BOX", "--format", "{{.Names}} {{.State}} {{.Image}} {{.Command}}"], 0,
     f'BOX running {IMAGE} "sleep infinity"\n', ""),
    (["ps", "--filter", "bogus=1"], 1, "", f"{DAEMON}Invalid filter 'bogus'\n"),
    (["ps", "-a", "--filter", "label=absent.label"], 0,
     "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n", ""),
    (["cp", "BOX:/nofile", "/tmp/x"], 1, "", "Error: No such container:path: BOX:/nofile\n"),
    (["cp", "/etc/hostname", "BOX:/nodir/x"], 1, "", "Error: No such container:path: BOX:/nodir\n"),
    (["create"], 1, "", ...),
    (["ps", "x"], 1, "", ...),
    (["wait", "absent-c"], 1, "", f"{DAEMON}No such container: absent-c\n"),
]  # fmt: skip


class Real:
    """A real engine, spoken to by a client of its own version."""

    def __init__(self) -> None:
        self.client = next((path for path in CLIENTS if path and _version(path)), "")

    def __call__(self, *args: str, stdin: bytes = b"", expect: int | None = 0) -> Said:
        done = subprocess.run(
            [self.client, *args], input=stdin, capture_output=True, timeout=60, check=False
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert expect is None or said.exit == expect, said
        return said


def _version(path: str) -> bool:
    if not os.environ.get("DOCKER_HOST") or not Path(path).exists():
        return False
    form = "{{.Client.Version}} {{.Server.Version}}"
    done = subprocess.run(
        [path, "version", "-f", form], capture_output=True, text=True, timeout=20, check=False
    )
    versions = done.stdout.split()
    return len(versions) == 2 and all(version.startswith("20.10.") for version in versions)


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def engine(request, tmp_path_factory):
    """A running container BOX with a volume of the same name, on either engine."""
    name = f"certified{uuid.uuid4().hex[:8]}"
    call = Fake(tmp_path_factory.mktemp("certified")) if request.param == "fake" else Real()
    if isinstance(call, Real) and not call.client:
        pytest.skip("no engine 20.10 with its client answers at DOCKER_HOST")
    ident = call("run", "-d", "--init", "--name", name, "-v", f"{name}:/work", IMAGE).word
    yield call, name, ident
    call("rm", "-f", "-v", name)
    call("volume", "rm", "-f", name)


# A line that the client logs of a race that it sometimes loses.
_LOGGED = re.compile(
    r'^time="[^"]*" level=error msg="error waiting for container: .*"\n', re.MULTILINE
)


def _plain(text: str, name: str, ident: str) -> str:
    text = _LOGGED.sub("", text)
    return re.sub(r"\b[0-9a-f]{64}\b", "ID", text.replace(ident, "ID").replace(name, "BOX"))


@pytest.mark.parametrize("row", CALLS, ids=[" ".join(row[0])[:60] for row in CALLS])
def test_a_call_says_what_the_engine_says(engine, row):
    call, name, ident = engine
    args, code, out, err = row
    if not isinstance(call, Real) and os.geteuid() and "-u" in args:
        pytest.skip("an unprivileged caller has one user only")
    said = call(*(word.replace("BOX", name) for word in args), expect=None)
    seen = (said.exit, _plain(said.out, name, ident), _plain(said.err, name, ident))
    wanted = (code, seen[1] if out is ... else out, seen[2] if err is ... else err)
    assert seen == wanted


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return type(value).__name__


def _missing(real: object, fake: object, path: str = "") -> list[str]:
    """Keys of the real document that the fake lacks, or gives another type."""
    if isinstance(real, dict) and isinstance(fake, dict):
        return [
            line
            for key in real
            for line in (
                _missing(real[key], fake[key], f"{path}.{key}")
                if key in fake
                else [f"{path}.{key}"]
            )
        ]
    return [] if real == fake or isinstance(real, dict) else [f"{path}: {real}, not {fake}"]


@pytest.mark.engine
def test_an_inspected_container_has_the_real_ones_keys_and_types(tmp_path):
    real = Real()
    if not real.client:
        pytest.skip("no engine 20.10 with its client answers at DOCKER_HOST")
    name = f"certified{uuid.uuid4().hex[:8]}"
    fake = Fake(tmp_path)
    shapes = []
    for call in (real, fake):
        words = ("--name", name, "--memory", "1g", "-v", f"{name}:/work", "--read-only")
        call("create", *words, IMAGE)
        shapes.append(_shape(json.loads(call("inspect", name).out)[0]))
        call("rm", "-f", name)
        call("volume", "rm", name)
    known = {  # declared: images carry no health check, no labels of ours, storage is folders
        ".State.Health", ".Config.Healthcheck", ".GraphDriver.Data.LowerDir",
        ".GraphDriver.Data.UpperDir", ".GraphDriver.Data.WorkDir",
    }  # fmt: skip
    missing = [path for path in _missing(*shapes) if not path.startswith((".Config.Labels",))]
    assert sorted(set(missing) - known) == []
