"""Metadata and records that somebody has spoilt: told truly, never believed, never followed.

Everything runs in the suite's lock: only the test's own folder can be written, whatever goes wrong.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.awl.conftest import Locked

_FIELDS = ("name", "runtime", "engine", "status", "path", "provider", "mode", "created_at", "repos")


def _write(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def _become(path: Path, what: str, decoy: Path) -> None:
    """Make of the file `path` something that is no document."""
    if what == "huge":
        os.truncate(path, 1 << 40)
    elif what in {"fifo", "folder", "link", "unreadable", "dangling"}:
        document = path.read_bytes()
        path.unlink()
        if what == "fifo":
            os.mkfifo(path)
        elif what == "folder":
            path.mkdir()
        elif what == "link":
            (decoy / "document").write_bytes(document)
            path.symlink_to(decoy / "document")
        elif what == "dangling":
            path.symlink_to(decoy / "nothing")
        else:
            path.write_bytes(document)
            path.chmod(0)
    else:
        _write(path, _GARBAGE[what])


_GARBAGE = {
    "empty": b"",
    "text": b"hello",
    "binary": b"\xff\xfe\x00",
    "list": b"[]",
    "number": b"1" * 5000,
    "deep": b"[" * 100_000,
    "object": b"{}",
    "bare": b'{"name": NaN}',
}
_KINDS = [*_GARBAGE, "huge", "fifo", "folder", "link", "unreadable", "dangling"]


def _use(locked: Locked) -> None:
    """Every command says something sensible, and touches nothing outside."""
    shown = locked.awl("ls", "--json")
    assert shown.code == 0
    assert [row["name"] for row in shown.document["workspaces"]] in ([], ["a"])
    assert locked.awl("exec", "a", "true").code in {0, 125}
    assert locked.awl("reset", "work-repos", "a", "--yes").code in {0, 1, 2, 3}
    assert locked.awl("rm", "a", "--yes").code in {0, 1, 3, 5}
    assert locked.awl("rm", "--all", "--yes", "--force").code in {0, 1}
    assert locked.awl("create", "--name", "a").code in {0, 1, 5}


@pytest.mark.parametrize("what", _KINDS)
def test_metadata_that_is_none_makes_no_workspace(locked: Locked, what: str) -> None:
    locked.awl("create", "--name", "a")
    _become(locked.world.root / "a/.awl/workspace.json", what, locked.decoy)
    if what != "unreadable":  # root reads it all the same
        assert locked.awl("ls").out == ""
    _use(locked)


@pytest.mark.parametrize("value", [None, 5, [], {"a": 1}, [5], [[]], [{"path": "x"}], True])
@pytest.mark.parametrize("field", _FIELDS)
def test_fields_of_other_types_are_not_believed(field: str, value: Any, locked: Locked) -> None:
    locked.awl("create", "--name", "a")
    path = locked.world.root / "a/.awl/workspace.json"
    document = json.loads(path.read_text())
    _write(path, json.dumps({**document, field: value}).encode())
    assert locked.awl("ls").out == ("" if field == "name" else "a\n")
    _use(locked)


def test_spoilt_metadata_does_not_have_work_lost(locked: Locked) -> None:
    locked.awl("create", "--name", "a", str(locked.world.remote()))
    locked.sh("echo new >new", locked.world.root / "a/work/acme/tool")
    _write(locked.world.root / "a/.awl/workspace.json", b'{"name": "a"}')
    assert locked.awl("rm", "a", "--yes").error == "work-would-be-lost"
    assert locked.awl("ls", "--json").document["workspaces"][0]["status"] == "unknown"


def test_metadata_cannot_lead_elsewhere(locked: Locked) -> None:
    locked.awl("create", "--name", "a")
    path = locked.world.root / "a/.awl/workspace.json"
    document = json.loads(path.read_text())
    _write(
        path, json.dumps({**document, "path": str(locked.decoy), "runtime": "container"}).encode()
    )
    shown = locked.awl("ls", "--json").document["workspaces"][0]
    assert (shown["path"], shown["runtime"]) == (str(locked.world.root / "a"), "host")
    _use(locked)


@pytest.mark.parametrize("name", ["b", "../decoy", "", ".awl", "a/../../decoy"])
def test_a_folder_under_another_name_is_no_workspace(locked: Locked, name: str) -> None:
    locked.awl("create", "--name", "a")
    path = locked.world.root / "a/.awl/workspace.json"
    document = json.loads(path.read_text())
    _write(path, json.dumps({**document, "name": name}).encode())
    assert locked.awl("ls").out == ""
    assert locked.awl("rm", "a", "--yes").error == "workspace-not-found"
    _use(locked)


@pytest.mark.parametrize("commit", ["HEAD", "--all", "x\ny", "--output=ran"])
def test_metadata_cannot_call_work_pushed(locked: Locked, commit: str) -> None:
    locked.awl("create", "--name", "a", str(locked.world.remote()))
    repo = locked.world.root / "a/work/acme/tool"
    locked.sh("git commit -q --allow-empty -m mine", repo)
    path = locked.world.root / "a/.awl/workspace.json"
    document = json.loads(path.read_text())
    document["repos"][0]["commit"] = commit
    _write(path, json.dumps(document).encode())
    assert locked.awl("rm", "a", "--yes").code != 0
    assert (repo / ".git").exists()


@pytest.mark.parametrize("place", ["a", "a/.awl", "a/work", ".awl", ".awl/tmp", ".awl/locks"])
def test_a_link_in_place_of_a_folder_is_not_followed(locked: Locked, place: str) -> None:
    locked.awl("create", "--name", "a")
    path = locked.world.root / place
    target = locked.decoy / "target"
    if path.exists():
        path.rename(target)
    else:
        target.mkdir()
        path.parent.mkdir(exist_ok=True)
    (target / "mine").touch()
    path.symlink_to(target)
    before = sorted(target.rglob("*"))
    _use(locked)
    locked.awl("create", "--name", "b")
    locked.awl("rm", "a", "--yes", "--force")
    locked.awl("exec", "a", "touch", "written")
    assert sorted(target.rglob("*")) == before


def test_the_root_itself_may_be_a_link(locked: Locked) -> None:
    real = locked.world.folder / "real"
    real.mkdir()
    locked.world.root.symlink_to(real)
    assert locked.awl("create", "--name", "a").code == 0
    assert locked.awl("exec", "a", "true").code == 0
    assert locked.awl("rm", "a", "--yes").code == 0
    assert locked.world.root.is_symlink()
    assert list(real.iterdir()) == []


def test_names_in_a_workspace_do_not_reach_the_terminal_as_orders(locked: Locked) -> None:
    locked.awl("create", "--name", "a")
    locked.sh("mkdir \"$(printf 'x\\033]0;y\\007\\233z')\"; cd x*; git init -q; touch new",
              locked.world.root / "a/work")  # fmt: skip
    shown = locked.awl("rm", "a", "--yes")
    assert shown.error == "work-would-be-lost"
    assert "\\x1b]0;y\\x07" in shown.err
    assert "\x1b" not in shown.err


# ---------------------------------------------------------------- records of containers


@pytest.fixture
def engine(locked: Locked) -> Locked:
    locked.world.engine()
    locked.world.env["AGENT_WORKSPACE_RUNTIME"] = "container"
    return locked


@pytest.mark.parametrize("what", ["text", "deep", "bare", "fifo", "link", "dangling", "huge"])
def test_a_spoilt_record_is_half_made_and_can_be_removed(engine: Locked, what: str) -> None:
    engine.awl("create", "--name", "a")
    _become(engine.world.root / ".awl/container/a.json", what, engine.decoy)
    shown = engine.awl("ls")
    assert (shown.code, shown.out) == (0, "")
    assert "rm a" in shown.err
    assert engine.awl("exec", "a", "true").error == "workspace-not-found"
    assert engine.awl("create", "--name", "a").error == "workspace-exists"
    assert engine.awl("rm", "a", "--yes").code == 0
    assert engine.sh("docker ps -aq; docker volume ls -q") == ""
    assert engine.awl("create", "--name", "a").code == 0


def test_a_spoilt_record_without_a_container_can_be_removed(engine: Locked) -> None:
    engine.awl("create", "--name", "a")
    engine.sh("docker rm -f agent-ws-a; docker volume prune -af 2>/dev/null || true")
    _become(engine.world.root / ".awl/container/a.json", "text", engine.decoy)
    assert engine.awl("rm", "a", "--yes").code == 0
    assert engine.awl("rm", "a", "--yes").code == 3


def test_a_record_cannot_have_a_foreign_container_removed(engine: Locked) -> None:
    engine.awl("create", "--name", "a")
    image = "agent-workspace/agent-env:v0.1.0"
    foreign = engine.sh(f"docker run -d --name foreign {image} sleep infinity").strip()
    path = engine.world.root / ".awl/container/a.json"
    document = json.loads(path.read_text())
    _write(path, json.dumps({**document, "container_id": foreign}).encode())
    assert engine.awl("rm", "a", "--yes", "--force").code == 0
    assert engine.sh("docker ps -a --format '{{.Names}}'") == "foreign\n"


@pytest.mark.parametrize("label", ["a\tb", "a\nb", "\t\t\t\t", "", "a\t\t\tx"])
def test_labels_of_others_do_not_spoil_a_listing(engine: Locked, label: str) -> None:
    engine.awl("create", "--name", "mine")
    engine.world.env["LABEL"] = label
    image = "agent-workspace/agent-env:v0.1.0"
    engine.sh(f'docker run -d --label "awl.workspace=$LABEL" {image} sleep infinity')
    shown = engine.awl("ls")
    assert (shown.code, shown.out) == (0, "mine\n")
