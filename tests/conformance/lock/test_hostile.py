"""What a program of the worst kind tries, against decoys: nothing outside its sandbox changes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from conformance.lock import kernel
from conformance.lock.probe import probe

# The first act of each test here: no hostile line before harmless decoys have shown that it holds.
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="a power that only root has")


@pytest.fixture(autouse=True)
def verified(locked, tmp_path):
    report = probe(tmp_path, locked)
    assert report.holds, report.reason


@pytest.fixture
def decoys(tmp_path):
    tree = tmp_path / "decoys"
    for name in ("a/b/one", "a/two", "three"):
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tree


@pytest.fixture
def bystander():
    with subprocess.Popen(
        [sys.executable, "-IS", "-c", "input()"], stdin=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


def content(tree: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path): (path.lstat().st_mode, path.read_text() if path.is_file() else "")
        for path in sorted(tree.rglob("*"))
    }


@pytest.mark.parametrize(
    "line",
    [
        "rm -rf {tree}",
        "chmod -R 0 {tree}; chown -R 12:12 {tree}",
        "for f in $(find {tree} -type f); do : > $f; done",
        "mv {tree} {tree}.away; mv {tree}/three .",
        "touch {tree}/new {tree}/../new; mkdir {tree}/d; ln -s x {tree}/l",
        "ln {tree}/three hard && echo changed >> hard",
        "ln -s {tree} soft; rm -rf soft/*; echo changed > soft/three",
        "setfattr -n user.x -v 1 {tree}/three; touch -d 2001-01-01 {tree}/three",
        "mount -o remount,rw,bind {tree}; mount -t tmpfs x {tree}; rm -rf {tree}",
        "unshare -Urm sh -c 'mount -o remount,rw,bind / ; umount -l / ; rm -rf {tree}'",
        "unshare -Urm sh -c 'mount --bind / m; mount -o remount,rw,bind m; rm -rf m{tree}'",
        "unshare -Urm sh -c 'mount --rbind / m; mount --make-rprivate m; rm -rf m{tree}'",
        "mkdir -p r; chroot r /bin/true; cd /proc/1/root && rm -rf .{tree}",
        "nsenter -t 1 -m rm -rf {tree}",
    ],
)
def test_a_decoy_tree_outside_stays_as_it_was(hold, sh, decoys, line):
    before = content(decoys)
    sh(hold, f"mkdir -p m; {line.format(tree=decoys)}")
    assert content(decoys) == before
    assert sorted(path.name for path in decoys.parent.iterdir()) == ["decoys", "sandbox"]


def test_the_same_lines_do_their_work_inside_the_sandbox(hold, sh, box):
    """The control: what is refused outside is not refused because the tool is missing."""
    seen = sh(hold, "mkdir -p t/a; echo x > t/a/f; chmod -R 700 t; mv t u; ln -s u v; rm -rf u; ls")
    assert (seen.exit, seen.stdout, seen.stderr) == (0, b"v\n", b"")
    assert [path.name for path in box.iterdir()] == ["v"]


@pytest.mark.parametrize("line", ["kill -9 -1", "kill -9 {pid}", "pkill -9 -f {mark}", "kill -9 1"])
def test_nobody_outside_is_killed(hold, sh, bystander, line):
    sh(hold, line.format(pid=bystander.pid, mark="input"))
    assert bystander.poll() is None
    # nor is the case's own keeper
    assert sh(hold, "echo still here").stdout == b"still here\n"


def test_only_the_own_processes_are_in_sight(hold, sh, bystander):
    seen = sh(hold, "ps -e -o pid= -o comm=")
    names = [line.split()[1] for line in seen.stdout.splitlines()]
    assert sorted(names[1:]) == [b"ps", b"sh"]
    assert len(names) == 3  # and the keeper, which is process 1


def test_the_keeper_cannot_be_looked_into(hold, sh):
    line = "for x in fd/3 root/etc cwd/etc; do ls /proc/1/$x 2>&1; done; cat /proc/1/environ 2>&1"
    seen = sh(hold, line)
    assert seen.stdout.count(b"\n") == 4
    assert seen.stdout.count(b"ermission denied") == 4


@ROOT_ONLY
def test_no_disk_is_in_reach(hold, sh):
    """Neither a node in /dev nor one that it makes, nor a file by its handle."""
    seen = sh(
        hold, "mknod d b 7 250; mknod c c 1 1; find /dev -xdev -type b; ls /dev/mem /dev/kmsg"
    )
    assert seen.stdout == b""
    assert seen.stderr.count(b"\n") == 4
    assert 2 not in kernel.KEPT_CAPABILITIES  # DAC_READ_SEARCH
    held = int(sh(hold, "sed -n 's/CapEff:.//p' /proc/self/status").stdout, 16)
    assert held == sum(1 << number for number in kernel.KEPT_CAPABILITIES)


@pytest.mark.parametrize(
    "path", ["/proc/sys/kernel/panic", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity"]
)
def test_kernel_settings_cannot_be_opened_for_writing(hold, sh, path):
    assert Path(path).exists() or path == "/proc/sysrq-trigger"
    # `:` writes nothing even where it could
    assert sh(hold, f": >> {path}").exit not in {0, None}


@ROOT_ONLY
def test_device_nodes_shared_with_the_machine_cannot_be_changed(hold, sh):
    before = Path("/dev/null").stat()
    sh(hold, "chmod 600 /dev/null; chown 12 /dev/null; rm -f /dev/null; mv /dev/null /dev/x")
    after = Path("/dev/null").stat()
    assert (after.st_mode, after.st_uid, after.st_ino) == (
        before.st_mode,
        before.st_uid,
        before.st_ino,
    )


def test_control_groups_cannot_be_mounted_anew(locked, hold, sh):
    if locked._modes == ("plain",):
        pytest.skip("takes a user namespace around the case")
    attempts = [f"unshare {how} mount -t cgroup2 none m" for how in ("-UrCm", "-Urm")]
    seen = sh(hold, "; ".join(["mkdir m", *attempts]))
    assert seen.exit != 0
    assert seen.stderr.count(b"\n") >= 2


def test_what_is_hidden_stays_hidden_from_a_nested_namespace(locked, box, tmp_path, sh):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("words")
    with locked.open_case(box, hidden=[secret]) as case:
        line = f"umount -l {secret}; cat {secret}/key; mount --bind / m; cat m{secret}/key"
        seen = sh(case, f"mkdir m; {line}; unshare -Urm sh -c '{line}'")
    assert seen.stdout == b""


def test_set_uid_programs_give_nothing(hold, sh):
    assert sh(hold, "grep NoNewPrivs /proc/self/status").stdout.split()[1] == b"1"


def test_a_nested_user_namespace_can_mount(hold, sh):
    """The fake engine makes its containers so; whatever it does stays inside."""
    line = (
        "mount -t tmpfs none m && echo x > m/x && mount --bind m /mnt && cat /mnt/x"
        " && mount -t proc -o ro none /proc && set -- /proc/[0-9]* && echo $# && hostname inner"
    )
    seen = sh(hold, f"mkdir m; unshare -Urmpuf sh -c '{line}'")
    assert seen.stderr == b""
    assert seen.stdout.split() == [b"x", b"1"]


def test_shared_memory_and_locks_of_the_case_are_its_own(hold, sh, box):
    name = f"probe-{os.getpid()}"
    memory = f"echo x > /dev/shm/{name} && cat /dev/shm/{name}"
    seen = sh(hold, f"{memory}; ipcmk -M 64 >/dev/null; ipcs -m | grep -c 0x")
    assert seen.stdout.split() == [b"x", b"1"]
    assert not Path(f"/dev/shm/{name}").exists()


def test_a_sandbox_may_lie_in_shared_memory_and_only_its_run_shows(locked, sh):
    """The folder of its run can be read there, nothing else of the machine's can be seen."""
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as name,
        tempfile.NamedTemporaryFile(dir="/dev/shm") as other,
    ):
        run = Path(name)
        sandbox = run / "sandbox"
        sandbox.mkdir()
        (run / "beside").write_text("beside")
        with locked.open_case(sandbox) as case:
            line = f"cd {sandbox}; echo x >here; echo x >../beside; rm ../beside; mkdir ../more"
            assert b"Read-only file system" in sh(case, line).stderr
            seen = sh(case, f"ls /dev/shm; ls {name}; ls /dev/aside; cat {other.name}")
        assert seen.stdout.split() == [run.name.encode(), b"beside", b"sandbox"]
        assert b"No such file" in seen.stderr
        assert (sandbox / "here").read_text() == "x\n"
        assert (run / "beside").read_text() == "beside"


def test_sockets_to_the_outside_keep_working(hold, sh):
    """An engine outside is reached by its unix socket, a local server by loopback TCP."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as by_path:
        by_path.bind(f"{folder}/s")
        by_path.listen()
        with socket.create_server(("127.0.0.1", 0)) as by_port:
            servers = [by_path, by_port]

            def greet(server: socket.socket) -> None:
                server.settimeout(20)
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"hello\n")

            threads = [threading.Thread(target=greet, args=(server,)) for server in servers]
            for thread in threads:
                thread.start()
            program = (
                "import socket, sys\n"
                "a = socket.socket(socket.AF_UNIX); a.connect(sys.argv[1]); print(a.recv(9))\n"
                "b = socket.create_connection(('127.0.0.1', int(sys.argv[2]))); print(b.recv(9))\n"
            )
            line = f'{sys.executable} -IS -c "{program}" {folder}/s {by_port.getsockname()[1]}'
            seen = sh(hold, line)
            for thread in threads:
                thread.join(20)
    assert (seen.stdout, seen.stderr) == (b"b'hello\\n'\nb'hello\\n'\n", b"")
