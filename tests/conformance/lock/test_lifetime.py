"""Nothing outlives the suite: however a worker, a zygote or a keeper ends, its processes end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from conformance.lock.client import LockError, NoLock, Zygote

ROOT = Path(__file__).parents[3]
ENV = {"PATH": "/usr/bin:/bin"}
WORKER = """
import sys, time
from pathlib import Path
from conformance.lock.client import NoLock, Zygote
box, kind, mark = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
zygote = {"locked": Zygote, "unlocked": NoLock}[kind]().start()
case = zygote.open_case(box)
env = {"PATH": "/usr/bin:/bin"}
case.spawn(["sleep", mark], env=env, cwd=box)
case.spawn(["sh", "-c", f"setsid sh -c 'sleep {mark} & sleep {mark}' &"], env=env, cwd=box).wait(9)
while len(case.ps()) < 4:
    time.sleep(0.01)
print("up", flush=True)
time.sleep(60)
"""


def running(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def alive(pid: int) -> bool:
    """Whether it still runs; ended and not yet reaped by the machine's init is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def count(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def until(condition, seconds: float = 10) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come true in time"
        time.sleep(0.01)


@pytest.mark.parametrize("kind", ["locked", "unlocked"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_worker_is_killed_no_process_is_left(box, kind, end):
    mark = f"7{os.getpid()}.25"
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(box), kind, mark],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"up\n"
        helpers = children(worker.pid)
        assert helpers
        until(lambda: running(mark))
        worker.send_signal(end)
    until(lambda: not running(mark))
    until(lambda: not any(alive(pid) for pid in helpers))


def children(pid: int) -> list[int]:
    """The zygote and its keepers, by the machine's pids."""
    found: list[int] = []
    queue = [pid]
    while queue:
        path = Path(f"/proc/{queue[0]}/task/{queue.pop(0)}/children")
        below = [int(word) for word in path.read_text().split()]
        found += below
        queue += below
    return found


def test_when_the_zygote_is_killed_its_locked_cases_die_and_say_so(box):
    mark = f"7{os.getpid()}.5"
    zygote = Zygote().start()
    case = zygote.open_case(box)
    child = case.spawn(["sleep", mark], env=ENV, cwd=box)
    assert zygote._process is not None
    zygote._process.kill()
    until(lambda: not running(mark))
    with pytest.raises(LockError, match="open the case anew"):
        child.wait(5)
    with pytest.raises(LockError, match="start a new one"):
        zygote.open_case(box)
    zygote.close()


def test_when_the_zygote_closes_its_open_cases_close(box):
    mark = f"7{os.getpid()}.75"
    for kind in (Zygote, NoLock):
        with kind() as zygote:
            case = zygote.open_case(box)
            case.spawn(["sleep", mark], env=ENV, cwd=box)
            until(lambda: running(mark))
        assert not running(mark)
        with pytest.raises(LockError, match="is closed"):
            case.ps()


def test_a_keeper_that_is_killed_takes_the_case_with_it(box):
    mark = f"7{os.getpid()}.125"
    with Zygote() as zygote:
        assert zygote._process is not None
        case = zygote.open_case(box)
        child = case.spawn(["sleep", mark], env=ENV, cwd=box)
        (keeper,) = children(zygote._process.pid)[:1]
        os.kill(keeper, signal.SIGKILL)
        until(lambda: not running(mark))
        with pytest.raises(LockError):
            child.signal(signal.SIGTERM)
        with pytest.raises(LockError):
            case.close()


def test_a_worker_with_threads_may_open_cases(box):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with Zygote() as zygote, zygote.open_case(box) as case:
            assert case.spawn(["true"], env=ENV, cwd=box).wait(10) == 0
    finally:
        stop.set()
        thread.join()


def test_a_zygote_that_cannot_start_says_so():
    with pytest.raises(LockError, match="the helper process ended"):
        Zygote(python=("false",)).start()


def test_many_cases_leave_no_descriptor_and_no_process(box):
    with Zygote() as zygote:
        assert zygote._process is not None
        zygote.open_case(box).close()
        before = count("/proc/self/fd")
        inside = count(f"/proc/{zygote._process.pid}/fd")
        for _ in range(30):
            with zygote.open_case(box) as case:
                case.spawn(["true"], env=ENV, cwd=box).wait(10)
        assert count("/proc/self/fd") == before
        assert count(f"/proc/{zygote._process.pid}/fd") == inside
        until(lambda: zygote._process is not None and not children(zygote._process.pid))
