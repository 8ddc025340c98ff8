"""Every example of the guides is run, and prints what the guide says.

A guide is one session of a shell: its commands run in order, in one home, with the fake engine on
PATH and github.com led to the test's own git server. `…` in the expected output stands for
anything within a line; a line that is only `…` for any lines.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import resources
from conformance.drivers import process
from conformance.lock.client import Zygote
from conformance.world.remote import RemoteServer, build_repositories
from conformance.world.sandbox import Sandbox, build_toolbox

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
END = "--- end of an example ---"


def examples(guide: Path) -> Iterator[tuple[str, str]]:
    """Each command of a guide with the output that stands below it."""
    for block in BLOCK.findall(guide.read_text()):
        command, output = "", ""
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                if command:
                    yield command, output
                command, output = line[2:], ""
            elif line.startswith("> "):
                command += line[2:]
            else:
                output += line
        if command:
            yield command, output


def matches(expected: str, seen: str) -> bool:
    """Whether ``seen`` is what the guide shows."""
    pattern = ""
    for line in expected.splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(map(re.escape, line.split("…"))) + "\n"
    return re.fullmatch(pattern, seen) is not None


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as started:
        yield started


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """A home with awl, the fake engine and a git server behind github.com."""
    build_repositories(tmp_path / "repositories")
    toolbox = build_toolbox(tmp_path / "toolbox")
    with RemoteServer(tmp_path / "repositories", ("127.0.0.1",), "unused") as server:
        rewrites = {"https://github.com/": f"{server.url('127.0.0.1')}/"}
        made = Sandbox(tmp_path / "case", toolbox, "agent-ws", rewrites)
        made.create()
        etc = tmp_path / "etc"
        etc.mkdir()
        (etc / "gitconfig").write_text((made.home / ".gitconfig").read_text())
        seed = [sys.executable, "-IS", str(resources.stubs() / "seed.py")]
        words = [str(made.engine / "state"), "--etc", str(etc), "--link", str(made.bin)]
        subprocess.run([*seed, *words], check=True, timeout=30)
        (made.bin / "awl").symlink_to(Path(sys.executable).parent / "awl")
        for name in ("code", "gh"):
            (made.bin / name).symlink_to(resources.stubs() / name)
        env = {**made.environment(), "AWL_FAKE_DOCKER_STATE": str(made.engine / "state")}
        del env["AGENT_WORKSPACE_PREFIX"]
        yield made, env


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_examples_print_what_the_guide_says(
    guide: Path, zygote: Zygote, sandbox: tuple[Sandbox, dict[str, str]]
) -> None:
    found = list(examples(guide))
    if not found:
        assert "```console" not in guide.read_text()
        return
    made, env = sandbox
    script = made.home / "session.sh"
    lines = [f"{command.rstrip()}\nprintf '%s\\n' {shlex.quote(END)}\n" for command, _ in found]
    script.write_text("exec 2>&1\n" + "".join(lines))
    with zygote.open_case(made.path) as lock:
        argv = ["bash", str(script)]
        outcome = process.run(lock, argv, env=env, cwd=made.home, timeout=120)
    printed = outcome.stdout.decode().split(f"{END}\n")
    for (command, expected), seen in zip(found, printed, strict=False):
        # Progress is not part of what a guide shows.
        said = "".join(
            line
            for line in seen.splitlines(keepends=True)
            if not line.startswith(("cloning ", "to be removed: ")) or "to be removed" in expected
        )
        assert matches(expected, said), f"$ {command}expected:\n{expected}\nprinted:\n{said}"
    assert len(printed) == len(found) + 1, "the session ended early"


def test_there_are_examples_and_they_can_fail() -> None:
    count = sum(len(list(examples(guide))) for guide in GUIDES)
    assert count > 40
    assert matches("a…c\n…\nend\n", "abc\nx\ny\nend\n")
    assert not matches("a…c\n", "abd\n")
    assert not matches("", "said\n")
