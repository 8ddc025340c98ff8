from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.awl.conftest import World


_WHO = "git -c user.name=A -c user.email=a@b"
_COMMIT = f"{_WHO} commit -q --allow-empty -m x"


def _sh(world: World, name: str, script: str) -> None:
    shown = world.awl("exec", name, "sh", "-c", f"cd acme/tool && {script}")
    assert shown.code == 0, shown.err


def _names(world: World) -> list[str]:
    return world.awl("ls").out.split()


@pytest.mark.parametrize("answer", ["y\n", "YES\n", " y \n"])
def test_rm_lists_asks_and_removes(world: World, runtime: str, answer: str) -> None:
    world.awl("create", "--name", "a")
    shown = world.awl("rm", "a", stdin=answer)
    assert (shown.code, shown.out) == (0, "a\n")
    assert "to be removed: a" in shown.err
    assert not world.root.exists()
    again = world.awl("rm", "a", "--yes")
    assert (again.code, again.error) == (3, "workspace-not-found")


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yess\n", "\x00"])
def test_no_answer_but_yes_removes(host: World, answer: str) -> None:
    host.awl("create", "--name", "a")
    shown = host.awl("rm", "a", stdin=answer)
    assert (shown.code, shown.error, shown.out) == (1, "declined", "")
    assert host.awl("rm", "a", "--json", stdin=answer).error == "declined"
    assert _names(host) == ["a"]


def test_several_spellings_are_one_and_json_tells_all(world: World, runtime: str) -> None:
    for name in ("a", "b"):
        world.awl("create", "--name", name)
    document = world.awl("rm", "A", "ws-a", "b", "-y", "--json").document
    assert document["failed"] == []
    assert document["removed"] == [
        {"name": name, "runtime": runtime, "kept_volumes": False} for name in ("a", "b")
    ]


def test_an_unknown_name_among_good_ones_removes_nothing(world: World, runtime: str) -> None:
    world.awl("create", "--name", "a")
    shown = world.awl("rm", "a", "nope", "--yes")
    assert (shown.code, shown.error, shown.out) == (3, "workspace-not-found", "")
    assert _names(world) == ["a"]


@pytest.mark.parametrize("words", [[], ["--all", "a"]])
def test_names_or_all_but_not_both(host: World, words: list[str]) -> None:
    shown = host.awl("rm", "-y", *words)
    assert (shown.code, shown.error) == (2, "usage")


def test_all_removes_every_workspace_of_the_runtime(world: World, runtime: str) -> None:
    for name in ("a", "b"):
        world.awl("create", "--name", name)
    assert world.awl("rm", "--all", "--yes").out == "a\nb\n"
    assert world.awl("rm", "--all", "--yes").code == 0
    assert not world.root.exists()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo x >new", "uncommitted"),
        ("echo x >>file", "uncommitted"),
        ("git rm -q file", "uncommitted"),
        (_COMMIT, "unpushed"),
        (f"git checkout -q -b other && {_COMMIT} && git checkout -q trunk", "unpushed"),
        (f"echo x >>file && {_WHO} stash -q", "unpushed"),
        (f"git checkout -q --detach && {_COMMIT} && git tag mine && git checkout -q -", "unpushed"),
        (f"git init -q ../own && cd ../own && {_COMMIT}", "unpushed"),
        ("echo x >.git/HEAD", "unreadable"),
    ],
)  # fmt: skip
def test_work_that_is_nowhere_else_is_not_removed(
    world: World, runtime: str, script: str, reason: str
) -> None:
    world.awl("create", str(world.remote()))
    _sh(world, "tool", script)
    shown = world.awl("rm", "tool", "--yes")
    assert (shown.code, shown.error, shown.out) == (5, "work-would-be-lost", "")
    assert f"({reason})" in shown.err
    assert _names(world) == ["tool"]
    assert world.awl("rm", "tool", "--yes", "--force").code == 0


@pytest.mark.parametrize("ref", ["trunk", "v1", "feature"])
def test_a_clean_clone_holds_nothing_to_lose(world: World, runtime: str, ref: str) -> None:
    world.awl("create", "--ref", ref, str(world.remote()))
    _sh(world, "tool", "echo build >>.git/info/exclude && echo x >build")
    assert world.awl("rm", "tool", "--yes").code == 0


@pytest.mark.parametrize("ref", ["trunk", "lone"])
def test_a_tag_on_no_branch_came_from_the_remote(world: World, runtime: str, ref: str) -> None:
    remote = world.remote()
    for name in ("lone", "other"):
        words = ("commit-tree", "-m", name, "-p", "trunk", "trunk^{tree}")
        world.git(remote, "tag", name, world.git(remote, *words))
    world.awl("create", "--ref", ref, str(remote))
    assert world.awl("rm", "tool", "--yes").code == 0


def test_a_refusal_leaves_the_index_as_it_is(host: World) -> None:
    host.awl("create", str(host.remote()))
    _sh(host, "tool", "touch file && echo x >new")
    index = host.root / "tool/work/acme/tool/.git/index"
    before = (index.read_bytes(), index.stat().st_mtime_ns, index.stat().st_ino)
    assert host.awl("rm", "tool", "--yes").error == "work-would-be-lost"
    assert (index.read_bytes(), index.stat().st_mtime_ns, index.stat().st_ino) == before


def test_what_the_user_may_not_read_is_roots_to_look_at(container: World) -> None:
    container.awl("create", str(container.remote()))
    _sh(container, "tool", "mkdir ../d ../d/e && chmod 0 ../d/e ../d")
    assert container.awl("rm", "tool", "--yes").code == 0
    assert any(call[:4] == ["exec", "-i", "-u", "0"] for call in container.calls())


def test_work_where_the_user_may_not_read_is_work(container: World) -> None:
    container.awl("create", str(container.remote()))
    _sh(container, "tool", f"git init -q ../d/c && cd ../d/c && {_COMMIT} && chmod 0 ..")
    shown = container.awl("rm", "tool", "--yes")
    assert shown.error == "work-would-be-lost"
    assert "/work/acme/d/c (unpushed)" in shown.err


def test_a_repository_runs_no_program_when_it_is_looked_at(host: World) -> None:
    host.awl("create", str(host.remote()))
    _sh(host, "tool", f"git config core.fsmonitor 'touch {host.folder}/hacked'")
    assert host.awl("rm", "tool", "--yes").code == 0
    assert not (host.folder / "hacked").exists()


def test_removal_stays_inside_the_workspace(host: World) -> None:
    decoy = host.folder / "decoy"
    decoy.mkdir()
    (decoy / "keep").write_text("x")
    host.awl("create", "--name", "a")
    (host.root / "a/work/link").symlink_to(decoy)
    (host.root / "a/work/ro").mkdir()
    (host.root / "a/work/ro/file").touch()
    (host.root / "a/work/ro").chmod(0)
    (host.root / "stray").symlink_to(decoy)
    for name in ("../decoy", f"{decoy}", "stray", ".awl", "."):
        assert host.awl("rm", name, "-y", "--force").code in {2, 3}
    assert host.awl("rm", "a", "-y", "--force").code == 0
    assert (decoy / "keep").read_text() == "x"
    assert host.trace() == ["stray"]


def test_one_failure_does_not_stop_the_others(container: World) -> None:
    for name in ("a", "b", "c"):
        container.awl("create", "--name", name)
    # Somebody else's container uses a volume of b.
    image = "agent-workspace/agent-env:v0.1.0"
    container.docker("run", "-d", "--name", "other", "-v", "agent-ws-b-home:/x", image)
    shown = container.awl("rm", "--all", "--yes")
    assert (shown.code, shown.error, shown.out) == (1, "partial-failure", "a\nc\n")
    assert "b (" in shown.err
    assert _names(container) == ["b"]
    container.docker("rm", "-f", "other")
    assert container.awl("rm", "b", "--yes").code == 0
    assert container.docker("volume", "ls", "-q") == ""


def test_rm_works_on_a_stopped_container(container: World) -> None:
    container.awl("create", str(container.remote()))
    container.docker("stop", "agent-ws-tool")
    assert container.awl("rm", "tool", "--yes").code == 0


def test_kept_volumes_are_taken_up_again(container: World) -> None:
    remote = str(container.remote())
    container.awl("create", remote)
    _sh(container, "tool", "echo mine >new")
    shown = container.awl("rm", "tool", "--yes", "--keep-volumes", "--json")
    assert shown.document["removed"][0]["kept_volumes"] is True
    assert _names(container) == []
    assert len(container.docker("volume", "ls", "-q").split()) == 3
    failed = container.awl("create", "--name", "tool", "/nowhere/a/b")
    assert failed.error == "clone-failed"
    assert container.awl("create", remote).code == 0
    assert container.awl("exec", "tool", "cat", "acme/tool/new").out == "mine\n"


def test_keep_volumes_is_unsupported_on_the_host(host: World) -> None:
    host.awl("create", "--name", "a")
    for words in (["a"], ["--all"]):
        shown = host.awl("rm", *words, "--keep-volumes", "--yes")
        assert (shown.code, shown.error) == (6, "option-unsupported")
    assert _names(host) == ["a"]
