"""A companion that is forked cannot be told from one that is exec'd, but by its speed."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from conformance.drivers.process import run
from conformance.lock.client import Preload, Zygote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COMMON = {"LC_ALL": "C.UTF-8", "TERM": "xterm"}
PROGRAM = """\
#!{python}
import sys
from tool.main import main
if __name__ == '__main__':
    sys.exit(main())
"""
# Runs a line that calls the companion at `path`, and tells how its own world looks afterwards.
MAIN = """
import contextlib, json, os, signal, subprocess, sys

def main():
    path, env = sys.argv[1], dict(os.environ)
    exec(sys.argv[2], {**globals(), **locals()})
    print(json.dumps([sorted(n for n in sys.modules if n.partition(".")[0] == "other"),
                      [n for n in map(int, os.listdir("/proc/self/fd")) if n > 9], os.getcwd()]))
"""
COMPANION = """\
#!{python} -IS
import sys
sys.path.insert(0, {folder!r})
from other.report import main
main(sys.argv)
"""
REPORT = """
import json, os, signal, stat, sys

def fds():
    names = [int(name) for name in os.listdir("/proc/self/fd")]
    return [n for n in names if n > 2 and os.path.exists(f"/proc/self/fd/{n}")]

def main(argv):
    def proc(name):
        with open(f"/proc/self/{name}", "rb") as file:
            return file.read().decode()

    status = dict(line.split(":", 1) for line in proc("status").splitlines())
    kept = ("Name", "Umask", "SigBlk", "CapInh", "CapPrm", "CapEff", "CapBnd", "Threads")
    seen = {
        "argv": argv, "sys": sys.argv, "cwd": os.getcwd(), "env": dict(os.environ),
        "environ": proc("environ"), "cmdline": proc("cmdline"), "comm": proc("comm"),
        "status": {name: status[name] for name in kept}, "fds": fds(),
        "ignored": [n for n in range(1, 65)
                    if int(status["SigIgn"], 16) >> (n - 1) & 1 and n not in (32, 33)],
        "handlers": [n for n in signal.valid_signals()
                     if callable(signal.getsignal(n)) and n != signal.SIGINT],
        "leads": [os.getpid() == os.getsid(0), os.getpid() == os.getpgid(0)],
        "child of the program": os.getppid() == int(os.environ.get("PROGRAM", os.getppid())),
        "streams": [stat.S_IFMT(os.fstat(n).st_mode) for n in range(3)],
    }
    os.write(1, json.dumps(seen).encode() + b"\\n")
    if argv[1:] == ["copy"]:
        os.write(1, sys.stdin.buffer.read())
    if argv[1:] == ["crash"]:
        1 / 0
    os.write(2, b"words\\n")
    os._exit(len(argv))
"""


class Both:
    """The program with its companion warm, and exec'd throughout."""

    def __init__(self, folder: Path, box: Path, warm: Zygote, plain: Zygote) -> None:
        self.box = box
        self.program = str(folder / "tool.script")
        self.companion = str(folder / "links" / "other")
        self.cases = [warm.open_case(box), plain.open_case(box)]

    def play(self, line: str) -> list[tuple[object, ...]]:
        """What came of a line in which the program calls its companion, in both ways."""
        env = {**COMMON, "HOME": str(self.box), "PATH": "/usr/bin:/bin"}
        argv = [self.program, self.companion, textwrap.dedent(line)]
        seen = []
        for case in self.cases:
            got = run(case, argv, env=env, cwd=self.box, timeout=30)
            text = got.stdout.decode().replace("words\n", "")  # where it shares a stream
            lines = [json.loads(each) for each in text.splitlines()]
            seen.append((got.exit, lines, got.stderr.decode()))
        return seen


@pytest.fixture
def both(
    tmp_path: Path, box: Path, zygotes: Callable[[str], Zygote], doors: dict[str, type[Zygote]]
) -> Iterator[Both]:
    folder = tmp_path / "bin"
    for package, modules in (("tool", {"main": MAIN}), ("other", {"report": REPORT})):
        (folder / package).mkdir(parents=True)
        for name, text in {"__init__": "", **modules}.items():
            (folder / package / f"{name}.py").write_text(text)
    python = os.path.realpath(sys.executable)
    texts = {
        "tool": PROGRAM.format(python=sys.executable),
        "other": COMPANION.format(python=python, folder=str(folder)),
    }
    for name, text in texts.items():
        (folder / f"{name}.script").write_text(text)
        (folder / f"{name}.script").chmod(0o755)
    (folder / "links").mkdir()
    (folder / "links" / "other").symlink_to(folder / "other.script")
    beside = (str(folder / "other.script"), str(folder), "other")
    preload = Preload(str(folder / "tool.script"), "tool", COMMON, beside)
    with doors["user"](preload=preload) as warm:
        assert (warm.warm, warm.note) == (True, "")
        opened = Both(folder, box, warm, zygotes("user"))
        yield opened
        for case in opened.cases:
            case.close()


CALLS = {
    "run": "r = subprocess.run([path, 'a b', ''], capture_output=True)\n"
    "sys.stdout.buffer.write(r.stdout); sys.stdout.flush(); assert (r.returncode, r.stderr) == "
    "(3, b'words\\n'), r",
    "inherits": "assert subprocess.run([path]).returncode == 1",
    "its own environment": "subprocess.run([path], env={'A': 'é', 'LC_ALL': 'C.UTF-8', "
    "'PROGRAM': str(os.getpid())})",
    "no locale": "subprocess.run([path], env={'A': 'b'})",
    "another folder": "os.mkdir('d'); subprocess.run([path], cwd='d'); os.rmdir('d')",
    "a session": "subprocess.run([path], start_new_session=True)",
    "a group": "subprocess.run([path], process_group=0)",
    "umask": "subprocess.run([path], umask=0o77)",
    "a file": "subprocess.run([path], stdin=open('/dev/null'), stderr=subprocess.STDOUT)",
    "crossed streams": "subprocess.run([path], stdout=2, stderr=1)",
    "a descriptor more": "n = os.dup(1); m = os.dup2(n, 17); os.close(n); os.set_inheritable(17, "
    "True); subprocess.run([path], pass_fds=[17]); os.close(17)",
    "input": "subprocess.run([path, 'copy'], input=b'[1]\\n')",
    "signals": "signal.signal(signal.SIGTERM, print); signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    "\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); subprocess.run([path])",
    "not restored": "subprocess.run([path], restore_signals=False)",
    "spawned": "p = os.posix_spawn(path, [path, 'x'], env); assert os.waitpid(p, 0)[1] == 2 << 8",
    "spawned with all": "e = os.dup(2); p = os.posix_spawn(path, ['docker', 'x'], "
    "{**env, 'A': 'b'}, file_actions=[(os.POSIX_SPAWN_DUP2, e, 1)], "
    "setsigmask=[signal.SIGINT], setsigdef=[signal.SIGPIPE], setpgroup=0)\n"
    "os.waitpid(p, 0); os.close(e)",
    "in a shell": "subprocess.run(['sh', '-c', '\"$0\" in sh', path])",
    "with a function": "subprocess.run([path], preexec_fn=lambda: os.write(1, b'[]\\n'))",
}


@pytest.mark.parametrize("line", CALLS.values(), ids=CALLS.keys())
def test_a_call_sees_what_an_execd_one_sees(both: Both, line: str) -> None:
    forked, execd = both.play(line)
    assert forked[0] == execd[0] == 0, (forked, execd)
    for one, other in zip(forked[1], execd[1], strict=True):  # type: ignore[call-overload]
        assert one == other
    assert forked == execd


def test_a_crash_is_told_as_the_interpreter_tells_it(both: Both) -> None:
    forked, execd = both.play("assert subprocess.run([path, 'crash']).returncode == 1")
    assert forked[:2] == execd[:2]
    assert "ZeroDivisionError" in str(forked[2])
    assert "ZeroDivisionError" in str(execd[2])


def test_a_folder_that_is_not_there_is_an_error_of_the_caller(both: Both) -> None:
    line = "with contextlib.suppress(FileNotFoundError): subprocess.run([path], cwd='/nowhere')"
    forked, execd = both.play(line)
    assert forked == execd


def test_it_can_be_signalled_at_once(both: Both) -> None:
    line = """
        for _ in range(20):
            child = subprocess.Popen([path, "copy"], stdin=subprocess.PIPE,
                                     stdout=subprocess.DEVNULL, start_new_session=True)
            os.killpg(child.pid, signal.SIGTERM)
            assert child.wait() == -signal.SIGTERM
            child.stdin.close()
    """
    forked, execd = both.play(line)
    assert forked == execd


def test_it_is_forked(both: Both) -> None:
    line = "print(json.dumps([subprocess._fork_exec.__module__, os.posix_spawn.__module__]))"
    forked, execd = both.play(line)
    assert forked[1][0] == ["conformance.lock.companion"] * 2  # type: ignore[index]
    assert "conformance" not in str(execd[1][0])  # type: ignore[index]
