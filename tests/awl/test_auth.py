"""`auth`: what was handed over works where the workspace is, and nothing of it is seen."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from awl import credentials
from awl.auth import codex, delivery, github, gpg
from awl.errors import AwlError, CredentialsMissing, ToolMissing, ValueInvalid
from awl.executor import LocalExecutor
from tests.awl.conftest import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.awl.conftest import World

_TOKEN = "canary-5f1c"
_ASK = "protocol=https\nhost=github.com\n\n"


@pytest.fixture
def place(world: World, runtime: str) -> World:
    """A world with the workspace `a`."""
    assert world.awl("create", "--name", "a").code == 0
    return world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a workspace of the host has it."""
    (tmp_path / "w" / "auth").mkdir(parents=True)
    return tmp_path / "w"


def _local(folder: Path, **environment: str) -> LocalExecutor:
    return LocalExecutor(str(folder), {**os.environ, **environment})


def _gh(world: World, tokens: str) -> None:
    (world.bin / "gh").symlink_to(CHECKOUT / "stubs/gh")
    kept = world.home / ".config/gh"
    kept.mkdir(parents=True)
    (kept / "tokens").write_text(tokens)


# ---------------------------------------------------------------- github


def test_git_in_the_workspace_knows_the_token_and_no_stream_shows_it(place: World) -> None:
    handed = place.awl("auth", "github", "a", "--verbose", env={"GH_TOKEN": _TOKEN})
    assert handed.code == 0
    asked = place.awl("exec", "a", "git", "credential", "fill", stdin=_ASK)
    assert f"username=x-access-token\npassword={_TOKEN}\n" in asked.out
    assert _TOKEN not in handed.out + handed.err + json.dumps(place.calls())


def test_settings_of_the_person_stay_as_they_are(host: World) -> None:
    host.awl("create", "--name", "a")
    host.awl("auth", "github", "a", env={"GH_TOKEN": _TOKEN})
    assert not (host.home / ".gitconfig").exists()
    own = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "mine"}
    shown = host.awl("exec", "a", "git", "config", "a.b", env=own)
    assert shown.out == "mine\n"
    asked = host.awl("exec", "a", "git", "credential", "fill", stdin=_ASK, env=own)
    assert f"password={_TOKEN}\n" in asked.out


def test_a_second_host_does_not_take_the_place_of_the_first(place: World) -> None:
    place.awl("auth", "github", "a", env={"GH_TOKEN": "one"})
    place.awl("auth", "github", "a", "--host", "http://Git.example:8080", env={"GH_TOKEN": "two"})
    other = "protocol=http\nhost=git.example:8080\n\n"
    for asked, token in ((_ASK, "one"), (other, "two")):
        shown = place.awl("exec", "a", "git", "credential", "fill", stdin=asked)
        assert f"password={token}\n" in shown.out


@pytest.mark.parametrize(
    ("given", "scheme", "name"),
    [
        ("github.com", "https", "github.com"),
        ("https://GHE.example/", "https", "ghe.example"),
        ("http://127.0.0.1:80", "http", "127.0.0.1:80"),
    ],
)
def test_a_host_is_read_with_its_scheme(given: str, scheme: str, name: str) -> None:
    assert github.parse_host(given, {}) == github.Host(scheme, name)
    assert github.parse_host(None, {"GITHUB_HOST": given}).name == name


@pytest.mark.parametrize(
    "given", ["", "a/b", "a b", "-a", "a:0", "a:65536", "git://a", "u@a", "a\n"]
)
def test_what_is_no_host_is_refused(given: str) -> None:
    with pytest.raises(ValueInvalid, match="--host"):
        github.parse_host(given, {})


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "gh is not installed; GH_TOKEN and GITHUB_TOKEN are not set"),
        ({"AGENT_WORKSPACE_AUTH": "none", "GH_TOKEN": "x"}, "none was looked for"),
        ({"AGENT_WORKSPACE_AUTH": "gh", "GH_TOKEN": "x"}, "gh is not installed"),
        ({"GH_TOKEN": f"{_TOKEN} two"}, "GH_TOKEN holds is not a token"),
    ],
)
def test_without_a_token_the_reason_is_said(
    folder: Path, environment: dict[str, str], reason: str
) -> None:
    with pytest.raises(CredentialsMissing) as caught:
        github.hand(_local(folder), {"PATH": "/none", **environment}, None)
    assert reason in caught.value.message
    assert _TOKEN not in caught.value.message
    assert list((folder / "auth").iterdir()) == []


def test_the_policy_is_one_of_four(folder: Path) -> None:
    with pytest.raises(ValueInvalid) as caught:
        github.hand(_local(folder), {"AGENT_WORKSPACE_AUTH": "ghh"}, None)
    assert caught.value.hint == ("did you mean gh?",)


def test_gh_is_asked_for_its_own_token_and_not_for_that_of_the_environment(host: World) -> None:
    _gh(host, "github.com kept\n")
    host.awl("create", "--name", "a")
    shown = host.awl("auth", "github", "a", "--json", env={"GH_TOKEN": "other"})
    assert shown.document["source"] == "gh"
    token = host.root / "a/auth/github/github.com"
    assert token.read_text() == "kept\n"
    assert oct(token.stat().st_mode & 0o777) == "0o600"


def test_a_gh_that_does_not_answer_is_not_waited_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gh").symlink_to(CHECKOUT / "stubs/gh")
    monkeypatch.setattr(github, "_GH_LIMIT", 0.3)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWL_FAKE_GH_DELAY": "20",
    }
    with pytest.raises(CredentialsMissing, match=r"did not end within 0\.3 s"):
        github.hand(_local(folder), environment, None)


# ---------------------------------------------------------------- delivery


def test_a_secret_cut_short_changes_nothing(folder: Path) -> None:
    class Cut(LocalExecutor):
        def run(self, argv: object, **rest: object) -> object:  # type: ignore[override]
            rest["stdin"] = b"ne"
            return super().run(argv, **rest)  # type: ignore[arg-type]

    delivery.deliver(_local(folder), "auth", "x", b"old")
    with pytest.raises(AwlError, match="only a part"):
        delivery.deliver(Cut(str(folder), os.environ), "auth", "x", b"new")
    assert [path.name for path in (folder / "auth").iterdir()] == ["x"]
    assert (folder / "auth/x").read_bytes() == b"old"


def test_links_in_a_workspace_lead_no_secret_out_of_it(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "file").write_text("precious")
    (folder / ".codex").symlink_to(outside)
    with pytest.raises(AwlError, match="is a link"):
        delivery.deliver(_local(folder), ".codex", "auth.json", b"secret")
    (folder / "auth/token").symlink_to(outside / "file")
    (folder / "auth/gitconfig").symlink_to(outside / "file")
    delivery.deliver(_local(folder), "auth", "token", b"secret")
    delivery.settle(_local(folder), (delivery.Setting("a.b", "c"),))
    assert (folder / "auth/token").read_bytes() == b"secret"
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text() == "precious"
    assert outside.stat().st_mode & 0o777 == 0o755


def test_settings_keep_those_that_others_made(folder: Path) -> None:
    executor = _local(folder)
    file = delivery.settle(executor, (delivery.Setting("a.b", "1"),))
    delivery.settle(executor, (delivery.Setting("c.d", "2"), delivery.Setting("c.d", "3", True)))
    listed = subprocess.run(
        ["git", "config", "--file", file, "--list"], capture_output=True, text=True, check=True
    )
    assert listed.stdout == "a.b=1\nc.d=2\nc.d=3\n"


def test_a_program_that_the_workspace_lacks_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    with pytest.raises(ToolMissing, match="no git in the workspace"):
        delivery.settle(_local(folder, PATH=str(tmp_path)), (delivery.Setting("a.b", "1"),))


def test_a_folder_without_credentials_adds_no_variable(folder: Path) -> None:
    assert credentials.variables(str(folder), {}) == {}
    (folder / "auth/gitconfig").touch()
    assert credentials.variables(str(folder), {"GIT_CONFIG_COUNT": "odd"}) == {}
    assert credentials.variables(str(folder), {})["GIT_CONFIG_KEY_0"] == "include.path"


# ---------------------------------------------------------------- codex


def test_codex_finds_its_credentials_in_the_workspace(place: World) -> None:
    (place.home / ".codex").mkdir()
    (place.home / ".codex/auth.json").write_text(_TOKEN)
    shown = place.awl("auth", "codex", "a", "--json")
    assert (shown.code, shown.document["source"]) == (0, "file")
    script = 'cd "${CODEX_HOME:-$HOME/.codex}"; cat auth.json; stat -c " %a %a" . auth.json'
    there = place.awl("exec", "a", "--", "sh", "-c", script)
    assert there.out.startswith(f"{_TOKEN} 700 700\n 600 600\n")
    assert _TOKEN not in shown.out + shown.err + json.dumps(place.calls())


@pytest.mark.parametrize("profile", ["", "a/b", "..", "a..b", "a b", "\t", ".hidden", "-x", "a\0"])
def test_what_is_no_profile_is_refused(profile: str) -> None:
    with pytest.raises(ValueInvalid, match="--profile"):
        codex.check_profile(profile)


def test_a_profile_that_is_not_there_is_warned_of(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "own").write_text("x")
    environment = {"CODEX_AUTH_FILE": str(tmp_path / "own"), "CODEX_SECRET_DIR": str(tmp_path)}
    assert codex.hand(_local(folder), environment, "p", said.append).source == "file"
    assert len(said) == 1
    (tmp_path / "p.json").write_text("y")
    assert codex.hand(_local(folder), environment, "p", said.append).source == "profile"
    assert (folder / ".codex/auth.json").read_text() == "y"
    assert len(said) == 1


def test_only_a_file_of_some_content_and_no_great_size_is_taken(
    folder: Path, tmp_path: Path
) -> None:
    large, pipe, empty = tmp_path / "large", tmp_path / "pipe", tmp_path / "empty"
    large.write_bytes(b"x" * ((1 << 20) + 1))
    os.mkfifo(pipe)
    empty.write_text("\n")
    for path, reason in (
        (large, "too large"),
        (pipe, "not a file"),
        (empty, "is empty"),
        (tmp_path, "directory"),
    ):
        with pytest.raises(CredentialsMissing, match=reason):
            codex.hand(_local(folder), {"CODEX_AUTH_FILE": str(path)}, None, print)


# ---------------------------------------------------------------- gpg


@pytest.fixture
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A person's own keyring with two throw-away keys; the agent's socket wants a short path."""
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    environment = {**os.environ, "GNUPGHOME": str(home), "HOME": str(home)}
    for person in ("one", "two"):
        subprocess.run(
            [
                *("gpg", "-q", "--batch", "--passphrase", "", "--quick-generate-key"),
                *(f"{person} <{person}@example.org>", "ed25519", "sign", "never"),
            ],
            env=environment,
            check=True,
            capture_output=True,
        )
    yield environment
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=True)


def test_git_in_the_workspace_signs_with_the_key(place: World, keyring: dict[str, str]) -> None:
    own = {"GNUPGHOME": keyring["GNUPGHOME"]}
    handed = place.awl("auth", "gpg", "a", "--key", "one@example.org", "--json", env=own)
    assert (handed.code, handed.document["source"]) == (0, "keyring")
    commit = (
        "git init -q r && cd r && git -c user.name=One -c user.email=one@example.org"
        " commit -q --allow-empty -m signed && git verify-commit HEAD && git log -1 --format=%G?"
    )
    signed = place.awl("exec", "a", "--", "sh", "-c", commit, env=own)
    assert (signed.code, signed.out) == (0, "G\n"), signed.err


def test_a_key_is_named_by_option_variable_or_git(folder: Path, keyring: dict[str, str]) -> None:
    for environment, key in (
        ({"AGENT_WORKSPACE_GPG_KEY": "two"}, "one"),
        ({"AGENT_WORKSPACE_GPG_KEY": "one"}, None),
        ({"GIT_CONFIG_GLOBAL": f"{keyring['HOME']}/gitconfig"}, None),
    ):
        with open(f"{keyring['HOME']}/gitconfig", "w") as file:  # noqa: PTH123 - text
            file.write("[user]\n\tsigningkey = one\n")
        assert gpg.hand(_local(folder), {**keyring, **environment}, key).provider == "gpg"
        listed = subprocess.run(
            ["git", "config", "--file", folder / "auth/gitconfig", "user.signingkey"],
            capture_output=True,
            text=True,
            check=True,
        )
        uid = subprocess.run(
            ["gpg", "--list-keys", listed.stdout.strip()],
            env=keyring,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "one@example.org" in uid.stdout


def test_keys_that_cannot_be_used_are_told_apart(folder: Path, keyring: dict[str, str]) -> None:
    bare = {**keyring, "GIT_CONFIG_GLOBAL": os.devnull}
    ssh = f"{keyring['HOME']}/ssh"
    with open(ssh, "w") as file:  # noqa: PTH123 - text
        file.write("[gpg]\n\tformat = ssh\n[user]\n\tsigningkey = k\n")
    for environment, key, kind, words in (
        (bare, "nobody", CredentialsMissing, "no secret key nobody"),
        (bare, None, CredentialsMissing, "no key was named"),
        ({**bare, "GIT_CONFIG_GLOBAL": ssh}, None, CredentialsMissing, "is for ssh"),
        (bare, "example.org", ValueInvalid, "not one key but 2"),
        (bare, " ", ValueInvalid, "--key is ' '"),
        ({**bare, "PATH": "/none"}, "one", ToolMissing, "gpg is not installed"),
        ({**bare, "PATH": "/none"}, None, ToolMissing, "git is not on PATH"),
    ):
        with pytest.raises(kind, match=words):
            gpg.hand(_local(folder), environment, key)
    assert list((folder / "auth").iterdir()) == []


# ---------------------------------------------------------------- the command


def test_the_only_workspace_is_meant_where_none_is_named(world: World, runtime: str) -> None:
    env = {"GH_TOKEN": _TOKEN}
    none = world.awl("auth", "github", env=env)
    assert (none.code, none.error) == (5, "workspace-not-chosen")
    world.awl("create", "--name", "one")
    assert world.awl("auth", "github", "--json", env=env).document["workspace"] == "one"
    world.awl("create", "--name", "two")
    several = world.awl("auth", "github", "--json", env=env)
    error = json.loads(several.err)["error"]
    assert (several.code, error["code"]) == (5, "workspace-not-chosen")
    assert error["details"] == {
        "workspaces": ["one", "two"],
        "provider": "github",
        "runtime": runtime,
    }


def test_an_option_of_another_provider_is_refused(host: World) -> None:
    host.awl("create", "--name", "a")
    shown = host.awl("auth", "codex", "a", "--key", "x")
    assert (shown.code, shown.error) == (2, "usage")
    assert "--profile" in shown.err


def test_hints_name_the_workspace_and_leave_variables_alone(host: World) -> None:
    host.awl("create", "--name", "a")
    env = {"GIT_CONFIG_GLOBAL": os.devnull}
    assert "awl auth gpg a --key FINGERPRINT" in host.awl("auth", "gpg", "a", env=env).err
    assert "AGENT_WORKSPACE_AUTH=" in host.awl("auth", "github", "a").err
    assert "runtime: host" in host.awl("auth", "github", "a", env={"GH_TOKEN": "x"}).out
