from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awl import commandline

_COMMANDS = ["create", "ls", "exec", "rm", "version", "help"]

if TYPE_CHECKING:
    from tests.awl.conftest import World


@pytest.mark.parametrize("command", [[], *([name] for name in _COMMANDS)])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_on_standard_output(world: World, command: list[str], option: str) -> None:
    shown = world.awl(*command, option)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(" ".join(["Usage: awl", *command]))


def test_help_shows_the_invoked_name(world: World) -> None:
    link = world.bin / "agent-workspace-launcher"
    link.write_text(f"#!{world.argv()[0]}\nfrom awl.cli import main\nraise SystemExit(main())\n")
    link.chmod(0o755)
    done = subprocess.run([link, "ls", "--help"], capture_output=True, text=True, env=world.env)
    assert done.stdout.startswith("Usage: agent-workspace-launcher ls")


def test_no_command_shows_help_as_an_error(world: World) -> None:
    shown = world.awl()
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("Usage: awl")
    assert world.awl("--json").error == "usage"


@pytest.mark.parametrize(
    ("words", "error", "near"),
    [
        (["creat"], "unknown-command", "awl create"),
        (["help", "exec-codes"], "unknown-command", "awl help exit-codes"),
        (["ls", "--al"], "unknown-option", "--all"),
        (["--jason", "ls"], "unknown-option", "--json"),
        (["rm", "-z"], "unknown-option", ""),
        (["ls", "extra"], "usage", ""),
        (["exec"], "usage", ""),
        (["create", "--name"], "usage", ""),
        (["ls", "--output", "xml"], "value-invalid", "--output 'xml' is none of: text, json"),
        (["auth", "githb", "a"], "value-invalid", "did you mean: github"),
        (["auth"], "usage", "awl auth needs one of: github, codex, gpg"),
        (["sync", "push", "a", "b"], "usage", "awl sync needs DST"),
        (["ls", "--runtime"], "runtime-invalid", "host"),
        (["--runtime", "hots", "ls"], "runtime-invalid", "host"),
        (["--runtime=", "version"], "runtime-invalid", "host"),
    ],
)
def test_what_is_not_known_is_refused_with_the_nearest(
    world: World, words: list[str], error: str, near: str
) -> None:
    shown = world.awl(*words)
    assert (shown.code, shown.out, shown.error) == (2, "", error)
    assert near in shown.err
    in_json = world.awl("--json", *words)
    assert in_json.error == error
    assert json.loads(in_json.err)["error"]["exit_code"] == 2


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["remove", "x"], "awl rm"),
        (["delete", "x"], "awl rm"),
        (["shell", "x"], "awl exec"),
        (["inspect", "x"], "awl status"),
        (["new"], "awl create"),
        (["list"], "awl ls"),
        (["ps"], "awl ls"),
        (["rm", "-f", "x"], "--force"),
        (["ls", "-f"], ""),
        (["rm", "-rf", "x"], ""),
        (["-V"], "--version"),
        (["mr", "x"], "awl rm"),
        (["rmm", "x"], "awl rm"),
        (["r", "x"], "awl rm"),
        (["rest", "x"], "awl reset"),
        (["rezet", "x"], "awl reset"),
    ],
)
def test_a_name_from_elsewhere_leads_to_what_it_means_here(
    world: World, words: list[str], meant: str
) -> None:
    hints = [line for line in world.awl(*words).err.splitlines() if "did you mean" in line]
    assert hints == ([f"hint: did you mean: {meant}"] if meant else [])


@pytest.mark.parametrize("word", ["erase", "remov", "rmdir", "resize", "preset1", "revert", "trim"])
def test_what_destroys_is_not_suggested_for_a_word_that_is_only_similar(
    world: World, word: str
) -> None:
    shown = world.awl(word, "x")
    assert shown.error == "unknown-command"
    assert not {"hint: did you mean: awl rm", "hint: did you mean: awl reset"} & {
        *shown.err.splitlines()
    }


def test_version_names_the_pinned_image(world: World) -> None:
    text = world.awl("version").out
    assert text == world.awl("--version").out
    document = world.awl("--version", "--json").document
    assert document["image"] in text
    assert document["version"] in text


def test_the_table_of_exit_codes_is_printed(world: World) -> None:
    shown = world.awl("help", "exit-codes")
    assert [int(line.split()[0]) for line in shown.out.splitlines()][-1] == 130
    assert world.awl("help", "exit-codes", "--json").document["exit_codes"][0]["exit"] == 0
    assert world.awl("help").out.startswith("Usage: awl [OPTIONS]")
    assert world.awl("help", "rm").out.startswith("Usage: awl rm")


@pytest.mark.parametrize(
    "words",
    [
        ["--runtime", "host", "ls"],
        ["--runtime=host", "ls"],
        ["ls", "--runtime", "host"],
        ["ls", "--runtime=native"],
    ],
)
def test_the_runtime_may_stand_before_or_after_the_command(world: World, words: list[str]) -> None:
    assert world.awl(*words).code == 0


def test_a_closed_pipe_is_silent(host: World) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        host.argv("help", "exit-codes"), stdout=write, stderr=subprocess.PIPE, env=host.env
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_and_no_traceback(host: World) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            host.argv("version"), stdout=full, stderr=subprocess.PIPE, env=host.env, text=True
        )
    assert done.returncode == 1
    assert "error[no-space]" in done.stderr
    assert "Traceback" not in done.stderr


def test_closed_standard_streams_are_no_trouble(host: World) -> None:
    line = " ".join([*host.argv("version"), "<&-", ">&-"])
    done = subprocess.run(["sh", "-c", line], stderr=subprocess.PIPE, env=host.env)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("word", ["\udcff", "a\nb", "'", "💥", "--\udcff"])
def test_odd_words_give_no_traceback(host: World, word: str) -> None:
    for words in (["rm", word], ["create", word], [word], ["exec", word, "x"], ["create", "--ref"]):
        done = subprocess.run(
            [os.fsencode(item) for item in host.argv(*words)],
            env=host.env,
            capture_output=True,
        )
        assert done.returncode in {2, 3, 125}
        assert b"Traceback" not in done.stderr


def test_the_command_line_with_another_runtime_is_the_persons_own() -> None:
    line = commandline.with_runtime(
        "awl",
        ["--runtime", "docker", "exec", "--runtime=docker", "-e", "A=1", "a", "--runtime", "x"],
        "host",
    )
    # A value may be a secret, and the line is shown.
    assert line == ["awl", "--runtime", "host", "exec", "-e", "A=***", "a", "--runtime", "x"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--json", "ls"], True),
        (["ls", "--output", "json"], True),
        (["ls", "--output=json", "--output", "text"], False),
        (["exec", "a", "--json"], False),
        (["exec", "--cwd", "--json", "a"], False),
        (["rm", "--", "--json"], False),
        (["create", "--name", "--json"], False),
    ],
)
def test_json_is_read_from_the_launchers_own_words_only(words: list[str], expected: bool) -> None:
    assert commandline.is_json(words) is expected


def test_verbose_shows_what_runs_without_secrets(host: World) -> None:
    remote = host.remote()
    shown = host.awl("--verbose", "create", str(remote))
    assert "+ git clone" in shown.err
    assert "+ git" not in host.awl("-v", "-q", "create", "--name", "b", str(remote)).err
