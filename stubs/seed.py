#!/usr/bin/env python3
"""Prepare states of the fake engine: `python3 stubs/seed.py --help`.

For use from Python: `image`, `container`, `volume`, `link`, `compile_all` below.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))

from engine.jsonlite import Doc  # noqa: E402  (the path above comes first)

__all__ = ["DEFAULT_IMAGE", "compile_all", "container", "image", "link", "registry", "volume"]

DEFAULT_IMAGE = "agent-workspace/agent-env:v0.1.0"


def compile_all() -> None:
    """Write the package's byte code: where the fake runs locked down it cannot, and is slow."""
    import compileall

    if not compileall.compile_dir(_HERE / "engine", quiet=1):
        raise RuntimeError(f"cannot compile {_HERE / 'engine'}")


def link(folder: Path, name: str = "docker", python: str = sys.executable) -> Path:
    """Put a launcher called `name` into `folder`, started by `python` (faster than by `env`)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.unlink(missing_ok=True)
    body = (_HERE / "docker").read_text().split("\n", 1)[1]
    body = body.replace("_here = __file__", f"_here = {str(_HERE / 'docker')!r}")
    path.write_text(f"#!{python} -IS\n{body}")
    path.chmod(0o755)
    return path


def image_document(
    reference: str,
    *,
    user: str = "agent",
    workdir: str = "/work",
    env: tuple[str, ...] = (
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG=C.UTF-8",
    ),
    entrypoint: tuple[str, ...] | None = None,
    command: tuple[str, ...] | None = ("sleep", "infinity"),
    labels: dict[str, str] | None = None,
    users: dict[str, int] | None = None,
    folders: dict[str, str] | None = None,
    etc: Path | None = None,
    programs: Path | None = None,
    hidden: tuple[str, ...] = (),
) -> Doc:
    """An image's document; see `engine.images` for what the fake's own part means."""
    users = {user: 1000} if users is None and user and not user.isdigit() else users or {}
    if folders is None:
        # As in the real image: an empty volume takes the owner of the folder that it covers.
        own = (f"/home/{user}/.codex",) if user in users else ()
        folders = dict.fromkeys((*((workdir,) if workdir else ()), *own), user)
    config = {
        "Hostname": "", "Domainname": "", "User": user, "AttachStdin": False, "AttachStdout": False,
        "AttachStderr": False, "Tty": False, "OpenStdin": False, "StdinOnce": False,
        "Env": list(env), "Cmd": list(command) if command else None, "Image": "", "Volumes": None,
        "WorkingDir": workdir, "Entrypoint": list(entrypoint) if entrypoint else None,
        "OnBuild": None, "Labels": labels or {},
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps([reference, config, list(hidden)]).encode()).hexdigest()
    return {
        "Id": f"sha256:{digest}", "RepoTags": [reference], "RepoDigests": [], "Parent": "",
        "Comment": "", "Created": "2026-01-01T00:00:00.000000000Z", "Container": "",
        "DockerVersion": "", "Author": "", "Config": config, "Architecture": "amd64", "Os": "linux",
        "Size": 100000000, "VirtualSize": 100000000,
        "GraphDriver": {"Data": None, "Name": "folder"},
        "RootFS": {"Type": "layers", "Layers": []},
        "Metadata": {"LastTagTime": "0001-01-01T00:00:00Z"},
        "Fake": {"users": users, "folders": folders, "etc": str(etc) if etc else "",
                 "bin": str(programs) if programs else "", "hidden": list(hidden)},
    }  # fmt: skip


def _write(folder: Path, doc: Doc) -> Doc:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / f"{doc['Id'].removeprefix('sha256:')}.json").write_text(json.dumps(doc))
    return doc


def image(state: Path, reference: str = DEFAULT_IMAGE, **options: object) -> Doc:
    """Put an image into a state; options as in `image_document`."""
    return _write(state / "images", image_document(reference, **options))  # type: ignore[arg-type]


def registry(state: Path, reference: str = DEFAULT_IMAGE, **options: object) -> Doc:
    """Make an image pullable, without its being there; options as in `image_document`."""
    return _write(state / "registry", image_document(reference, **options))  # type: ignore[arg-type]


def volume(state: Path, name: str, labels: dict[str, str] | None = None) -> Doc:
    """Put a (foreign) volume into a state."""
    from engine.store import Store
    from engine.volumes import Volumes

    return Volumes(Store(str(state))).ensure(name, labels or {})[0]


def container(
    state: Path,
    name: str,
    *,
    reference: str = DEFAULT_IMAGE,
    labels: dict[str, str] | None = None,
    volumes: tuple[str, ...] = (),
    command: tuple[str, ...] = ("sleep", "infinity"),
) -> Doc:
    """Put a container, created and not started, into a state; its image is made where absent.

    `volumes` are in the form of `docker create -v`. Start it with a plain `docker start`.
    """
    from engine.call import Call, Globals
    from engine.container import make_container
    from engine.flags import Parsed, parse
    from engine.options import CREATE, RunOptions

    env = {"AWL_FAKE_DOCKER_STATE": str(state)}
    call = Call("docker", "create", [], env, Globals(Parsed(), env))
    call.reach()
    words = ["--name", name]
    for key, value in (labels or {}).items():
        words += ["--label", f"{key}={value}"]
    for item in volumes:
        words += ["-v", item]
    flags = parse([*words, reference, *command], CREATE, "docker create", interspersed=False)
    found = call.images.find(reference) or image(state, reference)
    return make_container(call, RunOptions(call, flags), found, list(command))


def main(argv: list[str]) -> int:
    """The command line; see `--help`."""
    parser = argparse.ArgumentParser(description="Prepare a state of the fake docker.")
    parser.add_argument("state", type=Path, help="the folder for AWL_FAKE_DOCKER_STATE")
    parser.add_argument("--image", action="append", default=[], metavar="REF")
    parser.add_argument("--pullable", action="append", default=[], metavar="REF")
    parser.add_argument("--volume", action="append", default=[], metavar="NAME")
    parser.add_argument("--container", action="append", default=[], metavar="NAME")
    parser.add_argument("--etc", type=Path, metavar="DIR", help="files for /etc of the images")
    parser.add_argument("--link", type=Path, metavar="BIN", help="put a `docker` into this folder")
    parser.add_argument("--podman", action="store_true", help="and a `podman` beside it")
    given = parser.parse_args(argv)
    compile_all()
    state = given.state.absolute()
    for reference in given.image or ([] if given.pullable else [DEFAULT_IMAGE]):
        image(state, reference, etc=given.etc)
    for reference in given.pullable:
        registry(state, reference)
    for name in given.volume:
        volume(state, name)
    for name in given.container:
        container(state, name)
    if given.link:
        link(given.link)
        if given.podman:
            link(given.link, "podman")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
