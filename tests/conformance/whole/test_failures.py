"""A failure shows what is needed to mend it, and can be played again (KIT-12)."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Ran

Call = Callable[..., Ran]

# A launcher that says it has removed a workspace, and has not.
LIAR = """#!/bin/sh
for word in "$@"; do
  case $word in
    rm) for name in "$@"; do last=$name; done; echo a; exit 0 ;;
    create|ls|exec|version) break ;;
  esac
done
exec @GOOD@ "$@"
"""


@pytest.fixture
def liar(program: Callable[[str], str], good: str) -> str:
    """The path of the liar."""
    return program(LIAR.replace("@GOOD@", good))


def test_a_lie_is_found_by_looking_at_the_world(conformance: Call, liar: str) -> None:
    ran = conformance("run", "--program", liar, "--select", "rm-known and host", "-n", "0")
    assert ran.exit == 1
    text = ran.stdout
    assert "RM-1a: rm removes the named workspaces" in text
    assert "expected" in text
    assert "observed" in text
    assert "awl-conformance replay 'rm-known[host," in text
    assert "the same" in text


def test_the_negative_twin_is_blocked_not_passed(conformance: Call, liar: str) -> None:
    ran = conformance("run", "--program", liar, "--select", "rm-unknown and host", "-n", "0")
    assert set(ran.statuses().values()) == {"blocked"}
    assert "control rm-known" in next(iter(ran.results.values()))["reason"]


def test_replay_plays_it_again_and_shows_everything(conformance: Call, liar: str) -> None:
    ran = conformance("replay", "rm-known[host,flag]", "--program", liar)
    assert ran.exit == 1
    assert "FAIL" in ran.stdout
    assert "--runtime host rm a --yes" in ran.stdout


def test_a_mistyped_cell_names_the_nearest(conformance: Call) -> None:
    ran = conformance("replay", "rm-knwon[host,flag]")
    assert ran.exit == 2
    assert "rm-known[host,flag]" in ran.stderr


def test_a_script_reproduces_it_without_the_suite(
    conformance: Call, liar: str, tmp_path: Path
) -> None:
    ran = conformance("run", "--program", liar, "--select", "rm-known and host", "-n", "0")
    script = ran.out / "repro" / "rm-known-host-flag.sh"
    scratch = tmp_path / "scratch"
    done = subprocess.run(
        ["sh", str(script), str(scratch)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "exit 0 (step)" in done.stderr
    left = scratch / "home/.local/state/agent-workspace-launcher/workspaces/a"
    assert left.is_dir()
    # And it keeps away from every folder that holds something.
    again = subprocess.run(
        ["sh", str(script), str(scratch)], capture_output=True, text=True, timeout=60, check=False
    )
    assert again.returncode == 2
    assert "refused" in again.stderr


def test_a_script_brings_the_engine_along(
    conformance: Call, liar: str, tmp_path: Path, good: str
) -> None:
    words = ("--select", "rm-known and container and env", "-n", "0")
    ran = conformance("run", "--program", liar, *words)
    (script,) = (ran.out / "repro").glob("*.sh")
    scratch = tmp_path / "scratch"
    command = ["sh", str(script), str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "exit 0 (given)" in done.stderr
    state = {"AWL_FAKE_DOCKER_STATE": str(scratch / "engine/state"), "PATH": "/usr/bin:/bin"}
    ask = [str(scratch / "bin/docker"), "ps", "-q"]
    listed = subprocess.run(ask, capture_output=True, text=True, env=state, check=True)
    ids = listed.stdout.split()
    assert len(ids) == 2  # the two that the case made: the lie removed none
    subprocess.run([ask[0], "rm", "-f", *ids], env=state, check=True, capture_output=True)


def test_a_process_left_behind_fails_the_cell(
    conformance: Call, program: Callable[[str], str], good: str
) -> None:
    text = '#!/bin/sh\nsetsid sleep 300 </dev/null >/dev/null 2>&1 &\nexec @GOOD@ "$@"\n'
    path = program(text.replace("@GOOD@", good))
    ran = conformance("run", "--program", path, "--select", "ls-names and host", "-n", "0")
    assert set(ran.statuses().values()) == {"fail"}
    assert "no process is left behind" in ran.stdout
    assert "sleep 300" in ran.stdout


def test_a_failure_that_passes_at_once_again_is_flaky(
    conformance: Call, program: Callable[[str], str], good: str
) -> None:
    # Its ls fails in every other sandbox, and each try has the next one.
    text = """#!/bin/sh
case "$HOME $*" in *[13579]/home*ls*) exit 9 ;; esac
exec @GOOD@ "$@"
"""
    path = program(text.replace("@GOOD@", good))
    ran = conformance("run", "--program", path, "--select", "ls-names and host", "-n", "0")
    assert ran.exit == 1
    assert "flaky" in ran.statuses().values()
    assert "fail" not in ran.statuses().values()


def test_what_the_operator_skips_is_planned_and_does_not_score(conformance: Call) -> None:
    words = ("run", "--select", "ls-names and host", "-n", "0")
    whole = conformance(*words)
    some = conformance(*words, "--skip", "env")
    assert whole.footer["planned"] == some.footer["planned"]
    assert some.footer["counts"]["skipped"] >= 1
    every = conformance(*words, "--skip", "host")
    assert every.exit == 4
