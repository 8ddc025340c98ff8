"""An engine behind TCP and TLS: no path of this machine is shared with it (ENG-2)."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from .conftest import Daemon, Person, running, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine


def certificates(folder: Path) -> Path:
    """An authority, a server at 127.0.0.1 and a client, in the names that docker's client wants."""
    folder.mkdir()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=ca",
            "-keyout", "ca-key.pem", "-out", "ca.pem")  # fmt: skip
    for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
        keyfile, certificate = {
            "server": ("server-key.pem", "server.pem"),
            "client": ("key.pem", "cert.pem"),
        }[name]
        openssl("req", *key, "-subj", f"/CN={name}", "-keyout", keyfile, "-out", f"{name}.csr")
        (folder / "ext").write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage}\n")
        openssl("x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.pem",
                "-CAkey", "ca-key.pem", "-CAcreateserial", "-extfile", "ext",
                "-out", certificate)  # fmt: skip
    return folder


@pytest.fixture
def far(folder: Path) -> Iterator[Daemon]:
    if reason := why_not():
        pytest.skip(reason)
    yield from running(Daemon(folder, tls=certificates(folder / "tls")))


def test_a_whole_life_on_an_engine_behind_tls(far: Daemon) -> None:
    person = Person(far.folder / "p", far)
    repo = person.home / "acme" / "tool"
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    git = ["git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (repo / "file").write_text("here\n")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)

    made = person.awl("create", "--name", "a", "--no-pull", "--json", str(repo))
    assert made.code == 0, made.err
    document = json.loads(made.out)["workspace"]
    assert document["engine"] == "docker"
    inside = document["repos"][0]["path"].removeprefix("work/")
    assert person.awl("exec", "a", "cat", f"{inside}/file").out == "here\n"
    assert person.awl("exec", "a", "cat", stdin="piped\n").out == "piped\n"

    (person.home / "out").mkdir()
    (person.home / "out" / "run").write_text("#!/bin/sh\n")
    (person.home / "out" / "run").chmod(0o755)
    (person.home / "out" / "link").symlink_to("run")
    pushed = person.awl("sync", "push", "a", "out", "copied")
    assert pushed.code == 0, pushed.err
    pulled = person.awl("sync", "pull", "a", "copied", "back")
    assert pulled.code == 0, pulled.err
    back = [path for path in (person.home / "back").rglob("*") if path.name in {"run", "link"}]
    assert sorted(path.name for path in back) == ["link", "run"]
    assert all(path.is_symlink() or path.stat().st_mode & 0o777 == 0o755 for path in back)

    (container,) = far.docker("ps", "-aq").out.split()
    mounts = json.loads(far.docker("inspect", "-f", "{{json .Mounts}}", container).out)
    assert {mount["Type"] for mount in mounts} == {"volume"}

    assert person.awl("rm", "a", "--yes", "--force").out == "a\n"
    assert far.docker("ps", "-aq").out == ""
    assert far.docker("volume", "ls", "-q").out == ""


def test_a_client_without_a_certificate_is_told_that_the_engine_does_not_answer(
    far: Daemon,
) -> None:
    person = Person(far.folder / "p", far)
    del person.env["DOCKER_CERT_PATH"]
    said = person.awl("ls")
    assert said.code == 7
    assert "error[engine-unreachable]" in said.err
