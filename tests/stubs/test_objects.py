"""Volumes, images, logs and `cp`."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
import seed

IMAGE = "agent-workspace/agent-env:v0.1.0"


def test_volumes_are_made_once_and_keep_their_labels(fake):
    assert fake("volume", "create", "--label", "a=b", "vol").out == "vol\n"
    assert fake("volume", "create", "--label", "a=c", "vol").out == "vol\n"
    doc = json.loads(fake("volume", "inspect", "vol").out)[0]
    assert (doc["Labels"], doc["Driver"], doc["Options"]) == ({"a": "b"}, "local", {})
    assert len(fake("volume", "create").word) == 64


def test_volume_lists_filter_by_label_name_and_use(fake):
    fake("volume", "create", "--label", "a=b", "vol-1")
    fake("create", "--name", "one", "-v", "vol-2:/x", IMAGE)
    for text, names in (
        ("label=a", ["vol-1"]),
        ("label=a=c", []),
        ("name=vol", ["vol-1", "vol-2"]),
        ("dangling=true", ["vol-1"]),
        ("driver=local", ["vol-1", "vol-2"]),
    ):
        assert fake("volume", "ls", "-q", "--filter", text).lines == names
    row = json.loads(fake("volume", "ls", "-f", "label=a", "--format", "{{json .}}").out)
    assert (row["Name"], row["Labels"], row["Links"]) == ("vol-1", "a=b", "N/A")
    assert "Invalid filter 'bogus'" in fake("volume", "ls", "-f", "bogus=1", expect=1).err


def test_a_used_volume_stays_and_an_absent_one_is_told(fake):
    ident = fake("create", "--name", "one", "-v", "vol:/x", IMAGE).word
    assert fake("volume", "rm", "vol", expect=1).err == (
        f"Error response from daemon: remove vol: volume is in use - [{ident}]\n"
    )
    assert fake("volume", "rm", "absent-v", expect=1).err == "Error: No such volume: absent-v\n"
    assert fake("volume", "rm", "-f", "absent-v").out == "absent-v\n"
    assert "vol" not in fake("volume", "prune", "-f").out.split()
    fake("rm", "one")
    assert "vol" in fake("volume", "prune", "-f").out.split()
    assert fake("volume", "ls", "-q").out == ""


@pytest.mark.parametrize("name", ["bad/name", "../x", "-x", "x"])
def test_volume_names_have_rules(fake, name):
    said = fake("volume", "create", "--", name, expect=1)
    assert said.err.startswith(f"Error response from daemon: create {name}: ")


def test_images_are_listed_tagged_and_removed(fake):
    fake("tag", IMAGE, "other:2")
    assert fake("images", "-q").lines == fake("image", "ls", "-q", "other").lines
    forms = fake("images", "--format", "{{.Repository}}:{{.Tag}}").lines
    assert sorted(forms) == ["agent-workspace/agent-env:v0.1.0", "other:2"]
    assert fake("rmi", "other:2").out == "Untagged: other:2\n"
    assert "No such image: absent:1" in fake("tag", "absent:1", "a:b", expect=1).err
    said = fake("image", "rm", IMAGE).lines
    assert said[0] == f"Untagged: {IMAGE}"
    assert said[1].startswith("Deleted: sha256:")
    assert fake("images", "-q").out == ""
    assert fake("image", "inspect", IMAGE, expect=1).err == f"Error: No such image: {IMAGE}\n"


def test_an_image_in_use_is_not_removed(box):
    assert "is using its referenced image" in box("rmi", IMAGE, expect=1).err
    box("stop", "box")
    assert "(must force)" in box("rmi", IMAGE, expect=1).err
    box("rmi", "-f", IMAGE)


def test_the_pretended_registry_has_what_was_seeded(fake):
    seed.registry(fake.state, "team/tool:1")
    said = fake("pull", "team/tool:1")
    assert said.lines[0] == "1: Pulling from team/tool"
    assert said.lines[-2:] == [
        "Status: Downloaded newer image for team/tool:1",
        "docker.io/team/tool:1",
    ]
    assert "Image is up to date" in fake("pull", "team/tool:1").out
    assert fake("pull", "-q", "team/tool:1").out == "docker.io/team/tool:1\n"
    assert fake("pull", "team/tool:2", expect=1).err == (
        "Error response from daemon: manifest for team/tool:2 not found: manifest unknown: "
        "manifest unknown\n"
    )
    assert "pull access denied for absent" in fake("pull", "absent", expect=1).err
    assert fake("pull", "BAD", expect=1).err == (
        "invalid reference format: repository name must be lowercase\n"
    )


def test_seeded_images_may_lie_in_a_read_only_folder(fake, tmp_path):
    doc = seed.image_document("seeded:1")
    (tmp_path / "seeds" / "registry").mkdir(parents=True)
    (tmp_path / "seeds" / "one.json").write_text(json.dumps(doc))
    env = {"AWL_FAKE_DOCKER_IMAGES": str(tmp_path / "seeds")}
    assert fake("run", "--rm", "seeded:1", "echo", "x", env=env).out == "x\n"
    fake("rmi", "seeded:1", env=env)
    fake("image", "inspect", "seeded:1", env=env, expect=1)
    assert (tmp_path / "seeds" / "one.json").exists()


def test_logs_keep_the_streams_apart(fake):
    fake("run", "--name", "one", IMAGE, "sh", "-c", "echo a; echo b >&2; printf 'no end'")
    said = fake("logs", "one")
    assert (said.out, said.err) == ("a\nno end", "b\n")
    assert fake("logs", "--tail", "1", "one").out == "no end"
    assert fake("logs", "--tail", "0", "one").out == ""
    assert fake("logs", "-t", "one").lines[0][10] == "T"
    assert fake("logs", "--since", "1h", "one").out == "a\nno end"
    assert fake("logs", "--until", "1h", "one").out == ""
    assert fake("logs", "--since", "bad", "one", expect=1).out == ""
    assert fake("logs", "absent-c", expect=1).err == "Error: No such container: absent-c\n"


def test_following_logs_ends_with_the_container(fake):
    fake(
        "run",
        "-d",
        "--name",
        "one",
        IMAGE,
        "sh",
        "-c",
        "for i in 1 2 3; do echo $i; sleep 0.2; done",
    )
    assert fake("logs", "-f", "one", timeout=15).out == "1\n2\n3\n"


def test_cp_puts_files_and_folders_where_docker_would(box, tmp_path):
    (tmp_path / "dir" / "sub").mkdir(parents=True)
    (tmp_path / "dir" / "sub" / "f").write_text("deep")
    (tmp_path / "dir" / "f").write_text("text")
    (tmp_path / "dir" / "f").chmod(0o750)
    (tmp_path / "dir" / "link").symlink_to("f")
    box("cp", f"{tmp_path}/dir/f", "box:/work/named")
    box("cp", f"{tmp_path}/dir/f", "box:/work")
    box("cp", f"{tmp_path}/dir", "box:/work/new")
    box("cp", f"{tmp_path}/dir", "box:/work/new")
    box("cp", f"{tmp_path}/dir/.", "box:/tmp")
    assert box("exec", "box", "stat", "-c", "%a", "/work/named").out == "750\n"
    found = box("exec", "box", "sh", "-c", "cd /work; find . /tmp | sort").lines
    assert {"./named", "./f", "./new/sub/f", "./new/dir/f", "/tmp/sub/f"} <= set(found)
    box("cp", "box:/work/new", f"{tmp_path}/back")
    assert (tmp_path / "back" / "sub" / "f").read_text() == "deep"
    assert (tmp_path / "back" / "link").readlink().name == "f"


def test_cp_streams_archives(box, tmp_path):
    box("exec", "box", "sh", "-c", "mkdir /work/d; echo x > /work/d/f")
    with tarfile.open(fileobj=io.BytesIO(box("cp", "box:/work/d", "-").raw)) as archive:
        assert sorted(archive.getnames()) == ["d", "d/f"]
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo("put")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    box("cp", "-", "box:/work", stdin=data.getvalue())
    assert box("exec", "box", "cat", "/work/put").out == "abc"


def test_cp_follows_no_link_out_of_the_container(box, tmp_path):
    (tmp_path / "secret").write_text("canary")
    box("exec", "box", "ln", "-s", str(tmp_path), "/work/out")
    assert (
        "No such container:path"
        in box("cp", "box:/work/out/secret", f"{tmp_path}/got", expect=1).err
    )
    box("cp", f"{tmp_path}/secret", "box:/work/out/put", expect=1)
    box("exec", "box", "ln", "-sf", f"{tmp_path}/made", "/work/file")
    box("cp", f"{tmp_path}/secret", "box:/work/file")
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "put").exists()


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("box:/nofile", "/tmp/x", "Error: No such container:path: box:/nofile\n"),
        ("absent-c:/x", "/tmp/x", "Error: No such container:path: absent-c:/x\n"),
        ("/nofile", "box:/work", "lstat /nofile: no such file or directory\n"),
        ("/etc/passwd", "box:/nodir/x", "Error: No such container:path: box:/nodir\n"),
        ("x", "y", "must specify at least one container source\n"),
        ("box:/x", "box:/y", "copying between containers is not supported\n"),
        ("/etc", "box:/etc/passwd", "cannot copy directory\n"),
    ],
)
def test_what_cp_refuses(box, source, target, words):
    assert box("cp", source, target, expect=1).err == words
