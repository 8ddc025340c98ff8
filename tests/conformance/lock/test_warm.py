"""A call forked from a warmed interpreter cannot be told from an exec'd one, but by its speed."""

from __future__ import annotations

import json
import os
import signal
import sys
import textwrap
from typing import TYPE_CHECKING, Self

import pytest

from conformance.drivers.process import Interrupt, run
from conformance.drivers.tty import Expect, SendControl, converse
from conformance.lock.client import Preload, Zygote
from conformance.lock.probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COMMON = {"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "TERM": "xterm"}
SCRIPT = """\
#!{python}
import sys
from tool.main import main
if __name__ == '__main__':
    sys.exit(main())
"""
# What a call can know of itself. What only its pid or the moment decides is left out.
REPORT = """
import ctypes, gc, json, locale, logging, os, random, resource, signal, site, stat, sys, tempfile
import threading, time, warnings

def stream(s):
    return [type(s).__name__, s.name, s.mode, s.encoding, s.errors, s.line_buffering, s.isatty(),
            s.write_through, s.newlines, s.fileno(), type(s.buffer).__name__, s.buffer.raw.closefd]

def fds():
    return sorted(n for n in map(int, os.listdir("/proc/self/fd")) if _is_open(n))

def _is_open(n):
    try:
        os.fstat(n)
    except OSError:
        return False
    return True

def proc(name):
    with open(f"/proc/self/{name}", "rb") as file:
        return file.read().decode()

def ignored(mask):
    # Two signals are the C library's own, and its posix_spawn ignores them.
    return [n for n in range(1, 65) if int(mask, 16) >> (n - 1) & 1 and n not in (32, 33)]

def main():
    import __main__
    libc = ctypes.CDLL(None)
    number = ctypes.c_int(-1)
    libc.prctl(2, ctypes.byref(number), 0, 0, 0)
    status = dict(line.split(":", 1) for line in proc("status").splitlines())
    kept = ("Name", "Umask", "Uid", "Gid", "Groups", "Seccomp", "NoNewPrivs", "SigBlk",
            "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Threads")
    return {
        "argv": sys.argv, "orig_argv": sys.orig_argv, "executable": sys.executable,
        "prefix": sys.prefix, "path": sys.path, "flags": repr(sys.flags), "cwd": os.getcwd(),
        "env": dict(os.environ), "environ": proc("environ"), "cmdline": proc("cmdline"),
        "comm": proc("comm"), "status": {name: status.get(name) for name in kept},
        "ignored": ignored(status["SigIgn"]),
        "streams": [stream(s) for s in (sys.stdin, sys.stdout, sys.stderr)],
        "same": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__],
        "fds": fds(), "rights": oct(stat.S_IMODE(os.fstat(0).st_mode)),
        "leads": [os.getpid() == os.getsid(0), os.getpid() == os.getpgid(0)],
        "signals": {n: str(signal.getsignal(n)) for n in sorted(signal.valid_signals())},
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "dumpable": libc.prctl(3, 0, 0, 0, 0), "dies_with_parent": number.value,
        "limits": {n: resource.getrlimit(k) for n, k in vars(resource).items() if "RLIMIT_" in n},
        "nice": os.nice(0), "zone": [time.tzname, time.localtime(0).tm_hour],
        "locale": [locale.getlocale(), locale.setlocale(locale.LC_ALL)],
        "gc": [gc.isenabled(), gc.get_threshold()], "tmp": tempfile.gettempdir(),
        "main": sorted(vars(__main__)), "file": __main__.__file__, "spec": __main__.__spec__,
        "suite": [n for n in sys.modules if n.partition(".")[0] == "conformance"],
        "threads": [t.name for t in threading.enumerate()], "loggers": len(logging.root.handlers),
        "filters": len(warnings.filters), "oldest": sys.getrecursionlimit(),
        "hooks": [sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__],
        "user": [site.getuserbase(), os.path.expanduser("~")],
        "wakeup": signal.set_wakeup_fd(-1), "late": __import__("tool.late").late.WORD,
        "cpu": time.process_time() < 5,
    }
"""
MAIN = """
import os, sys

def main():
    if len(sys.argv) > 1 and sys.argv[1] == "report":
        import json
        from tool import report
        text = json.dumps(report.main(), default=str)
        if len(sys.argv) > 2:
            with open(sys.argv[2], "w") as file:
                file.write(text)
        else:
            print(text)
        return 0
    exec(sys.argv[1])
"""

# One long sleep could begin just after the interpreter has taken note of a signal.
SLEEP = "import time\nwhile True: time.sleep(0.01)"


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Install a program like a console script, with its package beside it."""

    def install(name: str = "tool", **modules: str) -> Path:
        folder = tmp_path / "bin"
        parts = {"__init__": "", "main": MAIN, "report": REPORT, "late": "WORD = 'late'"}
        (folder / "tool").mkdir(parents=True, exist_ok=True)
        for part, text in {**parts, **modules}.items():
            (folder / f"tool/{part}.py").write_text(textwrap.dedent(text))
        script = folder / f"{name}.script"
        script.write_text(SCRIPT.format(python=sys.executable))
        script.chmod(0o755)
        return script

    return install


class Pair:
    """Both ways of one program, a case of each open on the same sandbox."""

    def __init__(self, program: Path, box: Path, warm: Zygote, plain: Zygote) -> None:
        self.program = str(program)
        self.box = box
        self.env = {**COMMON, "HOME": str(box), "PATH": "/usr/bin:/bin", "TMPDIR": str(box)}
        self.forked = warm.open_case(box)
        self.execd = plain.open_case(box)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.forked.close()
        self.execd.close()

    def both(self, *arguments: str, **given: object) -> tuple[object, object]:
        """How it ended, and both streams, by fork and by exec."""
        options: dict[str, object] = {"env": self.env, "cwd": self.box, "timeout": 30.0, **given}
        argv = [self.program, *arguments]
        seen = []
        for case in (self.forked, self.execd):
            got = run(case, argv, **options)  # type: ignore[arg-type]
            streams = (got.stdout, got.stderr)
            seen.append(
                (got.exit, got.signal, *(s.decode(errors="backslashreplace") for s in streams))
            )
        return seen[0], seen[1]

    def is_forked(self, argv: list[str], **env: str) -> bool:
        child = self.forked.spawn(argv, env={**self.env, **env}, cwd=self.box)
        child.wait(30)
        return child.forked


@pytest.fixture(params=["user", "plain", "none"])
def pair(
    request: pytest.FixtureRequest,
    make: Callable[..., Path],
    zygotes: Callable[[str], Zygote],
    doors: dict[str, type[Zygote]],
    box: Path,
) -> Iterator[Pair]:
    plain = zygotes(request.param)
    program = make()
    with doors[request.param](preload=Preload(str(program), "tool", COMMON)) as warm:
        assert (warm.warm, warm.note) == (True, "")
        with Pair(program, box, warm, plain) as opened:
            yield opened


def test_a_call_knows_of_itself_what_an_execd_one_knows(pair: Pair):
    assert pair.is_forked([pair.program, "pass"])
    forked, execd = pair.both("report")
    assert (forked[0], forked[3]) == (0, "")
    assert json.loads(forked[2]) == json.loads(execd[2])


def test_on_a_terminal_too(pair: Pair):
    seen = []
    for case in (pair.forked, pair.execd):
        where = pair.box / "seen.json"
        argv = [pair.program, "report", str(where)]
        got = converse(case, argv, env=pair.env, cwd=pair.box, script=(), timeout=30)
        assert got.exit == 0, got.stdout
        seen.append(json.loads(where.read_text()))
    assert seen[0] == seen[1]
    assert all(stream[6] for stream in seen[0]["streams"])


def test_the_terminal_controls_it(pair: Pair):
    """Ctrl-C reaches it, it can open /dev/tty, and input comes by lines."""
    program = f"with open('/dev/tty', 'w') as tty: tty.write('ready')\n{SLEEP}"
    script = (Expect("ready"), SendControl("c"))
    ends = set()
    for case in (pair.forked, pair.execd):
        argv = [pair.program, program]
        got = converse(case, argv, env=pair.env, cwd=pair.box, script=script, timeout=30)
        ends.add((got.exit, got.signal, got.unmet, b"KeyboardInterrupt" in got.stdout))
    assert ends == {(None, signal.SIGINT, "", True)}


ENDS = {
    "returns": "pass",
    "exit code": "sys.exit(3)",
    "exit code beyond a byte": "sys.exit(259)",
    "negative exit code": "sys.exit(-1)",
    "exit with words": "sys.exit('words')",
    "exit with none": "raise SystemExit",
    "exit with a truth value": "sys.exit(True)",
    "exception": "def f():\n    1/0\nf()",
    "chained exceptions": "try:\n    1/0\nexcept Exception as e:\n    raise OSError(5) from e",
    "interrupted": "raise KeyboardInterrupt",
    "hook of its own": "sys.excepthook = lambda *a: print('mine', a[0].__name__); 1/0",
    "atexit": "import atexit; atexit.register(print, 'bye'); sys.exit(4)",
    "atexit after an exception": "import atexit; atexit.register(print, 'bye'); 1/0",
    "exception within atexit": (
        "import atexit\nclass Bye:\n    def __call__(self): 1/0\n"
        "    def __repr__(self): return 'bye'\natexit.register(Bye()); print('out')"
    ),
    "thread": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(.1), print('late'))).start()"
    ),
    "daemon thread": (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    ),
    "file left open": "sys.kept = open('left', 'w'); sys.kept.write('written')",
    "temporary folder": "import tempfile; sys.kept = tempfile.TemporaryDirectory()",
    "exits at once": "print('lost'); os._exit(5)",
    "killed": "import signal; os.kill(os.getpid(), signal.SIGKILL)",
    "terminated": "import signal; os.kill(os.getpid(), signal.SIGTERM)",
    "interrupts itself": "import signal; os.kill(os.getpid(), signal.SIGINT)",
    "broken pipe of its own": "r, w = os.pipe(); os.close(r); os.write(w, b'x')",
    "closed output": "sys.stdout.close(); print('x', file=sys.stderr)",
    "closed descriptor": "print('x'); os.close(1)",
    "output set to nothing": "sys.stdout = None; print('x')",
    "no standard error": "sys.stderr = None; sys.exit('words')",
    "undecodable": "print('\\udcff')",
    "unencodable": "print('\\ud800')",
    "subprocess": "import subprocess; print(subprocess.run(['echo', 'child']).returncode)",
    "fork": "print('a', end='', flush=True)\nif os.fork() == 0: sys.exit(7)\nprint(os.wait()[1])",
    "warning": "import warnings; warnings.warn('careful', stacklevel=1)",
    "imports lazily": "import colorsys, tool.late; print(tool.late.WORD, colorsys.__name__)",
    "imports what is not there": "import tool.nothing",
    "its own name": "import tool; print(tool.__file__, __name__)",
    "unhandled in a thread": "import threading; threading.Thread(target=int, args='x').start()",
}


@pytest.mark.parametrize("program", ENDS.values(), ids=ENDS)
def test_it_ends_as_an_execd_one(program, both_ways):
    forked, execd = both_ways.both(program)
    assert forked == execd
    left = [(path.name, path.read_text()) for path in both_ways.box.iterdir()]
    assert left == ([("left", "written")] if "'left'" in program else [])
    (both_ways.box / "left").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def both_ways(tmp_path_factory, zygotes) -> Iterator[Pair]:
    """One pair for many short calls, which leave nothing behind."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "tool").mkdir()
    (folder / "box").mkdir()
    for part, text in {"__init__": "", "main": MAIN, "late": "WORD = 'late'"}.items():
        (folder / f"tool/{part}.py").write_text(text)
    script = folder / "tool.script"
    script.write_text(SCRIPT.format(python=sys.executable))
    script.chmod(0o755)
    with (
        Zygote(preload=Preload(str(script), "tool", COMMON)) as warm,
        Pair(script, folder / "box", warm, zygotes("user")) as pair,
    ):
        assert pair.is_forked([pair.program, "pass"])
        yield pair


def test_input_and_long_output_come_through(both_ways):
    program = "data = sys.stdin.read(); print(len(data), data[:9], 'x' * 300_000)"
    forked, execd = both_ways.both(program, stdin="wörter\r\nb".encode() * 50_000)
    assert forked == execd
    assert forked[0] == 0


def test_a_reader_that_goes_away_gives_the_interpreters_own_words(both_ways):
    """Exit 120 and the interpreter's message; nothing where the pipe broke while it still ran."""
    for program in ("print('x')", "print('x' * 300_000)", "import os; os.write(1, b'x')"):
        forked, execd = both_ways.both(program, close_stdout_after=0)
        assert forked == execd
    assert both_ways.both("print('x')", close_stdout_after=0)[0][0] == 120


def test_signals_find_it_ready_at_once(both_ways):
    """No moment in which it belongs to the keeper's group, or has the keeper's handlers."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for _ in range(5):
            child = both_ways.forked.spawn(
                [both_ways.program, SLEEP],
                env=both_ways.env,
                cwd=both_ways.box,
            )
            assert child.signal(number)
            assert child.wait(20) == -number


def test_an_interrupt_is_an_exception_in_it(both_ways):
    program = (
        "import time\ntry:\n    print('up', flush=True)\n    while True: time.sleep(0.01)\n"
        "except KeyboardInterrupt:\n    sys.exit(9)"
    )
    interrupts = (Interrupt(signal.SIGINT, after_output=b"up"),)
    forked, execd = both_ways.both(program, interrupts=interrupts)
    assert forked == execd == (9, None, "up\n", "")


def test_calls_are_strangers_to_each_other(both_ways):
    """What one call changes, the next does not see; random numbers differ."""
    for case in ("forked", "execd"):
        lock = getattr(both_ways, case)
        seen = set()
        for number in range(3):
            program = (
                "import random, tempfile, tool; print(getattr(tool, 'mark', 'clean'), "
                "random.random(), next(tempfile._get_candidate_names())); tool.mark = 1; "
                "os.environ['MARK'] = 'x'; os.chdir('/'); os.umask(0)"
            )
            argv = [both_ways.program, program]
            got = run(lock, argv, env=both_ways.env, cwd=both_ways.box, timeout=30)
            assert got.stdout.startswith(b"clean "), (case, number)
            seen.add(got.stdout)
        assert len(seen) == 3


def test_its_folder_may_be_gone(both_ways):
    with pytest.raises(FileNotFoundError):
        both_ways.forked.spawn(
            [both_ways.program, "pass"], env=both_ways.env, cwd=both_ways.box / "gone"
        )


def test_argv_that_no_process_can_have_is_refused_in_both(both_ways):
    for lock in (both_ways.forked, both_ways.execd):
        with pytest.raises(OSError, match="Invalid argument"):
            lock.spawn([both_ways.program, "a\0b"], env=both_ways.env, cwd=both_ways.box)
        with pytest.raises(OSError, match="Invalid argument"):
            lock.spawn([both_ways.program], env={**both_ways.env, "A": "\0"}, cwd=both_ways.box)


@pytest.mark.parametrize(
    "env",
    [
        {"LANG": "C"},
        {"LC_ALL": "C"},
        {"LC_MESSAGES": "de_DE"},
        {"PYTHONUTF8": "1"},
        {"PYTHONPATH": "/nowhere"},
        {"LD_LIBRARY_PATH": "/nowhere"},
    ],
    ids=lambda env: next(iter(env)),
)
def test_a_call_whose_environment_shapes_the_interpreter_is_execd(both_ways, env):
    assert both_ways.is_forked([both_ways.program, "pass"], HOME="/elsewhere")
    assert not both_ways.is_forked([both_ways.program, "pass"], **env)


def test_only_the_program_itself_is_forked(both_ways):
    assert not both_ways.is_forked(["sh", "-c", "true"])
    assert not both_ways.is_forked([sys.executable, both_ways.program, "pass"])


@pytest.mark.parametrize("mode", ["user", "plain"])
def test_the_lock_holds_in_a_forked_child(mode, doors, tmp_path):
    """No exec has stripped it of the keeper's capabilities: it has given them up itself."""
    if mode == "plain" and os.geteuid():
        pytest.skip("only root has capabilities without a user namespace")
    report = probe(tmp_path, door=doors[mode], forked=True)
    assert report.holds, report.reason
    assert len(report.checks) >= 12


def test_a_variable_that_the_import_reads_must_be_the_same(make, box):
    reads = "import os\nWHERE = os.environ.get('TOOL_MODE'), os.environ['TERM']"
    program = make(late=reads)
    with Zygote(preload=Preload(str(program), "tool", COMMON)) as zygote:
        assert zygote.warm
        assert zygote.note.endswith("its import reads them: TOOL_MODE")
        with Pair(program, box, zygote, zygote) as pair:
            assert pair.is_forked([pair.program, "pass"])
            assert not pair.is_forked([pair.program, "pass"], TOOL_MODE="x")
            assert not pair.is_forked([pair.program, "pass"], TERM="dumb")


def test_where_the_import_reads_all_variables_every_call_is_execd(make, box):
    program = make(late="import os\nALL = dict(os.environ)")
    with (
        Zygote(preload=Preload(str(program), "tool", COMMON)) as zygote,
        Pair(program, box, zygote, zygote) as pair,
    ):
        assert not pair.is_forked([pair.program, "pass"])


REFUSED = {
    "1 / 0": "ZeroDivisionError",
    "print('loading')": "prints while it is imported",
    "import sys; KEPT = sys.stderr": "keeps a standard stream",
    "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()": (
        "starts threads"
    ),
    "open('/nowhere', 'w')": "Read-only file system",
    "raise SystemExit": "SystemExit",
}


@pytest.mark.parametrize(("text", "why"), REFUSED.items())
def test_a_program_that_shows_its_import_is_execd_and_the_note_says_why(text, why, make, box):
    program = make(late=text)
    with Zygote(preload=Preload(str(program), "tool", COMMON)) as zygote:
        assert not zygote.warm
        assert why in zygote.note
        with Pair(program, box, zygote, zygote) as pair:
            assert not pair.is_forked([pair.program, "pass"])
            assert pair.both("print('as ever')")[0] == (0, None, "as ever\n", "")


def test_a_part_that_needs_what_is_not_installed_is_left_to_the_call(make, box):
    program = make(late="import no_such_library")
    with Zygote(preload=Preload(str(program), "tool", COMMON)) as zygote, Zygote() as plain:
        assert zygote.warm
        with Pair(program, box, zygote, plain) as pair:
            forked, execd = pair.both("import tool.late")
        assert forked == execd
        assert "No module named 'no_such_library'" in forked[3]


def test_what_cannot_be_had_warm_is_execd(make, box, tmp_path):
    """No such package; a script of another interpreter, of none, of a broken one."""
    program = make()
    other = tmp_path / "other"
    for preload, why in (
        (Preload(str(program), "nonesuch", COMMON), "No module named 'nonesuch'"),
        (Preload(str(program), "tool", {"LANG": "C"}), "PEP 538"),
        (Preload(str(other), "tool", COMMON), "No such file"),
    ):
        with Zygote(preload=preload) as zygote:
            assert not zygote.warm
            assert why in zygote.note
            with zygote.open_case(box) as case:
                seen = run(case, ["true"], env={"PATH": "/bin"}, cwd=box, timeout=20)
            assert seen.exit == 0
    for line, why in (("no script", "no script"), ("#!/nowhere/python\n", "No such file")):
        other.write_text(line)
        with Zygote(preload=Preload(str(other), "tool", COMMON)) as zygote:
            assert not zygote.warm
            assert why in zygote.note


def test_a_script_that_is_no_python_is_execd(make, box):
    program = make()
    program.write_text(f"#!{sys.executable}\nthis is no python\n")
    with Zygote(preload=Preload(str(program), "tool", COMMON)) as zygote:
        assert "invalid syntax" in zygote.note
