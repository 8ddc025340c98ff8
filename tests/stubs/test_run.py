"""`docker run` and `create`: what is made, what is refused, how it ends."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

IMAGE = "agent-workspace/agent-env:v0.1.0"


def test_foreground_run_hands_through_both_streams_and_the_exit_code(fake):
    said = fake("run", "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 42", expect=42)
    assert (said.out, said.err) == ("out\n", "err\n")


def test_stdin_reaches_the_process_only_with_interactive(fake):
    assert fake("run", "--rm", "-i", IMAGE, "cat", stdin=b"a\0b\xff").raw == b"a\0b\xff"
    assert fake("run", "--rm", IMAGE, "cat", stdin=b"lost").raw == b""


def test_rm_leaves_neither_container_nor_anonymous_volume(fake):
    fake("run", "--rm", "-v", "/data", "-v", "kept:/kept", IMAGE, "true")
    assert fake("ps", "-aq").out == ""
    assert fake("volume", "ls", "-q").lines == ["kept"]


def test_detached_run_prints_the_full_id_of_a_running_container(fake):
    ident = fake("run", "-d", "--init", "--name", "one", IMAGE).word
    assert len(ident) == 64
    assert fake("ps", "-q", "--no-trunc").word == ident
    assert fake("inspect", "-f", "{{.State.Status}} {{.Name}}", ident[:10]).word == "running /one"


def test_a_name_in_use_is_a_conflict_naming_its_owner(fake):
    ident = fake("create", "--name", "one", IMAGE).word
    said = fake("run", "-d", "--name", "one", IMAGE, expect=125)
    assert said.err == (
        'docker: Error response from daemon: Conflict. The container name "/one" is already in '
        f'use by container "{ident}". You have to remove (or rename) that container to be '
        "able to reuse that name.\nSee 'docker run --help'.\n"
    )
    assert fake("create", "--name", "one", IMAGE, expect=1).err.startswith("Error response from")
    assert fake("ps", "-aq", "--no-trunc").lines == [ident]


def test_of_twenty_runs_with_one_name_one_wins(fake):
    def attempt(_):
        return fake("run", "-d", "--init", "--name", "one", IMAGE, expect=None)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, range(20)))
    assert sorted(result.exit for result in results) == [0] + [125] * 19
    assert all("Conflict" in result.err for result in results if result.exit)
    assert len(fake("ps", "-aq").lines) == 1
    assert len(list((fake.state / "containers").iterdir())) == 1


@pytest.mark.parametrize(
    ("program", "code", "words"),
    [
        ("nosuchcmd", 127, 'exec: "nosuchcmd": executable file not found in $PATH: unknown.'),
        ("/etc/passwd", 126, 'exec: "/etc/passwd": permission denied: unknown.'),
        ("/work", 126, 'exec: "/work": permission denied: unknown.'),
        ("/no/such", 127, 'exec: "/no/such": stat /no/such: no such file or directory: unknown.'),
    ],
)
def test_what_cannot_be_run_says_so_and_leaves_no_process(fake, program, code, words):
    said = fake("run", "--name", "one", IMAGE, program, expect=code)
    assert said.err.startswith("docker: Error response from daemon: failed to create shim task:")
    assert said.err.endswith(f"{words}\n")
    state = json.loads(fake("inspect", "-f", "{{json .State}}", "one").out)
    assert (state["Status"], state["Running"], state["ExitCode"]) == ("created", False, code)


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--bogus"], 125, "unknown flag: --bogus\nSee 'docker run --help'.\n"),
        (
            ["-m", "bad"],
            125,
            'invalid argument "bad" for "-m, --memory" flag: invalid size: \'bad\'',
        ),
        (["-m", "1m"], 125, "Minimum memory limit allowed is 6MB."),
        (["--cpus", "bad"], 125, "failed to parse bad as a rational number"),
        (["--cpus", "9999"], 125, "Range of CPUs is from 0.01 to"),
        (["--name", "bad/name"], 125, "Invalid container name (bad/name), only"),
        (["-w", "rel"], 125, "the working directory 'rel' is invalid"),
        (
            ["-u", "nobodyx"],
            125,
            "unable to find user nobodyx: no matching entries in passwd file.",
        ),
        (["--network", "nonet"], 125, "network nonet not found."),
        (["-v", "rel/x:/work"], 125, 'create rel/x: "rel/x" includes invalid characters'),
        (["-v", "/x:rel"], 125, "invalid mount path: 'rel' mount path must be absolute."),
        (["-v", "/x:/"], 125, "destination can't be '/'"),
        (["-v", "aa:/b:rx"], 125, "invalid mode: rx"),
        (["-v", "aa:/w", "-v", "bb:/w"], 125, "Duplicate mount point: /w"),
        (
            ["--mount", "type=bind,src=/nonexistent/x,dst=/w"],
            125,
            "bind source path does not exist",
        ),
        (["--mount", "type=bind,src=/tmp"], 125, "target is required"),
        (["--mount", "type=bogus,src=/tmp,dst=/x"], 125, "mount type unknown"),
        (["--mount", "type=volume,dst=/x,what=1"], 125, "unexpected key 'what' in 'what=1'"),
        (
            ["-e", ""],
            125,
            'invalid argument "" for "-e, --env" flag: invalid environment variable:',
        ),
        (["-p", "99999:1"], 125, "Invalid hostPort: 99999."),
        (["--label", "=x"], 125, "invalid label '=x': empty name"),
        (["--pull", "sometimes"], 125, "invalid pull option: 'sometimes'"),
        (["--restart", "always", "--rm"], 125, "Conflicting options: --restart and --rm"),
        (["--restart", "now"], 125, "invalid restart policy 'now'"),
        (["--stop-timeout", "x"], 125, 'strconv.ParseInt: parsing "x": invalid syntax'),
        (["--rm=maybe"], 125, 'strconv.ParseBool: parsing "maybe": invalid syntax'),
        (["--env-file", "/nonexistent"], 125, "open /nonexistent: no such file or directory."),
        (["--cap-drop"], 125, "docker: "),
        (["-it"], 1, "the input device is not a TTY\n"),
    ],
)
def test_a_bad_value_is_refused_in_dockers_words_and_nothing_is_made(fake, args, code, words):
    said = fake("run", *args, *([] if args == ["--cap-drop"] else [IMAGE, "true"]), expect=None)
    if args == ["--cap-drop"]:
        assert said.err == "flag needs an argument: --cap-drop\nSee 'docker run --help'.\n"
    else:
        assert words in said.err
        if args[:1] != ["-u"] or "nobodyx" not in args:
            assert fake("ps", "-aq").out == ""
    assert said.exit == code


def test_options_are_recorded_as_the_engine_records_them(fake, tmp_path):
    (tmp_path / "env").write_text("# a comment\nFROM_FILE=1\nTAKEN\n")
    cid = tmp_path / "cid"
    words = (
        "create --name one --init --memory 1g --cpus 1.5 --pids-limit 55 --cap-drop ALL "
        "--read-only --security-opt no-new-privileges --restart on-failure:3 --stop-timeout 4 "
        f"--stop-signal INT --hostname hh -e A=b -w /srv --tmpfs /t:size=1m -p 127.0.0.1:8123:80 "
        f"--label k=v --env-file {tmp_path}/env --cidfile {cid} -u 7:8 --log-driver json-file "
        f"-i -t --platform linux --add-host a:1.2.3.4 --entrypoint /bin/echo {IMAGE} one two"
    ).split()
    ident = fake(*words, env={"TAKEN": "over"}).word
    doc = json.loads(fake("inspect", "one").out)[0]
    host, config = doc["HostConfig"], doc["Config"]
    assert cid.read_text() == ident
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (1 << 30, 2 << 30, 1500000000)
    assert (host["PidsLimit"], host["CapDrop"], host["ReadonlyRootfs"]) == (55, ["ALL"], True)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8123"}]}
    assert (host["Init"], host["Tmpfs"], host["CapAdd"]) == (True, {"/t": "size=1m"}, None)
    assert config["Env"][:3] == ["FROM_FILE=1", "TAKEN=over", "A=b"]
    assert (config["User"], config["WorkingDir"], config["Hostname"]) == ("7:8", "/srv", "hh")
    assert (config["StopSignal"], config["StopTimeout"]) == ("INT", 4)
    assert (config["Entrypoint"], config["Cmd"]) == (["/bin/echo"], ["one", "two"])
    assert (doc["Path"], doc["Args"]) == ("/bin/echo", ["one", "two"])
    assert config["Labels"]["k"] == "v"
    assert (config["Tty"], config["OpenStdin"]) == (True, True)
    assert "Fake" not in doc


def test_volumes_and_binds_stand_at_their_paths(fake, tmp_path):
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "file").write_text("from the host\n")
    said = fake(
        "run", "--rm", "-v", f"{tmp_path}/host:/x:ro", "-v", "named:/y", "-u", "root",
        "--mount", "type=volume,src=labelled,dst=/z,volume-label=a=b,volume-label=c=d",
        "--mount", f"type=bind,src={tmp_path}/host/file,dst=/one/file,readonly",
        IMAGE, "sh", "-c", "cat /x/file /one/file; echo y > /y/made; ! touch /x/no 2>/dev/null",
    )  # fmt: skip
    assert said.out == "from the host\n" * 2
    data = fake("volume", "inspect", "-f", "{{.Mountpoint}}", "named").word
    assert Path(data, "made").read_text() == "y\n"
    assert json.loads(fake("volume", "inspect", "-f", "{{json .Labels}}", "labelled").out) == {
        "a": "b",
        "c": "d",
    }
    assert not (tmp_path / "host" / "no").exists()


def test_an_image_that_is_absent_is_pulled_or_refused_as_told(fake):
    import seed

    seed.registry(fake.state, "team/tool:1")
    never = fake("run", "--rm", "--pull", "never", "team/tool:1", "true", expect=125)
    assert never.err == (
        "docker: Error response from daemon: No such image: team/tool:1.\n"
        "See 'docker run --help'.\n"
    )
    pulled = fake("run", "--rm", "team/tool:1", "echo", "there")
    assert pulled.out == "there\n"
    assert pulled.err.startswith("Unable to find image 'team/tool:1' locally\n1: Pulling from")
    assert "pull access denied" in fake("run", "absent:1", expect=125).err
    assert fake("create", "--pull", "never", "absent:1", expect=1).err == (
        "Error response from daemon: No such image: absent:1\n"
    )


def test_the_command_of_the_image_runs_where_none_is_given(fake):
    import seed

    seed.image(fake.state, "speaker:1", entrypoint=("echo", "said"), command=("by", "default"))
    assert fake("run", "--rm", "speaker:1").out == "said by default\n"
    assert fake("run", "--rm", "speaker:1", "by", "me").out == "said by me\n"
    assert fake("run", "--rm", "--entrypoint", "", "speaker:1", "true").out == ""


def test_a_killed_client_leaves_a_detached_container_running(fake):
    call = fake.start("run", "--name", "one", IMAGE, "sh", "-c", "echo up; sleep 60")
    assert call.stdout.readline() == b"up\n"
    call.kill()
    call.communicate(timeout=10)
    assert fake("inspect", "-f", "{{.State.Running}}", "one").word == "true"


def test_signals_to_the_client_reach_the_first_process(fake):
    script = "trap 'echo got; exit 9' TERM; echo up; while :; do sleep 0.1; done"
    call = fake.start("run", "--rm", IMAGE, "sh", "-c", script)
    assert call.stdout.readline() == b"up\n"
    call.terminate()
    out, _ = call.communicate(timeout=10)
    assert (out, call.returncode) == (b"got\n", 9)
