"""What a container sees of the machine: its programs, read-only, and nothing else."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from .conftest import alive

IMAGE = "agent-workspace/agent-env:v0.1.0"


def test_neither_the_callers_files_nor_its_environment_show(fake, tmp_path):
    (tmp_path / "secret").write_text("canary-file")
    fake("run", "-d", "--init", "--name", "box", IMAGE, env={"SECRET": "canary-env"})
    fake("exec", "box", "ls", str(tmp_path), expect=2)
    seen = fake(
        "exec", "-u", "root", "box", "sh", "-c",
        "cat /proc/*/environ /proc/*/cmdline | tr '\\0' ' '; env", env={"SECRET": "canary-env"}
    )  # fmt: skip
    assert "canary" not in seen.out
    assert str(tmp_path) not in seen.out


def test_only_the_containers_own_processes_show_and_can_be_signalled(box):
    pids = box("exec", "box", "sh", "-c", "ls -d /proc/[0-9]* | wc -l").word
    assert int(pids) < 8
    assert (
        box("exec", "box", "ps", "-o", "args=", "1").word == "/sbin/docker-init -- sleep infinity"
    )
    box("exec", "-u", "root", "box", "sh", "-c", "kill -9 -1", expect=None)
    assert alive(os.getpid())


def test_root_inside_can_write_nothing_of_the_machine(box):
    with tempfile.TemporaryDirectory(
        dir="/usr/share" if os.access("/usr/share", os.W_OK) else None
    ) as decoy:
        Path(decoy, "file").write_text("decoy")
        for line in (
            f"rm -rf {decoy}/file",
            "mount -o remount,rw /usr",
            "mount -o remount,rw,bind /usr",
            "touch /usr/share/made",
            "echo 1 > /proc/sys/kernel/panic",
            "mknod /tmp/disk b 8 0",
            "chroot /proc/1/root mount -o remount,rw /usr",
        ):
            box("exec", "-u", "root", "box", "sh", "-c", f"{line} 2>/dev/null", expect=None)
        assert Path(decoy, "file").read_text() == "decoy"
    assert not Path("/usr/share/made").exists()
    box("exec", "-u", "root", "box", "test", "-b", "/tmp/disk", expect=1)


def test_what_a_container_writes_outlives_its_stop_and_not_its_removal(box):
    box("exec", "-u", "root", "box", "sh", "-c", "echo 1 > /opt/x; echo 2 > /usr/local/bin/y")
    box("restart", "box")
    assert box("exec", "box", "cat", "/opt/x", "/usr/local/bin/y").out == "1\n2\n"
    box("rm", "-f", "box")
    assert list((box.state / "containers").iterdir()) == []


def test_a_read_only_root_leaves_volumes_and_tmpfs_writable(fake):
    said = fake(
        "run", "--rm", "--read-only", "--tmpfs", "/tmp", "-v", "vol:/work", IMAGE, "sh", "-c",
        "touch /tmp/a /work/b; touch /c /usr/local/d /home/agent/e 2>/dev/null; ls /tmp /work; "
        "ls /c /usr/local/d /home/agent/e 2>/dev/null", expect=2,
    )  # fmt: skip
    assert said.out == "/tmp:\na\n\n/work:\nb\n"


def test_capabilities_and_new_privileges_can_be_taken_away(fake):
    script = "grep -E 'CapBnd|NoNewPrivs' /proc/self/status | tr -s '\\t' ' '"
    said = fake("run", "--rm", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", IMAGE,
                "sh", "-c", script)  # fmt: skip
    assert said.lines == ["CapBnd: 0000000000000000", "NoNewPrivs: 1"]


def test_network_none_has_the_loopback_only(fake):
    said = fake(
        "run", "--rm", "--network", "none", IMAGE, "cat", "/proc/net/dev", "/proc/net/fib_trie"
    )
    assert [line.split(":")[0].strip() for line in said.lines[2:3]] == ["lo"]
    assert "127.0.0.1" in said.out  # it is up


def test_a_new_volume_takes_over_the_images_folder_and_owner(fake):
    said = fake(
        "run", "--rm", "-v", "fresh:/work", IMAGE, "sh", "-c", "touch f; stat -c %U /work f"
    )
    assert len(set(said.lines)) == 1  # the user can write: the folder is its own


def test_images_bring_files_programs_and_lacks(fake, tmp_path):
    import seed

    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "gitconfig").write_text("[user]\n\tname = Image\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tool").write_text("#!/bin/sh\necho tool\n")
    (tmp_path / "bin" / "tool").chmod(0o755)
    seed.image(
        fake.state, "own:1", etc=tmp_path / "etc", programs=tmp_path / "bin", hidden=("env",)
    )
    assert fake("run", "--rm", "own:1", "cat", "/etc/gitconfig").out.startswith("[user]")
    assert fake("run", "--rm", "own:1", "tool").out == "tool\n"
    assert "executable file not found" in fake("run", "--rm", "own:1", "env", expect=127).err


def test_a_link_in_the_container_cannot_lead_a_mount_out(fake, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    ident = fake("create", "--name", "box", "-v", "vol:/data/in", IMAGE).word
    root = fake.state / "containers" / ident / "root"
    (root / "data").symlink_to(outside)
    said = fake("start", "box", expect=1)
    assert "leads out of the container" in said.err
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("flag", ["--init", "--init=false"])
def test_killing_the_supervisor_ends_the_container_and_is_told(fake, flag):
    fake("run", "-d", flag, "--name", "box", IMAGE)
    pid = int(fake("inspect", "-f", "{{.State.Pid}}", "box").word)
    supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(supervisor, 9)
    deadline = time.monotonic() + 10
    while (alive(supervisor) or alive(pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    said = fake("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "box")
    assert said.word == "exited 255"
    fake("start", "box")
    assert fake("exec", "box", "echo", "again").out == "again\n"
    assert not alive(pid)
