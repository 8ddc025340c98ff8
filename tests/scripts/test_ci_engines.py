"""`.ci/engines` as far as it goes without an engine: its words, its codes, what it clears away."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UP = "export DOCKER_HOST=unix:///d AWL_PODMAN_SOCKET=unix:///p"


class Tree:
    """A checkout of stand-ins: each notes its call in `calls` and does as the test says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls = root / "calls"
        self.bin = root / "bin"
        for folder in (".ci", "scripts", ".venv-tox/bin", "bin"):
            (root / folder).mkdir(parents=True)
        shutil.copy2(ROOT / ".ci" / "engines", root / ".ci" / "engines")
        for name, says in (("id", "echo 0"), ("unshare", ""), ("ip", ""), ("apt-get", "")):
            self.program(f"bin/{name}", says, note=False)
        self.program("bin/make", "")
        self.program(".venv-tox/bin/tox", "")
        self.engines()

    def program(self, path: str, body: str, *, note: bool = True) -> None:
        line = f'echo "{Path(path).name} $*" >>{self.calls}' if note else ""
        (self.root / path).write_text(f"#!/bin/sh\n{line}\n{body}\n")
        (self.root / path).chmod(0o755)

    def engines(self, *, env: str = UP, up: str = "", down: str = "") -> None:
        body = f'case $1 in env) echo "{env}" ;; up) {up or ":"} ;; down) {down or ":"} ;; esac'
        self.program("scripts/engines", body)

    def start(self) -> subprocess.Popen[str]:
        env = {"PATH": f"{self.bin}:{os.environ['PATH']}"}
        return subprocess.Popen(
            [self.root / ".ci" / "engines"], env=env, stderr=subprocess.PIPE, text=True
        )

    def run(self) -> tuple[int, str]:
        process = self.start()
        said = process.communicate(timeout=60)[1]
        return process.returncode, said

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_all_parts_are_run_and_cleared_away(tree: Tree) -> None:
    code, said = tree.run()
    assert code == 0, said
    called = tree.called()
    assert [line.split()[4] for line in called if line.startswith("tox run -q -e")] == [
        "certify",
        "engines",
        "conformance-docker",
        "conformance-podman",
    ]
    assert called[-1] == "engines down --purge"


@pytest.mark.parametrize(
    ("program", "body", "lacks"),
    [
        ("id", "echo 1000", "root"),
        ("unshare", '[ "$1" != --mount ]', "mounts of its own (CAP_SYS_ADMIN)"),
        ("unshare", '[ "$1" != --net ]', "bridges (CAP_NET_ADMIN)"),
        ("unshare", "exit 1", "mounts of its own (CAP_SYS_ADMIN), bridges (CAP_NET_ADMIN)"),
    ],
)
def test_machine_that_cannot_have_engines_is_told_and_nothing_is_touched(
    tree: Tree, program: str, body: str, lacks: str
) -> None:
    tree.program(f"bin/{program}", body, note=False)
    code, said = tree.run()
    assert code == 0
    assert said == (
        f"ci: NO REAL ENGINES on this machine: it lacks {lacks}. Only the fake was tested.\n"
    )
    assert tree.called() == []


def test_failure_keeps_its_code_and_is_cleared_away(tree: Tree) -> None:
    tree.program(".venv-tox/bin/tox", "exit 4")
    code, said = tree.run()
    assert (code, tree.called()[-1]) == (4, "engines down --purge")
    assert "tox -e certify: 0 s, exit 4" in said


@pytest.mark.parametrize(("tox", "code"), [("", 0), ("exit 4", 4)])
def test_clean_up_that_fails_is_told_and_hides_nothing(tree: Tree, tox: str, code: int) -> None:
    tree.program(".venv-tox/bin/tox", tox)
    tree.engines(down="exit 9")
    ended, said = tree.run()
    assert ended == code
    assert "ci: the clean-up failed, exit 9; what is left: /var/tmp/awl-ci" in said


@pytest.mark.parametrize(
    ("env", "missing"),
    [
        ("", "DOCKER_HOST"),
        ("export DOCKER_HOST=unix:///d", "AWL_PODMAN_SOCKET"),
        ("export AWL_PODMAN_SOCKET=unix:///p", "DOCKER_HOST"),
    ],
)
def test_engine_that_is_not_named_is_a_failure(tree: Tree, env: str, missing: str) -> None:
    tree.engines(env=env)
    code, said = tree.run()
    assert code != 0
    assert f"{missing}: scripts/engines env has not named" in said
    assert [line for line in tree.called() if line.startswith("tox")] == []
    assert tree.called()[-1] == "engines down --purge"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_ends_the_running_part_before_the_clean_up(
    tree: Tree, sent: signal.Signals, code: int
) -> None:
    ended = f"trap 'echo part ended >>{tree.calls}; exit 1' TERM"
    tree.program(".venv-tox/bin/tox", f"{ended}\nwhile :; do sleep 0.1; done")
    process = tree.start()
    deadline = time.monotonic() + 30
    while not any(line.startswith("tox") for line in tree.called()):
        assert time.monotonic() < deadline, "no part began"
        time.sleep(0.05)
    time.sleep(0.2)  # the stand-in sets its trap
    process.send_signal(sent)
    process.communicate(timeout=30)
    assert process.returncode == code
    assert tree.called()[-2:] == ["part ended", "engines down --purge"]


def test_parts_hear_an_interrupt_though_they_run_beside_the_script(tree: Tree) -> None:
    """A process that starts with INT ignored hands that on, and cases send INT to programs."""
    tree.program(".venv-tox/bin/tox", f"grep SigIgn /proc/self/status >>{tree.calls}")
    assert tree.run()[0] == 0
    masks = [line.split()[1] for line in tree.called() if line.startswith("SigIgn")]
    assert masks
    assert all(int(mask, 16) & (1 << signal.SIGINT - 1) == 0 for mask in masks)
