from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from awl.doctor import examine
from awl.errors import AwlError
from awl.model import Listing
from awl.runtimes import registry
from awl.runtimes.api import Context
from awl.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.awl.conftest import World


def _mended(world: World) -> list[tuple[str, str, bool]]:
    return _findings(world, "--fix", "--yes")


def _findings(world: World, *words: str) -> list[tuple[str, str, bool]]:
    result = world.awl("doctor", "--json", *words)
    document = result.document
    rows = [(row["id"], row["subject"], row["fixed"]) for row in document["findings"]]
    assert document["healthy"] == all(fixed for _, _, fixed in rows)
    assert (result.code, result.error) == ((0, None) if document["healthy"] else (1, "unhealthy"))
    assert all(row["problem"] and row["mend"] for row in document["findings"])
    return rows


def test_nothing_wrong_is_healthy_and_changes_nothing(world: World, runtime: str) -> None:
    world.awl("create", "--name", "a", "--no-work-repos")
    before = world.trace()
    assert _findings(world) == []
    assert world.awl("doctor", "--fix").out == "healthy\n"
    assert world.trace() == before


def test_each_finding_is_told_with_its_mend(host: World) -> None:
    host.root.mkdir()
    (host.root / "stray").touch()
    result = host.awl("doctor")
    assert result.code == 1
    assert result.out.splitlines() == [
        (
            f"host: foreign: {host.root}/stray: it is in the root and not a workspace;"
            " it stays as it is"
        ),
        f"  mend: mv {host.root}/stray ELSEWHERE",
    ]
    assert "error[unhealthy]: 1 of 1 findings" in result.err


# ---------------------------------------------------------------- the root and its files


@pytest.mark.parametrize("below", [False, True])
def test_a_root_that_is_no_folder_is_found(host: World, below: bool) -> None:
    host.root.touch()
    root = host.root / "deeper" if below else host.root
    host.env["AGENT_WORKSPACE_HOME"] = str(root)
    assert _mended(host) == [("root-not-writable", str(root), False)]


def test_what_others_may_use_is_closed_to_them(host: World) -> None:
    host.awl("create", "--name", "a", "--no-work-repos")
    (host.root / "a/auth/github").mkdir()
    open_to_others = {
        "": 0o777,
        "a/auth/github": 0o755,
        "a/auth/github/token": 0o644,
        "a/.codex": 0o750,
        "a/.codex/auth.json": 0o640,
        "a/.awl": 0o701,
    }
    for name, mode in open_to_others.items():
        path = host.root / name
        if not path.exists():
            path.touch()
        path.chmod(mode)
    (host.root / "a/.codex/log").touch()
    (host.root / "a/.codex/log").chmod(0o644)  # its folder is closed, and it is no credential
    subjects = {str(host.root / name).rstrip("/") for name in open_to_others}
    assert {(id_, subject) for id_, subject, _ in _findings(host)} == {
        ("mode", subject) for subject in subjects
    }
    assert all(fixed for _, _, fixed in _mended(host))
    assert (host.root / "a/auth/github/token").stat().st_mode & 0o777 == 0o600
    assert host.root.stat().st_mode & 0o777 == 0o755
    assert _findings(host) == []


def test_modes_are_never_set_through_a_link(host: World, tmp_path: Path) -> None:
    host.awl("create", "--name", "a", "--no-work-repos")
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "file").touch()
    (secret / "file").chmod(0o644)
    (host.root / "a/auth/link").symlink_to(secret)
    (host.root / "a/auth/file").symlink_to(secret / "file")
    assert _mended(host) == []
    assert (secret / "file").stat().st_mode & 0o777 == 0o644


def test_a_mode_is_not_set_where_a_folder_has_become_a_link_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "token").touch(0o644)
    context = Context({"HOME": str(tmp_path), "PATH": "/usr/bin"}, Store(str(root)), print)
    monkeypatch.setenv("AGENT_WORKSPACE_HOME", str(root))
    registry.make("host", context).create(_spec("a"), lambda _: ())
    folder = root / "a/auth/github"
    folder.mkdir(0o700)
    (folder / "token").touch(0o644)
    (finding,) = examine(["host"], context)
    (folder / "token").unlink()
    folder.rmdir()
    folder.symlink_to(elsewhere)
    assert finding.repair is not None
    with pytest.raises(OSError, match="Not a directory"):
        finding.repair()
    assert (elsewhere / "token").stat().st_mode & 0o777 == 0o644


def _spec(name: str) -> Any:
    from awl.model import CreateSpec

    return CreateSpec(name)


def test_what_killed_calls_have_left_is_cleared(host: World) -> None:
    own = host.root / ".awl"
    (own / "tmp/a.0123456789ab").mkdir(parents=True)
    (own / "container").mkdir()
    (own / "container/b.json.0123456789ab").touch()
    own.chmod(0o700)
    host.root.chmod(0o700)
    left = [
        ("leftover", str(own / "tmp/a.0123456789ab")),
        ("leftover", str(own / "container/b.json.0123456789ab")),
    ]
    assert _findings(host) == [(*one, False) for one in left]
    assert _mended(host) == [(*one, True) for one in left]
    assert _findings(host) == []


def test_what_another_call_is_making_is_no_finding(host: World) -> None:
    (host.root / ".awl/tmp/a.0123456789ab").mkdir(parents=True)
    (host.root / ".awl").chmod(0o700)
    with Store(str(host.root)).lock("host", "a"):
        assert _findings(host) == []
    assert len(_findings(host)) == 1


# ---------------------------------------------------------------- host workspaces


def test_a_failed_workspace_that_was_kept_is_found_and_cleared(world: World, runtime: str) -> None:
    remote = world.remote()
    world.awl("create", "--name", "a", "--keep-failed", str(remote), "/nowhere/acme/none")
    assert _findings(world) == [("half-made", "a", False)]
    assert _mended(world) == [("half-made", "a", True)]
    assert _findings(world) == []
    assert world.trace() == []


def test_work_in_a_failed_workspace_is_not_lost(world: World, runtime: str) -> None:
    remote = world.remote()
    world.awl("create", "--name", "a", "--keep-failed", str(remote), "/nowhere/acme/none")
    if runtime == "host":
        (world.root / "a/work/acme/tool/new").touch()
    else:
        world.docker("exec", "agent-ws-a", "touch", "/work/acme/tool/new")
    assert _mended(world) == [("half-made", "a", False)]
    said = world.awl("doctor", "--fix", "--yes").out
    assert "not mended: it holds work that is nowhere else" in said
    assert f"mend: awl rm a --runtime {runtime}" in said


def test_a_workspace_with_spoilt_metadata_is_left_to_the_person(host: World) -> None:
    host.awl("create", "--name", "a", "--no-work-repos")
    (host.root / "a/.awl/workspace.json").write_text('{"name": "a"}')
    assert _mended(host) == [("record-spoilt", "a", False)]
    assert (host.root / "a/work").is_dir()


def test_git_missing_is_found(host: World) -> None:
    host.env["PATH"] = str(host.bin)
    assert _findings(host) == [("git-missing", "git", False)]


def test_the_host_runtime_asks_no_engine(container: World) -> None:
    container.awl("--runtime", "host", "doctor", "--fix")
    assert container.calls() == []


# ---------------------------------------------------------------- containers


def test_an_engine_that_is_missing_is_found_beside_what_ails_the_host(world: World) -> None:
    world.root.mkdir(0o700)
    (world.root / "stray").touch()
    found = _findings(world)
    assert found == [
        ("engine-not-installed", "docker", False),
        ("foreign", str(world.root / "stray"), False),
    ]


@pytest.mark.parametrize(
    ("fault", "id_"),
    [("daemon-down", "engine-unreachable"), ("permission-denied", "engine-permission-denied"),
     ("hang", "engine-unreachable")],
)  # fmt: skip
def test_an_engine_that_does_not_answer_is_found(container: World, fault: str, id_: str) -> None:
    container.env["AWL_ENGINE_TIMEOUT"] = "0.5"
    container.env["AWL_FAKE_DOCKER_FAULTS"] = fault
    assert _findings(container) == [(id_, "docker", False)]


def test_an_absent_image_is_found_and_pulled(container: World) -> None:
    image = "acme/tool:1"
    container.env["AGENT_ENV_IMAGE"] = image
    assert _findings(container) == [("image-missing", image, False)]
    assert _mended(container) == [("image-missing", image, False)]
    assert "not mended: it could not be pulled" in container.awl("doctor", "--fix").out


def test_an_image_that_the_registry_has_is_pulled(container: World) -> None:
    pinned = container.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
    shutil.copytree(container.state / "images", container.state / "registry", dirs_exist_ok=True)
    container.docker("image", "rm", pinned)
    container.env["AGENT_ENV_IMAGE"] = pinned
    assert _mended(container) == [("image-missing", pinned, True)]


def test_a_container_without_a_record_is_found_and_removed(container: World) -> None:
    container.awl("create", "--name", "a", "--no-work-repos")
    (container.root / ".awl/container/a.json").unlink()
    assert _findings(container) == [("half-made", "a", False)]
    assert _mended(container) == [("half-made", "a", True)]
    assert container.docker("ps", "-aq") == ""
    assert container.docker("volume", "ls", "-q") == ""


def test_stray_volumes_are_found_and_removed_and_kept_ones_stay(container: World) -> None:
    for name in ("a", "b"):
        container.awl("create", "--name", name, "--no-work-repos")
    container.awl("rm", "a", "--yes", "--keep-volumes")
    (container.root / ".awl/container/b.json").unlink()
    container.docker("rm", "-f", "agent-ws-b")
    container.docker("volume", "create", "--label", "awl.workspace=c", "agent-ws-c-work")
    stray = [("stray-volume", f"agent-ws-b-{part}") for part in ("codex", "home", "work")]
    assert _findings(container) == [(*one, False) for one in stray]
    assert _mended(container) == [(*one, True) for one in stray]
    left = container.docker("volume", "ls", "-q").split()
    assert sorted(left) == [*(f"agent-ws-a-{p}" for p in ("codex", "home", "work")),
                            "agent-ws-c-work"]  # fmt: skip


@pytest.mark.parametrize("answer", ["", "no\n", "y\n"])
def test_volumes_are_named_and_go_only_where_the_person_agrees(
    container: World, answer: str
) -> None:
    container.awl("create", "--name", "b", "--no-work-repos")
    (container.root / ".awl/container/b.json").unlink()
    (container.root / ".awl/container").chmod(0o755)
    container.docker("rm", "-f", "agent-ws-b")
    volumes = [f"agent-ws-b-{part}" for part in ("codex", "home", "work")]
    result = container.awl("--quiet", "doctor", "--fix", stdin=answer)
    asked, _, said = result.err.partition("remove 3? [y/N] ")
    assert asked.splitlines() == [
        f"to be removed: volume {name} (stray-volume: {name})" for name in volumes
    ]
    agreed = answer == "y\n"
    assert result.code == (0 if agreed else 1)
    assert container.docker("volume", "ls", "-q").split() == ([] if agreed else volumes)
    assert ("awl doctor --fix --yes" in said) != agreed
    assert result.out.count("not mended: not confirmed") == (0 if agreed else 3)


def test_what_removes_nothing_is_mended_without_a_question(host: World) -> None:
    host.awl("create", "--name", "a", "--no-work-repos")
    half = host.root / ".awl/tmp/gone.1"
    half.mkdir(parents=True)
    (host.root / "a/auth").chmod(0o755)
    result = host.awl("doctor", "--fix", "--json")
    rows = {row["id"]: (row["fixed"], row["removes"]) for row in result.document["findings"]}
    assert rows == {"leftover": (False, [str(half)]), "mode": (True, [])}
    assert half.exists()
    assert host.awl("doctor", "--yes").error == "usage"


def test_a_container_that_somebody_removed_is_told_and_its_volumes_stay(container: World) -> None:
    container.awl("create", "--name", "a", "--no-work-repos")
    container.docker("rm", "-f", "agent-ws-a")
    assert _mended(container) == [("container-gone", "a", False)]
    assert len(container.docker("volume", "ls", "-q").split()) == 3


@pytest.mark.parametrize("with_container", [False, True])
def test_a_spoilt_record_is_cleared_with_what_it_stood_for(
    container: World, with_container: bool
) -> None:
    container.awl("create", "--name", "a", "--no-work-repos")
    (container.root / ".awl/container/a.json").write_text("{")
    if not with_container:
        container.docker("rm", "-f", "agent-ws-a")
        container.docker("volume", "rm", *container.docker("volume", "ls", "-q").split())
    id_ = "half-made" if with_container else "record-spoilt"
    assert _mended(container) == [(id_, "a", True)]
    assert _findings(container) == []
    assert container.awl("create", "--name", "a", "--no-work-repos").code == 0


def test_containers_and_volumes_of_another_root_are_nobodys_business(container: World) -> None:
    container.awl("create", "--name", "a", "--no-work-repos")
    env = {"AGENT_WORKSPACE_HOME": str(container.folder / "other")}
    result = container.awl("doctor", "--fix", "--json", env=env)
    assert json.loads(result.out)["findings"] == []
    assert container.awl("exec", "a", "true").code == 0


# ---------------------------------------------------------------- a repair that comes late


def test_repairs_look_again_before_they_remove_anything(container: World) -> None:
    context = Context(container.env, Store(str(container.root)), print)
    container.awl("create", "--name", "a", "--no-work-repos")
    record = container.root / ".awl/container/a.json"
    whole = record.read_text()
    record.unlink()
    (half,) = examine(["container"], context)
    container.docker("rm", "-f", "agent-ws-a")
    strays = list(examine(["container"], context))
    record.write_text(whole)  # a create has come to its end meanwhile
    for finding in (half, *strays):
        assert finding.repair is not None
        finding.repair()
    assert len(container.docker("volume", "ls", "-q").split()) == 3
    record.write_text("{")
    container.docker("volume", "rm", *container.docker("volume", "ls", "-q").split())
    (spoilt,) = examine(["container"], context)
    record.write_text(whole)
    assert spoilt.repair is not None
    spoilt.repair()
    assert record.read_text() == whole


# ---------------------------------------------------------------- other runtimes


class _Other:
    """A plug-in runtime: what doctor knows of it is what every runtime has."""

    name = "other"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def check(self) -> None:
        if isinstance(self.answer, Exception):
            raise self.answer

    def list(self) -> Listing:
        return Listing((), self.answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((), []),
        (("a",), [("half-made", "a", "awl rm a --runtime other")]),
        (AwlError("it is tired", "let it rest"), [("operation-failed", "other", "let it rest")]),
        (PermissionError(13, "Permission denied", "/x"),
         [("unreadable", "/x", "see that it is a folder which you may read")]),
    ],
)  # fmt: skip
def test_a_plug_in_runtime_is_asked_what_every_runtime_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, expected: list[Any]
) -> None:
    monkeypatch.setattr(registry, "make", lambda name, context: _Other(answer))
    context = Context({}, Store(str(tmp_path / "root")), print)
    found = [(one.id, one.subject, one.mend) for one in examine(["other"], context)]
    assert found == expected
