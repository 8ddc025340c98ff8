from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from awl.errors import WorkspaceBusy
from awl.store import Store, read_document, remove_tree, write_document


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "root"))


def test_a_record_is_read_back_and_forgotten_without_a_trace(store: Store) -> None:
    store.commit("container", "a", {"name": "a"})
    assert store.records("container") == {"a": {"name": "a"}}
    assert Path(store.record("container", "a")).stat().st_mode & 0o777 == 0o600
    store.forget("container", "a")
    store.forget("container", "a")
    assert not Path(store.root).exists()


@pytest.mark.parametrize("content", ["", "[]", "{", "\udcff", "[" * 100_000])
def test_what_is_no_json_object_is_no_document(tmp_path: Path, content: str) -> None:
    file = tmp_path / "f"
    file.write_bytes(content.encode(errors="surrogateescape"))
    assert read_document(str(file)) is None


def test_a_link_or_a_pipe_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("{}")
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")
    assert read_document(str(tmp_path / "real")) == {}
    assert read_document(str(tmp_path / "link")) is None
    assert read_document(str(tmp_path / "pipe")) is None


def test_a_document_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = str(tmp_path / "f")
    write_document(path, {"a": 1})
    with pytest.raises(TypeError):
        write_document(path, {"a": object()})
    assert json.loads(Path(path).read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["f"]


def test_a_tree_goes_whole_whatever_its_modes_and_depth(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    # Step by step: the whole path is longer than a system call takes.
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        os.mkdir("tree", dir_fd=descriptor)
        inner = os.open("tree", os.O_RDONLY, dir_fd=descriptor)
        for _ in range(300):
            os.mkdir("d" * 50, dir_fd=inner)
            following = os.open("d" * 50, os.O_RDONLY, dir_fd=inner)
            os.close(inner)
            inner = following
        os.close(inner)
    finally:
        os.close(descriptor)
    (tree / "read-only").mkdir()
    (tree / "read-only" / "file").write_text("x")
    (tree / "read-only").chmod(0o000)
    (tree / "file").touch(0o400)
    remove_tree(str(tree))
    assert not tree.exists()


def test_removal_never_follows_a_link(tmp_path: Path) -> None:
    decoy = tmp_path / "decoy"
    decoy.mkdir()
    (decoy / "keep").write_text("x")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "link").symlink_to(decoy)
    (tree / "up").symlink_to("..")
    os.link(decoy / "keep", tree / "hard")
    remove_tree(str(tree))
    assert (decoy / "keep").read_text() == "x"
    assert not tree.exists()


def test_a_link_in_place_of_the_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "decoy").mkdir()
    (tmp_path / "decoy" / "keep").touch()
    (tmp_path / "link").symlink_to("decoy")
    with pytest.raises(OSError, match="link"):
        remove_tree(str(tmp_path / "link"))
    assert (tmp_path / "decoy" / "keep").exists()


def test_a_name_is_held_by_one_at_a_time_and_freed_by_death(store: Store) -> None:
    with store.lock("host", "a"):
        with pytest.raises(WorkspaceBusy), store.lock("host", "a"):
            pass
        with store.lock("host", "b"), store.lock("container", "a"):
            pass
    assert not Path(store.root).exists()
    script = (
        "import os, sys; from awl.store import Store\n"
        "with Store(sys.argv[1]).lock('host', 'a'): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, store.root], check=False)
    assert [file.name for file in Path(store.root, ".awl/locks").iterdir()] == ["host-a.lock"]
    with store.lock("host", "a"):
        pass
    assert not Path(store.root).exists()


def test_what_dead_calls_left_of_a_name_is_swept(store: Store) -> None:
    left, other = Path(store.stage("a")), Path(store.stage("a.b"))
    (left / "x").mkdir()
    store.sweep("a")
    assert not left.exists()
    assert other.exists()
    store.discard(str(other))
    assert not Path(store.root).exists()
