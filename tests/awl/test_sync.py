from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from awl import archive
from awl.errors import AwlError, PathInvalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.awl.conftest import World


def _tree(folder: Path) -> Path:
    """A tree of everything that can be copied, and a pipe, which cannot."""
    tree = folder / "tree"
    (tree / "sub/ünï ☃").mkdir(parents=True)
    (tree / "run").write_text("#!/bin/sh\n")
    (tree / "run").chmod(0o750)
    os.utime(tree / "run", (981173106, 981173106))
    (tree / "sub/ünï ☃/a\nb").write_text("x")
    (tree / "sub/ünï ☃/a\nb").chmod(0o604)
    (tree / "empty").mkdir(mode=0o700)
    (tree / "link").symlink_to("run")
    (tree / "lost").symlink_to("/nowhere")
    os.link(tree / "run", tree / "same")
    (tree / os.fsdecode(b"\xff")).write_bytes(b"\x00\xff")
    (tree / "closed").mkdir()
    (tree / "closed/file").write_text("y")
    (tree / "closed").chmod(0o555)
    os.mkfifo(tree / "pipe")
    return tree


def _seen(folder: Path) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for path in folder.rglob("*"):
        found = path.lstat()
        name = str(path.relative_to(folder))
        if path.is_symlink():
            seen[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            seen[name] = ("folder", found.st_mode & 0o7777)
        elif path.is_file():
            content = path.read_bytes()
            seen[name] = ("file", found.st_mode & 0o7777, int(found.st_mtime), content)
    return seen


def test_there_and_back_is_the_same(world: World, runtime: str) -> None:
    tree = _tree(world.folder)
    world.awl("create", "--name", "aa")
    for _ in range(2):  # the second time over what is there
        shown = world.awl("sync", "push", "aa", "tree", "opt/tree", "--json")
        document = shown.document
        assert (document["copied"], document["deleted"], document["bytes"]) == (11, 0, 24)
        assert (document["runtime"], document["direction"]) == (runtime, "push")
        assert "pipe" in shown.err
        assert world.awl("sync", "pull", "aa", "opt/tree", "back").code == 0
        assert _seen(world.folder / "back") == _seen(tree)
    back = world.folder / "back"
    assert (back / "same").samefile(back / "run")
    assert not (back / "pipe").exists()


def test_a_stopped_container_is_started(container: World) -> None:
    container.awl("create", "--name", "aa")
    (container.folder / "file").write_text("x")
    container.awl("stop", "aa")
    assert container.awl("sync", "push", "aa", "file", "file").code == 0
    container.awl("stop", "aa")
    assert container.awl("sync", "pull", "aa", "file", "back/").code == 0
    assert (container.folder / "back/file").read_text() == "x"


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_a_folder_is_replaced_only_when_told(world: World, runtime: str, there: str) -> None:
    world.awl("create", "--name", "aa")
    (world.folder / "tree/two").mkdir(parents=True)
    (world.folder / "tree/one").write_text("one")
    script = {"folder": "mkdir d/one", "file": ">d/two", "link": "ln -s /tmp d/two"}[there]
    world.awl("exec", "aa", "sh", "-c", f"mkdir d; {script}")
    refused = world.awl("sync", "push", "aa", "tree", "d")
    assert (refused.code, refused.error) == (2, "path-invalid")
    assert world.awl("sync", "push", "aa", "tree", "d", "--delete").code == 0
    world.awl("exec", "aa", "sh", "-c", "rm -r d/*; echo x >d/two; mkdir d/one")
    assert world.awl("sync", "pull", "aa", "d", "tree").error == "path-invalid"
    assert world.awl("sync", "pull", "aa", "d", "tree", "--delete").code == 0
    assert (world.folder / "tree/two").read_text() == "x\n"


def test_a_dry_run_lists_and_does_nothing(world: World, runtime: str) -> None:
    world.awl("create", "--name", "aa")
    (world.folder / "tree/sub").mkdir(parents=True)
    (world.folder / "tree/sub/new").write_text("new")
    world.awl("exec", "aa", "sh", "-c", "mkdir -p d/old; echo x >d/old/x")
    shown = world.awl("sync", "push", "aa", "tree", "d", "--delete", "-n")
    assert shown.out.splitlines() == [
        "delete old", "delete old/x", "copy sub", "copy sub/new",
        "2 would be copied (3 bytes), 2 would be deleted",
    ]  # fmt: skip
    assert world.awl("exec", "aa", "ls", "d").out == "old\n"
    world.awl("sync", "pull", "aa", "d", "tree", "--delete", "-n")
    assert (world.folder / "tree/sub/new").exists()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["push", "none", "here"], "path-not-found"),
        (["pull", "none", "here"], "path-not-found"),
        (["push", "pipe", "here"], "path-invalid"),
        (["pull", "pipe", "here"], "path-invalid"),
        (["push", "tree", "file"], "path-invalid"),
        (["push", "file", "file/"], "path-invalid"),
        (["push", "file", "file/x"], "path-invalid"),
        (["push", "file", "pipe"], "path-invalid"),
        (["pull", "tree", "file"], "path-invalid"),
        (["push", "file", "new", "--delete"], "usage"),
        (["push", "", "new"], "usage"),
        (["push", "file", "../.awl/x"], "path-invalid"),
        (["push", "tree", ".."], "path-invalid"),
        (["push", "tree", "../../.."], "path-invalid"),
        (["push", "tree", "loop/x"], "path-invalid"),
        (["push", "file", "lost"], "path-invalid"),
        (["copy", "file", "new"], "value-invalid"),
    ],
)
def test_mistakes_change_nothing(host: World, words: list[str], error: str) -> None:
    host.awl("create", "--name", "aa")
    work = host.root / "aa/work"
    for folder in (host.folder, work):
        (folder / "file").write_text("x")
        (folder / "tree").mkdir()
        os.mkfifo(folder / "pipe")
    (work / "loop").symlink_to("loop")
    (work / "lost").symlink_to(host.folder / "gone")
    before = host.trace()
    shown = host.awl("sync", words[0], "aa", *words[1:])
    assert (shown.error, shown.out) == (error, "")
    assert host.trace() == before
    assert not (host.folder / "gone").exists()


def test_a_source_that_cannot_be_read_leaves_the_target(host: World) -> None:
    host.awl("create", "--name", "aa")
    (host.folder / "tree").mkdir()
    (host.folder / "tree/file").write_text("x")
    (host.root / "aa/work/d").mkdir()
    (host.root / "aa/work/d/old").write_text("old")
    tar = host.bin / "tar"
    tar.write_text("#!/bin/sh\necho cannot >&2\nexit 2\n")
    tar.chmod(0o755)
    pulled = host.awl("sync", "pull", "aa", "d", "tree", "--delete")
    assert (pulled.code, pulled.error) == (1, "operation-failed")
    assert (host.folder / "tree/file").read_text() == "x"
    tar.write_text("#!/bin/sh\nexit 127\n")
    assert host.awl("sync", "push", "aa", "tree", "d").error == "tool-missing"


# ---------------------------------------------------------------- streams that are not trusted


def _stream(*members: tuple[str, bytes, str]) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, kind, more in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o6755
            if kind == tarfile.REGTYPE:
                info.size = len(more)
                tar.addfile(info, io.BytesIO(more.encode()))
            else:
                info.linkname = more
                tar.addfile(info)
    file.seek(0)
    return file


def _same(path: str) -> str:
    return path


_FILE, _LINK, _HARD, _DIR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.mark.parametrize(
    "make",
    [
        lambda decoy: [("../decoy/keep", _FILE, "x")],
        lambda decoy: [(f"{decoy}/keep", _FILE, "x")],
        lambda decoy: [("a/../../decoy/keep", _FILE, "x")],
        lambda decoy: [("l", _LINK, decoy), ("l/keep", _FILE, "x")],
        lambda decoy: [("a", _DIR, ""), ("a/l", _LINK, "../../decoy"), ("a/l/keep", _FILE, "x")],
        lambda decoy: [("there/keep", _FILE, "x")],
        lambda decoy: [("h", _HARD, f"{decoy}/keep"), ("h", _FILE, "x")],
        lambda decoy: [("h", _HARD, "../decoy/keep")],
        lambda decoy: [("h", _HARD, "there/keep")],
        lambda decoy: [("l", _DIR, ""), ("l", _LINK, decoy), ("l", _DIR, "")],
    ],
)
def test_no_stream_reaches_outside(
    tmp_path: Path, make: Callable[[str], list[tuple[str, bytes, str]]]
) -> None:
    decoy, target = tmp_path / "decoy", tmp_path / "target"
    for folder in (decoy, target):
        folder.mkdir()
    (decoy / "keep").write_text("keep")
    (target / "there").symlink_to(decoy)
    with pytest.raises((PathInvalid, OSError)):
        archive.unpack(_stream(*make(str(decoy))), str(target), _same)
    assert (decoy / "keep").read_text() == "keep"
    assert [path.name for path in decoy.iterdir()] == ["keep"]
    assert (decoy / "keep").stat().st_nlink == 1
    assert not list(target.rglob(".awl-*"))


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "keep").write_text("keep")
    (tmp_path / "target").mkdir()
    (tmp_path / "target/file").symlink_to(tmp_path / "keep")
    archive.unpack(_stream(("file", _FILE, "new")), str(tmp_path / "target"), _same)
    assert (tmp_path / "keep").read_text() == "keep"
    assert (tmp_path / "target/file").read_text() == "new"


def test_rights_are_not_lent(tmp_path: Path) -> None:
    archive.unpack(_stream(("d", _DIR, ""), ("d/x", _FILE, "x")), str(tmp_path / "t"), _same)
    assert (tmp_path / "t/d/x").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "t/d").stat().st_mode & 0o7777 == 0o755


def test_devices_do_not_come(tmp_path: Path) -> None:
    archive.unpack(_stream(("null", tarfile.CHRTYPE, ""), ("x", _FILE, "")), str(tmp_path), _same)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("cut", [100, 513, 600])
def test_half_a_stream_is_an_error(tmp_path: Path, cut: int) -> None:
    data = _stream(("x", _FILE, "x" * 2000)).getvalue()[:cut]
    with pytest.raises(AwlError):
        archive.unpack(io.BytesIO(data), str(tmp_path), _same)
    assert not list(tmp_path.iterdir())


def test_what_is_removed_is_not_looked_for_through_links(tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep/x").touch()
    (tmp_path / "t/d").mkdir(parents=True)
    (tmp_path / "t/d/l").symlink_to(tmp_path / "keep")
    (tmp_path / "t/l").symlink_to(tmp_path / "keep")
    archive.remove(str(tmp_path / "t"), ["d", "l"])
    assert not list((tmp_path / "t").iterdir())
    assert (tmp_path / "keep/x").exists()
