from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.awl.conftest import World

_IMAGE = "agent-workspace/agent-env:v0.1.0"
_CALLS = [
    ["create", "--name", "x", "acme/tool"],
    ["ls"],
    ["ls", "--all"],
    ["rm", "x", "--yes"],
    ["rm", "--all", "--yes"],
]


def _break(world: World, fault: str) -> None:
    world.env["AWL_FAKE_DOCKER_FAULTS"] = fault


@pytest.mark.parametrize("words", [call for call in _CALLS if call != ["ls", "--all"]])
def test_without_an_engine_the_hint_is_the_persons_own_command(
    world: World, words: list[str]
) -> None:
    shown = world.awl("--runtime", "docker", *words)
    assert (shown.code, shown.error, shown.out) == (7, "engine-not-installed", "")
    assert f"awl --runtime host {' '.join(words)}\n" in shown.err
    assert "AGENT_WORKSPACE_RUNTIME=host" in shown.err
    assert not world.root.exists()


@pytest.mark.parametrize("words", [call for call in _CALLS if call != ["ls", "--all"]])
@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("daemon-down", "engine-unreachable", "Is the docker daemon running?"),
        ("permission-denied", "engine-permission-denied", "permission denied"),
        ("hang", "engine-unreachable", "longer than 1 s"),
    ],
)
def test_an_engine_that_does_not_answer_is_told_apart(
    container: World, words: list[str], fault: str, error: str, said: str
) -> None:
    _break(container, fault)
    started = time.monotonic()
    shown = container.awl(*words, env={"AWL_ENGINE_TIMEOUT": "1"})
    assert (shown.code, shown.error, shown.out) == (7, error, "")
    assert said in shown.err
    assert time.monotonic() - started < 20
    assert not container.root.exists()


def test_exec_reports_a_dead_engine_as_its_own_failure(container: World) -> None:
    container.awl("create", "--name", "a")
    _break(container, "daemon-down")
    shown = container.awl("exec", "a", "true")
    assert (shown.code, shown.error, shown.out) == (125, "engine-unreachable", "")
    assert shown.err.count("Cannot connect") == 1


def test_exec_ends_where_the_engine_never_takes_it(container: World) -> None:
    container.awl("create", "--name", "a")
    container.env["AWL_ENGINE_TIMEOUT"] = "1"
    _break(container, "hang")
    started = time.monotonic()
    shown = container.awl("exec", "a", "true")
    assert (shown.code, shown.error, shown.out) == (125, "engine-unreachable", "")
    assert time.monotonic() - started < 15


def test_a_silent_child_may_take_its_time_whatever_the_engine_does(container: World) -> None:
    container.awl("create", "--name", "a")
    before = len(container.calls())
    container.env["AWL_ENGINE_TIMEOUT"] = "1"
    _break(container, "hang on version")
    assert container.awl("exec", "a", "sh", "-c", "sleep 2.5; exit 3") == (3, "", "")
    assert [call[0] for call in container.calls()[before:]] == ["exec"]


def test_an_engine_that_answers_may_be_slow_to_begin(container: World) -> None:
    container.awl("create", "--name", "a")
    container.env["AWL_ENGINE_TIMEOUT"] = "1"
    _break(container, "slow=2.5 on exec")
    assert container.awl("exec", "a", "sh", "-c", "echo out; echo err >&2") == (0, "out\n", "err\n")


def test_secrets_of_the_command_line_are_masked_in_the_hint(world: World) -> None:
    shown = world.awl("create", "https://me:canary-7@h/acme/tool")
    assert shown.error == "engine-not-installed"
    assert "canary-7" not in shown.err
    assert "https://***@h/acme/tool" in shown.err


def test_the_host_never_asks_an_engine(container: World) -> None:
    host = {"AGENT_WORKSPACE_RUNTIME": "host"}
    for words in (["create", "--name", "a"], ["ls"], ["exec", "a", "true"], ["rm", "a", "-y"]):
        assert container.awl(*words, env=host).code == 0
    assert container.calls() == []


def test_a_name_in_both_runtimes_must_be_chosen(container: World) -> None:
    for runtime in ("host", "container"):
        container.awl("--runtime", runtime, "create", "--name", "a")
    for words, code in ((["exec", "a", "true"], 125), (["rm", "a", "-y"], 5)):
        shown = container.awl(*words)
        assert (shown.code, shown.error) == (code, "workspace-ambiguous")
        assert "--runtime host" in shown.err
        assert "--runtime container" in shown.err
    assert container.awl("rm", "a", "-y", env={"AWL_RUNTIME": "host"}).code == 0
    assert container.awl("exec", "a", "true").code == 0


def test_a_name_in_the_other_runtime_only_is_named(world: World) -> None:
    world.awl("--runtime", "host", "create", "--name", "a")
    for words, code in ((["exec", "a", "true"], 125), (["rm", "a", "-y"], 3)):
        shown = world.awl(*words)
        assert (shown.code, shown.error) == (code, "workspace-not-found")
        assert "--runtime host" in shown.err


def test_ls_lists_all_runtimes_and_says_which_did_not_answer(container: World) -> None:
    container.awl("--runtime", "host", "create", "--name", "b")
    container.awl("create", "--name", "a")
    assert container.awl("ls", "--all").out == "a\nb\n"
    _break(container, "daemon-down")
    shown = container.awl("ls", "--all")
    assert (shown.code, shown.out) == (0, "b\n")
    assert "runtime container is not listed" in shown.err
    document = container.awl("ls", "--all", "--json").document
    assert [one["code"] for one in document["unreachable"]] == ["engine-unreachable"]
    assert [row["name"] for row in document["workspaces"]] == ["b"]


def test_rows_have_the_same_keys_in_every_runtime(container: World) -> None:
    for runtime in ("host", "container"):
        container.awl("--runtime", runtime, "create", "--name", runtime)
    rows = container.awl("ls", "--all", "--json").document["workspaces"]
    assert [set(row) for row in rows] == [set(rows[0])] * 2
    assert [row["status"] for row in rows] == ["running", "ready"]
    container.docker("stop", "agent-ws-container")
    assert container.awl("ls", "--json").document["workspaces"][0]["status"] == "stopped"


def test_a_listing_is_one_call_however_many_there_are(container: World) -> None:
    for name in "abc":
        container.awl("create", "--name", name)
    before = len(container.calls())
    container.awl("ls")
    assert [call[0] for call in container.calls()[before:]] == ["ps"]


def test_what_is_not_the_launchers_is_never_touched(container: World) -> None:
    container.docker("run", "-d", "--name", "agent-ws-a", _IMAGE)
    container.docker("volume", "create", "agent-ws-b-home")
    container.docker("run", "-d", "--name", "other", "--label", "awl.workspace=c", _IMAGE)
    shown = container.awl("create", "--name", "a")
    assert (shown.code, shown.error) == (5, "workspace-exists")
    assert "agent-ws-a" in shown.err
    shown = container.awl("create", "--name", "b")
    assert (shown.code, shown.error) == (5, "workspace-exists")
    assert "agent-ws-b-home" in shown.err
    assert container.awl("ls").out == ""
    for name in ("a", "b", "c", "agent-ws-a"):
        assert container.awl("rm", name, "-y", "--force").error == "workspace-not-found"
        assert container.awl("exec", name, "true").error == "workspace-not-found"
    assert container.awl("rm", "--all", "-y").code == 0
    assert sorted(container.docker("ps", "--format", "{{.Names}}").split()) == [
        "agent-ws-a",
        "other",
    ]
    assert container.docker("volume", "ls", "-q") == "agent-ws-b-home"


def test_two_roots_on_one_engine_do_not_meet(container: World) -> None:
    container.awl("create", "--name", "a")
    other = {"AGENT_WORKSPACE_HOME": str(container.folder / "other")}
    assert container.awl("ls", env=other).out == ""
    assert container.awl("create", "--name", "a", env=other).error == "workspace-exists"
    assert container.awl("rm", "a", "-y", env=other).error == "workspace-not-found"
    assert container.awl("exec", "a", "true").code == 0


@pytest.mark.parametrize(
    ("words", "env", "image"),
    [
        (["--image", "one:1"], {"AGENT_ENV_IMAGE": "two:2"}, "one:1"),
        ([], {"AGENT_ENV_IMAGE": "two:2", "CODEX_ENV_IMAGE": "three:3"}, "two:2"),
        ([], {"CODEX_ENV_IMAGE": "three:3"}, "three:3"),
    ],
)
def test_the_image_is_the_one_named_and_absent_ones_are_not_got(
    container: World, words: list[str], env: dict[str, str], image: str
) -> None:
    shown = container.awl("create", "--no-pull", *words, env=env)
    assert (shown.code, shown.error) == (3, "image-not-found")
    assert f"docker pull {image}" in shown.err
    assert all(call[0] != "pull" for call in container.calls())
    assert container.docker("ps", "-aq") == ""
    assert not container.root.exists()


def test_a_pull_that_fails_names_image_and_cause(container: World) -> None:
    shown = container.awl("create", "--image", "nowhere/none:1")
    assert (shown.code, shown.error) == (1, "image-pull-failed")
    assert "nowhere/none:1" in shown.err
    assert "denied" in shown.err
    assert container.docker("volume", "ls", "-q") == ""
    bad = container.awl("create", "--image", "BAD:1")
    assert (bad.code, bad.error) == (2, "value-invalid")


def test_a_prefix_names_the_container(container: World) -> None:
    env = {"AGENT_WORKSPACE_PREFIX": "mine"}
    assert container.awl("create", "--name", "mine-a", "--json", env=env).document["workspace"][
        "container"
    ] == "mine-a"  # fmt: skip
    assert container.docker("ps", "--format", "{{.Names}}") == "mine-a"
    labels = json.loads(container.docker("inspect", "mine-a"))[0]["Config"]["Labels"]
    assert labels["awl.workspace"] == "a"
    assert container.awl("create", env={"AGENT_WORKSPACE_PREFIX": "a b"}).error == "value-invalid"


def test_a_half_made_container_is_named_and_can_be_removed(container: World) -> None:
    container.awl("create", "--name", "a")
    (container.root / ".awl/container/a.json").unlink()
    shown = container.awl("ls")
    assert shown.out == ""
    assert "agent-ws-a is half made" in shown.err
    assert container.awl("rm", "a", "-y").code == 0
    assert container.docker("ps", "-aq") + container.docker("volume", "ls", "-q") == ""


@pytest.mark.parametrize("content", ["{", "{}", '{"name": "a"}', "[]"])
def test_a_spoilt_record_is_no_workspace_and_no_traceback(container: World, content: str) -> None:
    container.awl("create", "--name", "a")
    (container.root / ".awl/container/a.json").write_text(content)
    assert container.awl("ls").out == ""
    assert container.awl("exec", "a", "true").error == "workspace-not-found"
    assert container.awl("rm", "a", "-y").code == 0
    assert container.awl("create", "--name", "a").code == 0


def test_the_sources_own_folder_is_not_needed_inside(container: World) -> None:
    remote = container.remote()
    assert container.awl("create", f"file://{remote}").code == 0
    shown = container.awl("exec", "tool", "sh", "-c", "ls acme; git -C acme/tool status -sb")
    assert shown.out == "tool\n## trunk...origin/trunk\n"


def test_a_terminal_is_given_where_both_ends_are_one(container: World, tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    container.awl("create", "--name", "a")
    argv = container.argv("exec", "a", "sh", "-c", "test -t 0 && test -t 1 && stty size")
    child = pexpect.spawn(argv[0], argv[1:], env=container.env, dimensions=(33, 77), timeout=30)
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, child.before) == (0, b"33 77\r\n")
    shown = container.awl("exec", "a", "sh", "-c", "test -t 0 || test -t 1")
    assert shown.code == 1


def test_a_clone_behind_a_remote_engine_needs_no_shared_folder(container: World) -> None:
    empty = container.folder / "remotes" / "acme" / "empty.git"
    subprocess.run(["git", "init", "-q", "--bare", empty], check=True, env=container.env)
    shown = container.awl("create", str(empty))
    assert (shown.code, shown.error) == (1, "clone-failed")
    assert "no commits" in shown.err
