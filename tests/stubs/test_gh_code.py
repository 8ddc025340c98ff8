"""The stand-ins for `gh` and `code` do what their pages say, and refuse the rest."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

STUBS = Path(__file__).resolve().parents[2] / "stubs"
_TUNNEL = ("tunnel", "--accept-server-license-terms")


def _run(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    program, *rest = words
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", **more}
    return subprocess.run(
        [STUBS / program, *rest], env=env, capture_output=True, text=True, timeout=30
    )


def _keep(home: Path, text: str) -> None:
    (home / ".config/gh").mkdir(parents=True)
    (home / ".config/gh/tokens").write_text(text)


def test_gh_gives_the_token_of_the_host(tmp_path: Path) -> None:
    _keep(tmp_path, "github.com one\nghe.example two\ngheXexample three\n")
    assert _run(tmp_path, "gh", "auth", "token").stdout == "one\n"
    for words in (
        ("--hostname", "ghe.example"),
        ("-h", "ghe.example"),
        ("--hostname=ghe.example",),
    ):
        assert _run(tmp_path, "gh", "auth", "token", *words).stdout == "two\n"
    assert _run(tmp_path, "gh", "auth", "token", GH_HOST="ghe.example").stdout == "two\n"


def test_gh_prefers_the_environment_for_github_only(tmp_path: Path) -> None:
    _keep(tmp_path, "github.com one\nghe.example two\n")
    own = {"GH_TOKEN": "three", "GITHUB_TOKEN": "four"}
    assert _run(tmp_path, "gh", "auth", "token", **own).stdout == "three\n"
    assert _run(tmp_path, "gh", "auth", "token", "-h", "ghe.example", **own).stdout == "two\n"


def test_gh_without_a_token_says_so(tmp_path: Path) -> None:
    done = _run(tmp_path, "gh", "auth", "token", AWL_FAKE_GH_JOURNAL=str(tmp_path / "j"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "no oauth token found for github.com\n"
    assert (tmp_path / "j").read_text() == "gh auth token\n"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("repo",),
        ("auth",),
        ("auth", "login"),
        ("auth", "token", "--secure"),
        ("auth", "token", "more"),
        ("auth", "token", "--hostname"),
    ],
)
def test_gh_refuses_what_it_does_not_know(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = _run(tmp_path, "gh", *words, GH_TOKEN="one")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 2),
        (("serve-web",), 2),
        ((*_TUNNEL, "--verbose"), 2),
        ((*_TUNNEL, "--name"), 2),
        (("tunnel", "--name", "a"), 1),
        ((*_TUNNEL, "--name", "x" * 21), 1),
        ((*_TUNNEL, "--name", "a_b"), 1),
        ((*_TUNNEL, "--name=-a"), 1),
    ],
)
def test_code_refuses_what_the_service_would(
    tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    done = _run(tmp_path, "code", *words)
    assert done.returncode == code
    assert "error: " in done.stderr


def test_code_heeds_variables_and_then_its_file(tmp_path: Path) -> None:
    (tmp_path / ".fake-code").write_text("EXIT=3\nLOGIN=no\n")
    done = _run(tmp_path, "code", *_TUNNEL, "--name", "a")
    assert (done.returncode, "login/device" in done.stdout) == (3, False)
    own = {"AWL_FAKE_CODE_EXIT": "4", "AWL_FAKE_CODE_LOGIN": "yes"}
    done = _run(tmp_path, "code", *_TUNNEL, "--name", "a", **own)
    assert (done.returncode, "login/device" in done.stdout) == (4, True)
    assert (tmp_path / ".fake-code.log").read_text().startswith("name=a cwd=")


def test_code_ends_on_a_signal_with_what_it_started(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "AWL_STUB_TEST": str(tmp_path)}
    with subprocess.Popen(
        [STUBS / "code", *_TUNNEL], env=env, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if "login/device" in line:
                break
        child.terminate()
        assert child.wait(10) == 143
    deadline = time.monotonic() + 10
    while _carriers(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _carriers(str(tmp_path)) == []


def _carriers(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"AWL_STUB_TEST={mark}".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found
