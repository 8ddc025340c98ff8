"""The parts of the lock by themselves, each in a process where a line tracer can follow.

The other tests use them as they are used: in a bare interpreter inside the namespaces.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conformance.lock import attempts, kernel, processes, wire
from conformance.lock.case import CaseLock
from conformance.lock.client import NoLock

ROOT = Path(__file__).parents[3]
ENV = {"PATH": "/usr/bin:/bin"}
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces without a user namespace")


def python(program: str, *arguments: str, **given: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **given,
    )


def test_a_keeper_serves_one_case(tmp_path):
    mine, theirs = socket.socketpair()
    program = (
        "import socket, sys\nfrom conformance.lock.keeper import keep\n"
        "channel = socket.socket(fileno=int(sys.argv[1]))\n"
        "channel.set_inheritable(False)\n"
        "keep(channel, {'writable': [], 'hidden': []}, locked=False)\n"
    )
    with python(program, str(theirs.fileno()), pass_fds=(theirs.fileno(),)) as keeper:
        theirs.close()
        mine.settimeout(20)
        assert wire.receive(mine)[0] == {"ready": keeper.pid}
        with CaseLock(mine, tmp_path, locked=False) as case:
            child = case.spawn(["sh", "-c", "sleep 61 & wait"], env=ENV, cwd=tmp_path)
            limit = time.monotonic() + 10
            while [p.argv for p in case.ps()][1:] != [("sleep", "61")]:
                assert time.monotonic() < limit
            assert child.signal(signal.SIGTERM, "tree")
            assert child.wait(10) == -signal.SIGTERM
            assert not child.signal(signal.SIGTERM, "one")
            assert case.leaks() == ()
            master, slave = case.openpty(20, 30)
            tty = case.spawn(
                ["stty", "size"], env=ENV, cwd=tmp_path, stdin=slave, stdout=slave, tty=True
            )
            assert tty.wait(10) == 0
            os.close(slave)
            assert os.read(master, 99) == b"20 30\r\n"
            os.close(master)
            (tmp_path / "plain").touch()
            with pytest.raises(PermissionError):
                case.spawn(["./plain"], env=ENV, cwd=tmp_path)
            with pytest.raises(FileNotFoundError):
                case.spawn(["plain"], env={}, cwd=tmp_path)
            with pytest.raises(OSError, match="Invalid argument"):
                case.spawn(["true", "\0"], env=ENV, cwd=tmp_path)
            case.spawn(["sleep", "61"], env=ENV, cwd=tmp_path)
            case.kill_all()
            assert case.ps() == ()
        assert keeper.wait(20) == 0, keeper.stderr


def test_a_keeper_whose_suite_goes_away_kills_and_ends():
    mine, theirs = socket.socketpair()
    program = (
        "import socket, sys\nfrom conformance.lock.keeper import keep\n"
        "keep(socket.socket(fileno=int(sys.argv[1])), {}, locked=False)\n"
    )
    with python(program, str(theirs.fileno()), pass_fds=(theirs.fileno(),)) as keeper:
        theirs.close()
        wire.receive(mine)
        mine.close()
        assert keeper.wait(20) == 0


def test_a_zygote_with_a_full_interpreter_serves_too(tmp_path):
    with NoLock(python=(sys.executable,)) as zygote, zygote.open_case(tmp_path) as case:
        assert case.spawn(["true"], env=ENV, cwd=tmp_path).wait(10) == 0


@ROOT_ONLY
def test_a_room_without_user_namespace_is_read_only_but_for_its_sandbox(tmp_path):
    """In one process, which therefore sees the machine's processes: only the room is looked at."""
    box, secret, decoy = tmp_path / "box", tmp_path / "secret", tmp_path / "decoy"
    box.mkdir()
    secret.mkdir()
    (secret / "key").touch()
    decoy.touch()
    records = Path(os.environ.get("COVERAGE_FILE", ".coverage")).absolute().parent
    program = (
        "import json, os, sys\nfrom conformance.lock import kernel, room\n"
        "box, secret, decoy, records = sys.argv[1:]\n"
        "room.build(user_namespace=False)\n"
        "kernel.unshare(kernel.New.IPC)\n"
        "room.furnish([box, records], [secret, decoy, '/no/such/path'])\n"
        "kernel.limit_capabilities()\nkernel.hide_memory()\n"
        "kernel.become_subreaper()\nkernel.die_with_parent()\n"
        "def writes(path):\n"
        "    try:\n        open(path, 'w').close()\n"
        "    except OSError:\n        return False\n    return True\n"
        "print(json.dumps([writes(box + '/x'), writes(decoy + 'y'), os.listdir(secret),\n"
        "    open(decoy).read(), sorted(os.listdir('/dev'))]))\n"
    )
    with python(program, str(box), str(secret), str(decoy), str(records)) as room:
        out, err = room.communicate(timeout=30)
    assert room.returncode == 0, err
    inside, outside, hidden, covered, devices = json.loads(out)
    assert (inside, outside, hidden, covered) == (True, False, [], "")
    assert {"null", "tty", "pts", "shm", "ptmx"} <= set(devices)
    assert not any(name.startswith(("vd", "sd", "loop", "mem")) for name in devices)
    assert (secret / "key").exists()
    assert not (tmp_path / "decoyy").exists()


def test_a_user_namespace_keeps_the_ids(tmp_path):
    program = (
        "import os\nfrom conformance.lock import room\n"
        "before = os.getuid(), os.getgid()\nroom._enter_user_namespace()\n"
        "assert (os.getuid(), os.getgid()) == before\n"
        "assert open('/proc/sys/user/max_cgroup_namespaces').read() == '0\\n'\n"
    )
    with python(program) as process:
        assert process.wait(20) == 0


def test_the_attempts_tell_what_can_be_done(tmp_path, capsys):
    (tmp_path / "decoy").touch()
    with subprocess.Popen(["sleep", "61"]) as bystander:
        order = {
            "sandbox": str(tmp_path),
            "outside": [str(tmp_path / "missing")],
            "decoy": str(tmp_path / "decoy"),
            "marker": "sleep",
            "pid": bystander.pid,
        }
        line = Path(f"/proc/{bystander.pid}/cmdline")
        limit = time.monotonic() + 10
        while not line.read_bytes():  # the kernel shows it a moment after exec
            assert time.monotonic() < limit
        attempts.main(json.dumps(order))
    assert bystander.returncode == -signal.SIGTERM
    answers = json.loads(capsys.readouterr().out)
    assert answers[f"write in {tmp_path / 'missing'}"] == attempts.REFUSED
    assert answers["write in the sandbox"] == answers["change a file outside"] == "it could be done"
    assert answers["see an outside process"].endswith("is in sight")
    assert [path.name for path in tmp_path.iterdir()] == ["decoy"]


def test_refusals_of_the_kernel_say_what_was_tried(tmp_path):
    with pytest.raises(OSError, match=f"mount tmpfs on {tmp_path}/no"):
        kernel.mount("x", f"{tmp_path}/no", "tmpfs", kernel.Mount.NO_EXEC)
    with pytest.raises(OSError, match=f"mount_setattr {tmp_path}/no .*NO_DEVICES"):
        kernel.set_attributes(f"{tmp_path}/no", on=kernel.Attribute.NO_DEVICES)
    with pytest.raises(OSError, match="unshare"):
        kernel.unshare(kernel.New(0x10))
    with pytest.raises(OSError, match="clone3"):
        kernel.clone(kernel.New(0x1000))  # CLONE_PIDFD without a place for it: refused, no child


def test_the_table_shows_arguments_or_the_name(tmp_path):
    with subprocess.Popen(["sleep", "61"]) as child:
        limit = time.monotonic() + 10
        while not (found := processes.table().get(child.pid)) or len(found.argv) < 2:
            assert time.monotonic() < limit
        assert (found.ppid, found.argv) == (os.getpid(), ["sleep", "61"])
        assert child.pid in processes.descendants(os.getppid(), processes.table())
        assert processes.send(child.pid, signal.SIGKILL)
    assert not processes.send(child.pid, signal.SIGKILL)


def test_what_cannot_be_killed_is_given_up_on(monkeypatch):
    monkeypatch.setattr(processes, "_PATIENCE", 0.01)
    assert not processes.kill_until_gone(lambda: True, lambda: None)
    rounds = iter([True, True, False])
    assert processes.kill_until_gone(lambda: next(rounds), lambda: None)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "has gone"),
        (b"\0\0", "in the middle"),
        (b"\0\0\0\x09{}", "in the middle"),
        (b"\x7f\0\0\0", "takes at most"),
    ],
)
def test_a_broken_message_is_refused_and_its_descriptors_are_closed(data, problem):
    mine, theirs = socket.socketpair()
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with mine:
        with theirs:
            if data:
                socket.send_fds(theirs, [data], [0, 1])
        with pytest.raises((EOFError, ValueError), match=problem):
            wire.receive(mine)
        assert len(os.listdir("/proc/self/fd")) == len(before) - 1  # noqa: PTH208


def test_messages_carry_descriptors_that_programs_do_not_inherit():
    mine, theirs = socket.socketpair()
    with mine, theirs:
        wire.send(theirs, {"words": "é\udcff"}, [0])
        message, (fd,) = wire.receive(mine)
        assert message == {"words": "é\udcff"}
        assert not os.get_inheritable(fd)
        os.close(fd)
