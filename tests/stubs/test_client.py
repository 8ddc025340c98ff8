"""The client's own part: usage, version, contexts, faults, the journal."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest
import seed
from engine.journal import read

from .conftest import STUBS

IMAGE = "agent-workspace/agent-env:v0.1.0"
RM_USAGE = """\
"docker rm" requires at least 1 argument.
See 'docker rm --help'.

Usage:  docker rm [OPTIONS] CONTAINER [CONTAINER...]

Remove one or more containers
"""
EXEC_USAGE = """\
"docker exec" requires at least 2 arguments.
See 'docker exec --help'.

Usage:  docker exec [OPTIONS] CONTAINER COMMAND [ARG...]

Run a command in a running container
"""


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["bogus"], 1, "docker: 'bogus' is not a docker command.\nSee 'docker --help'\n"),
        (["--bogus"], 125, "unknown flag: --bogus\nSee 'docker --help'."),
        (["ps", "--bogus"], 125, "unknown flag: --bogus\nSee 'docker ps --help'.\n"),
        (["ps", "-z"], 125, "unknown shorthand flag: 'z' in -z\nSee 'docker ps --help'.\n"),
        (["ps", "-n"], 125, "flag needs an argument: 'n' in -n\n"),
        (
            ["ps", "--last", "x"],
            125,
            'invalid argument "x" for "-n, --last" flag: strconv.ParseInt',
        ),
        (
            ["exec", "--bogus", "c", "true"],
            125,
            "unknown flag: --bogus\nSee 'docker exec --help'.\n",
        ),
        (["rename", "a"], 1, '"docker rename" requires exactly 2 arguments.\n'),
        (
            ["volume", "create", "a", "b"],
            1,
            '"docker volume create" requires at most 1 argument.\n',
        ),
        (["volume", "bogus"], 1, "\nUsage:  docker volume COMMAND\n"),
        (["container", "bogus"], 1, "\nUsage:  docker container COMMAND\n"),
        (["rm"], 1, RM_USAGE),
        (["exec", "c"], 1, EXEC_USAGE),
    ],
)
def test_what_the_client_cannot_read(fake, args, code, words):
    said = fake(*args, expect=code)
    assert said.err.startswith(words)
    assert said.out == ""


def test_help_is_on_stdout_and_exits_0(fake):
    for args in (["ps", "--help"], ["run", "--help"], ["volume"], []):
        said = fake(*args)
        assert "Usage:  docker" in said.out
    assert "-e, --env list" in fake("run", "--help").out


def test_aliases_reach_the_same_commands(fake):
    ident = fake("container", "create", "--name", "one", IMAGE).word
    assert fake("container", "ls", "-aq", "--no-trunc").word == ident
    assert json.loads(fake("container", "inspect", "one").out)[0]["Id"] == ident
    fake("container", "rm", "one")
    assert fake("image", "ls", "-q").out == fake("images", "-q").out


def test_it_says_that_it_is_the_fake_and_what_it_does_not_do(fake):
    undone = json.loads(fake("info", "--format", "{{json .Fake.Undone}}").out)
    assert {"networks", "limits", "healthchecks"} <= set(undone)
    assert json.loads(fake("version", "--format", "{{json .Server.Fake.Undone}}").out) == undone
    assert fake("version", "--format", "{{.Server.Version}}").out.endswith("-fake\n")
    assert "Server: fake" in fake("version").out
    assert "Storage Driver: folder" in fake("info").out
    assert fake("--version").out.startswith("Docker version ")


@pytest.mark.parametrize("host", ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_is_not_there_is_told_by_every_command(fake, host):
    words = f"Cannot connect to the Docker daemon at {host}. Is the docker daemon running?"
    env = {"DOCKER_HOST": host}
    for args in (["ps"], ["exec", "c", "true"], ["rm", "-f", "c"], ["volume", "ls"]):
        assert fake(*args, env=env, expect=1).err == f"{words}\n"
    assert fake("run", IMAGE, env=env, expect=125).err == (
        f"docker: {words}.\nSee 'docker run --help'.\n"
    )
    said = fake("version", env=env, expect=1)
    assert said.out.startswith("Client:")
    assert said.err == f"{words}\n"
    assert fake("version", "-f", "{{.Server.Version}}", env=env, expect=1).out == "\n"
    assert f"ERROR: {words}" in fake("info", env=env, expect=1).out
    assert fake("-H", host, "ps", expect=1).err == f"{words}\n"
    assert fake("inspect", "c", env=env, expect=1).out == "[]\n"


def test_a_host_without_address_cannot_be_looked_up(fake):
    assert fake("ps", env={"DOCKER_HOST": "bogus"}, expect=1).err.startswith(
        'error during connect: Get "http://bogus:2375/v1.24/containers/json": dial tcp: lookup'
    )


def test_contexts_lead_to_other_engines(fake, tmp_path):
    far = tmp_path / "far"
    seed.image(far, "far:1")
    (fake.state / "endpoints.json").write_text(
        json.dumps({"contexts": {"far": "ssh://far"}, "hosts": {"ssh://far": str(far)}})
    )
    assert fake("--context", "far", "images", "--format", "{{.Repository}}").word == "far"
    assert (
        fake("images", "--format", "{{.Repository}}", env={"DOCKER_CONTEXT": "far"}).word == "far"
    )
    assert (
        fake("images", "--format", "{{.Repository}}", env={"DOCKER_HOST": "ssh://far"}).word
        == "far"
    )
    assert fake("context", "show").out == "default\n"
    fake("context", "use", "far")
    assert fake("context", "show").out == "far\n"
    assert fake("images", "--format", "{{.Repository}}").word == "far"
    assert fake("context", "ls", "-q").lines == ["default", "far"]
    assert "far *" in fake("context", "ls").out
    assert (
        json.loads(fake("context", "inspect", "far").out)[0]["Endpoints"]["docker"]["Host"]
        == "ssh://far"
    )
    fake("context", "use", "default")
    assert fake("--context", "no", "ps", expect=1).err == (
        'unable to resolve docker endpoint: context "no" does not exist\n'
    )


@pytest.mark.parametrize(
    ("faults", "args", "code", "words"),
    [
        (
            "daemon-down",
            ["ps"],
            1,
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock",
        ),
        ("daemon-down", ["run", IMAGE], 125, "docker: Cannot connect to the Docker daemon"),
        ("permission-denied", ["ps"], 1, "Got permission denied while trying to connect"),
        ("no-space on create", ["create", IMAGE], 1, "no space left on device"),
        ("no-space", ["volume", "create", "vol"], 1, "no space left on device"),
        ("pull-refused", ["pull", "a:1"], 1, "connection refused"),
        ("refuses", ["ps"], 1, "Error response from daemon: internal error"),
        ("exits=7 on ps", ["ps"], 7, ""),
        ("daemon-down on volume ls", ["volume", "ls"], 1, "Cannot connect"),
        ("daemon-down on images", ["ps"], 0, ""),
        ("bogus", ["ps"], 2, "unknown fault 'bogus' in AWL_FAKE_DOCKER_FAULTS; nearest: "),
        ("daemon-dwon", ["ps"], 2, "nearest: 'daemon-down'"),
        ("slow=x", ["ps"], 2, "cannot have the value 'x'"),
        ("hang=1", ["ps"], 2, "cannot have the value '1'"),
        ("slow=1 at ps", ["ps"], 2, "the form is FAULT[=VALUE] [on SUBCOMMAND] [nth N]"),
    ],
)
def test_faults(fake, faults, args, code, words):
    said = fake(*args, env={"AWL_FAKE_DOCKER_FAULTS": faults}, expect=code)
    assert words in said.err
    if code:
        assert fake("ps", "-aq").out == ""


def test_faults_may_stand_in_the_state_and_strike_the_nth_call(fake):
    (fake.state / "faults").write_text("# the second list fails\ndaemon-down on ps nth 2\n")
    assert [fake("ps", expect=None).exit for _ in range(3)] == [0, 1, 0]


def test_slow_and_hanging_engines(fake):
    start = time.monotonic()
    fake("ps", env={"AWL_FAKE_DOCKER_FAULTS": "slow=0.4"})
    assert time.monotonic() - start > 0.4
    call = fake.start("ps", env={"AWL_FAKE_DOCKER_FAULTS": "hang on ps"})
    with pytest.raises(subprocess.TimeoutExpired):
        call.wait(0.5)
    call.kill()
    call.communicate()


def test_a_call_waits_at_a_gate_until_it_is_removed(fake, tmp_path):
    gate = tmp_path / "gate"
    call = fake.start("volume", "create", "vol", env={"AWL_FAKE_DOCKER_FAULTS": f"gate={gate}"})
    try:
        limit = time.monotonic() + 20
        while not gate.exists() and time.monotonic() < limit:
            time.sleep(0.01)
        assert call.poll() is None
        assert fake("volume", "ls", "-q").out == ""
        gate.unlink()
        call.communicate(timeout=20)
        assert call.returncode == 0
    finally:
        call.kill()
        call.communicate()
    assert fake("volume", "ls", "-q").out == "vol\n"


def test_a_client_that_dies_has_changed_the_state_and_said_nothing(fake):
    said = fake("create", "--name", "one", IMAGE, env={"AWL_FAKE_DOCKER_FAULTS": "dies"}, expect=-9)
    assert said.out == ""
    assert fake("ps", "-a", "--format", "{{.Names}}").word == "one"
    fake("rm", "one", env={"AWL_FAKE_DOCKER_FAULTS": "dies=before"}, expect=-9)
    assert fake("ps", "-a", "--format", "{{.Names}}").word == "one"


def test_lies_and_rubbish(fake):
    fake("create", "--name", "one", IMAGE)
    fake("rm", "one", env={"AWL_FAKE_DOCKER_FAULTS": "lies on rm"})
    assert fake("ps", "-a", "--format", "{{.Names}}").word == "one"
    with pytest.raises(ValueError, match=r"."):
        json.loads(fake("inspect", "one", env={"AWL_FAKE_DOCKER_FAULTS": "garbles"}).raw)


def test_the_journal_records_each_call_even_a_killed_one(fake, tmp_path):
    fake("ps", "-a", env={"DOCKER_CONTEXT": "default", "OTHER": "x"})
    fake("rm", "absent-c", expect=1)
    call = fake.start("ps", env={"AWL_FAKE_DOCKER_FAULTS": "hang"}, cwd=tmp_path)
    time.sleep(0.4)
    call.kill()
    call.communicate()
    first, second, third = read(str(fake.journal))
    assert first["argv"] == [str(fake.docker), "ps", "-a"]
    assert first["env"] == {"DOCKER_CONTEXT": "default"}
    assert (first["exit"], second["exit"], third["exit"]) == (0, 1, None)
    assert (first["stdin_tty"], third["cwd"]) == (False, str(tmp_path))
    assert first["seconds"] > 0
    assert read(str(tmp_path / "absent")) == []


def test_it_works_under_other_names_and_through_links(fake, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").symlink_to(STUBS / "docker")
    (tmp_path / "bin" / "again").symlink_to("docker")
    link = seed.link(tmp_path / "bin", "podman")
    for path in (tmp_path / "bin" / "docker", tmp_path / "bin" / "again", link):
        done = subprocess.run([path, "images", "-q"], env=fake.env, capture_output=True, check=True)
        assert len(done.stdout.split()) == 1
    done = subprocess.run(
        [link, "ps", "x"], env=fake.env, capture_output=True, text=True, check=False
    )
    assert done.stderr.startswith('"podman ps" accepts no arguments.')


def test_a_copied_tree_works_where_it_lies(fake, tmp_path):
    shutil.copytree(STUBS, tmp_path / "stubs")
    done = subprocess.run(
        [tmp_path / "stubs" / "docker", "ps"], env=fake.env, capture_output=True, check=True
    )
    assert done.stdout.startswith(b"CONTAINER ID")


def test_a_broken_state_is_told_and_not_guessed(fake):
    (fake.state / "endpoints.json").write_text("{")
    assert "is not JSON" in fake("ps", expect=2).err
    (fake.state / "endpoints.json").write_text("[]")
    assert "holds list, not an object" in fake("ps", expect=2).err
    (fake.state / "endpoints.json").unlink()
    assert (
        "is not an absolute path" in fake("ps", env={"AWL_FAKE_DOCKER_STATE": "rel"}, expect=2).err
    )
    assert "CONTAINER" in fake("ps", env={"AWL_FAKE_DOCKER_STATE": ""}).out


def test_seeding_makes_states_without_any_call(fake, tmp_path):
    state = tmp_path / "seeded"
    python = shutil.which("python3") or "python3"
    subprocess.run(
        [python, STUBS / "seed.py", state, "--pullable", "p:1", "--image", IMAGE, "--volume", "vol",
         "--container", "foreign", "--link", fake.bin], check=True,
    )  # fmt: skip
    env = {"AWL_FAKE_DOCKER_STATE": str(state)}
    assert fake("ps", "-a", "--format", "{{.Names}}", env=env).word == "foreign"
    assert fake("volume", "ls", "-q", env=env).word == "vol"
    fake("pull", "p:1", env=env)
    doc = seed.container(state, "other", labels={"k": "v"}, volumes=("vol:/x",))
    assert doc["Config"]["Labels"] == {"k": "v"}
    fake("start", "foreign", env=env)
    assert fake("exec", "foreign", "pwd", env=env).out == "/work\n"
    fake("rm", "-f", "foreign", "other", env=env)
