"""Which engine a call means, what a client is, and how refusals are told apart (ENG-1, ENG-2)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from awl import config, proc
from awl.engines import identity, words
from awl.engines.choice import choose
from awl.engines.docker import Docker
from awl.errors import (
    EngineNotInstalled,
    EnginePermissionDenied,
    EngineUnreachable,
    ValueInvalid,
)

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import World

ABSENT = b"Error: no container with name or ID 'x' found: no such container"


def client(folder: Path, name: str, script: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": str(folder)}


@pytest.fixture(autouse=True)
def _forgets() -> None:
    identity._by_file.cache_clear()
    identity._asked.clear()


# ---------------------------------------------------------------- what was asked for


@pytest.mark.parametrize(
    ("flag", "variable", "expected"),
    [
        (None, None, ("auto", "the default")),
        ("podman", "docker", ("podman", "--engine")),
        (None, " Docker ", ("docker", "AWL_ENGINE")),
        ("auto", "docker", ("auto", "--engine")),
    ],
)
def test_the_option_is_stronger_than_the_variable(
    flag: str | None, variable: str | None, expected: tuple[str, str]
) -> None:
    given = {} if variable is None else {"AWL_ENGINE": variable}
    assert expected == config.engine(flag, given)


@pytest.mark.parametrize(("flag", "variable"), [("podmn", None), ("", None), (None, "")])
def test_what_is_no_engine_is_refused(flag: str | None, variable: str | None) -> None:
    given = {} if variable is None else {"AWL_ENGINE": variable}
    with pytest.raises(ValueInvalid) as caught:
        config.engine(flag, given)
    assert "accepted: auto, docker, podman" in caught.value.message
    assert ("did you mean podman?" in caught.value.hint) == (flag == "podmn")


# ---------------------------------------------------------------- what a client is


def test_a_client_is_what_the_file_behind_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "podman").write_bytes(b"\x7fELF")
    (tmp_path / "docker").symlink_to("podman")
    (tmp_path / "own").write_bytes(b"\x7fELF podman")
    assert identity.of(str(tmp_path / "docker"), {}) == "podman"
    assert identity.of(str(tmp_path / "own"), {}) == "docker"
    assert identity.of(str(tmp_path / "absent"), {}) == "docker"


def test_a_script_that_names_podman_is_asked_once(tmp_path: Path) -> None:
    said = tmp_path / "said"
    path = client(tmp_path, "docker", f"# podman\necho x >>{said}; echo podman version 4.3.1")
    assert identity.of(path, {}) == "podman"
    assert identity.of(path, {}) == "podman"
    assert said.read_text() == "x\n"


def test_a_script_is_docker_where_it_says_so_or_nothing_of_podman(tmp_path: Path) -> None:
    assert (
        identity.of(client(tmp_path, "a", "# not podman\necho Docker version 20"), {}) == "docker"
    )
    assert identity.of(client(tmp_path, "b", "exit 1"), {}) == "docker"


# ---------------------------------------------------------------- the first that answers

DOWN = "echo Cannot connect to the Docker daemon at x. Is the docker daemon running? >&2; exit 1"


def test_without_any_the_error_names_both(tmp_path: Path) -> None:
    with pytest.raises(EngineNotInstalled) as caught:
        choose(None, environment(tmp_path)).call("ps")
    assert "neither docker nor podman" in caught.value.message
    assert len(caught.value.hint) == 2


def test_podman_alone_is_not_asked_beforehand(tmp_path: Path) -> None:
    client(tmp_path, "podman", 'echo "$1"')
    engine = choose(None, environment(tmp_path))
    assert (engine.client, engine.name, engine.ask("ps")) == ("podman", "podman", "ps")


def test_podman_takes_over_where_docker_does_not_answer(tmp_path: Path) -> None:
    client(tmp_path, "docker", DOWN)
    client(tmp_path, "podman", 'echo "$@"')
    engine = choose(None, environment(tmp_path))
    assert engine.ask("ps") == "ps"
    assert engine.client == "podman"
    assert engine.ask("ps", "-a") == "ps -a"


def test_the_template_is_that_of_the_engine_that_answers(tmp_path: Path) -> None:
    client(tmp_path, "docker", DOWN)
    client(tmp_path, "podman", 'printf "%s\\n" "$3"')
    engine = choose(None, environment(tmp_path))
    assert engine.rows("ps", fields=("ID", "label:a")) == [["{{.ID}}", '{{index .Labels "a"}}']]


def test_where_neither_answers_the_error_is_dockers(tmp_path: Path) -> None:
    client(tmp_path, "docker", DOWN)
    client(tmp_path, "podman", "exit 125")
    with pytest.raises(EngineUnreachable, match="docker daemon"):
        choose(None, environment(tmp_path)).call("ps")


def test_an_engine_that_answered_once_is_kept(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    client(tmp_path, "docker", f"[ -e {mark} ] || {{ : >{mark}; exit 0; }}\n{DOWN}")
    client(tmp_path, "podman", "echo never")
    engine = choose(None, environment(tmp_path))
    engine.call("ps")
    with pytest.raises(EngineUnreachable):
        engine.call("ps")


def test_one_that_was_chosen_is_never_replaced(tmp_path: Path) -> None:
    client(tmp_path, "docker", DOWN)
    client(tmp_path, "podman", "echo never")
    with pytest.raises(EngineUnreachable):
        choose(config.Setting("docker", "--engine"), environment(tmp_path)).call("ps")


def test_one_that_hangs_has_a_limit(tmp_path: Path) -> None:
    client(tmp_path, "podman", "exec /bin/sleep 20")
    given = {**environment(tmp_path), "AWL_ENGINE_TIMEOUT": "0.2"}
    with pytest.raises(EngineUnreachable, match="podman ps took longer") as caught:
        Docker(given, "podman").call("ps")
    assert caught.value.hint == ("see how it is: podman version",)


# ---------------------------------------------------------------- refusals


def failed(text: bytes) -> proc.Completed:
    return proc.Completed(125, b"", text)


@pytest.mark.parametrize(
    ("said", "kind", "hint"),
    [
        (b"Cannot connect to Podman. Please verify", EngineUnreachable, "connection list"),
        (b"Error: unable to connect to Podman socket: x", EngineUnreachable, "connection list"),
        (b"unable to connect to Podman: dial unix /r/p.sock: connect: permission denied",
         EnginePermissionDenied, "connection list"),
        (ABSENT, None, ""),
        (b"Error: permission denied", None, ""),
    ],
)  # fmt: skip
def test_podmans_refusals(said: bytes, kind: type[Exception] | None, hint: str) -> None:
    error = words.failure(failed(said), "podman")
    assert (error and type(error)) == kind
    assert error is None or hint in error.hint[0]


def test_absent_full_and_unknown_are_told_apart() -> None:
    texts = {
        "absent": failed(ABSENT).words,
        "full": "Error response from daemon: write /var/x: no space left on device",
        "unknown": "Error: absent:1: image not known",
    }
    told = {
        name: (
            words.is_absent(text),
            proc.Completed(1, b"", text.encode()).is_full,
            words.is_unknown_image(text),
        )
        for name, text in texts.items()
    }
    assert told == {
        "absent": (True, False, False),
        "full": (False, True, False),
        "unknown": (False, False, True),
    }


# ---------------------------------------------------------------- records


def test_a_record_that_names_no_engine_is_dockers(container: World) -> None:
    """Records of earlier versions have neither client nor, spoilt, an engine."""
    container.awl("create", "--name", "a", "--no-work-repos")
    path = container.root / ".awl/container/a.json"
    document = json.loads(path.read_text())
    assert (document.pop("client"), document["engine"]) == ("docker", "docker")
    path.write_text(json.dumps(document))
    assert container.awl("ls").out == "a\n"
    assert container.awl("exec", "a", "echo", "x").out == "x\n"


def test_a_record_that_names_a_program_does_not_run_it(container: World) -> None:
    """An agent could write one; see awl.model.Workspace.of."""
    container.awl("create", "--name", "a", "--no-work-repos")
    path = container.root / ".awl/container/a.json"
    document = json.loads(path.read_text()) | {"client": "/bin/false"}
    path.write_text(json.dumps(document))
    assert container.awl("exec", "a", "echo", "x").out == "x\n"
