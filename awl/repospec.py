"""Repositories as people name them, and refs (CREATE-2, CREATE-3): pure checking, no look outside.

A URL is never rewritten, except that its user info is cut out: it is handed to git on another way
(`awl.gitops`) and never shown.
"""

from __future__ import annotations

import os
import re

from awl.errors import RefInvalid, RepoInvalid
from awl.model import RepoSpec
from awl.redact import redact, remember

__all__ = ["check_ref", "parse"]

_SHORT = re.compile(r"(?P<owner>[A-Za-z0-9_][\w.-]*)/(?P<name>[\w.][\w.-]*)", re.ASCII)
_SCP = re.compile(r"(?P<user>[A-Za-z0-9_][\w.-]*)@(?P<host>[A-Za-z0-9\[][\w.\]-]*):(?P<path>.+)")
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/]*)(?P<path>/.*)?", re.IGNORECASE
)
_AUTHORITY = re.compile(
    r"(?:(?P<info>.*)@)?(?P<host>[A-Za-z0-9_](?:[\w.-]*)|\[[0-9A-Fa-f:.]+\])(?P<port>:\d{1,5})?",
    re.ASCII,
)
_SCHEMES = ("https", "http", "ssh", "file")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORMS = (
    "known forms: OWNER/REPO, https://HOST/OWNER/REPO, git@HOST:OWNER/REPO,"
    " ssh://git@HOST/OWNER/REPO, file:///PATH, /PATH, ./PATH"
)
# What git-check-ref-format(1) refuses, and the `-` that would make an option of it.
_BAD_REF = re.compile(r"^[-/]|\.\.|@\{|//|[\x00-\x20\x7f~^:?*\[\\]|/\.|^\.|\.lock(/|$)|[./]$|^@$")


def parse(text: str, *, github_host: str = "github.com", cwd: str = "/") -> RepoSpec:
    """Read one repository; `cwd` is where relative paths start.

    OWNER and REPO are the last two parts of the path (a deeper path stays whole in the URL).
    Raises `RepoInvalid` with the known forms; nothing is looked up, so a well-formed repository
    that does not exist passes.
    """
    if not text.strip() or text.startswith("-") or _CONTROL.search(text):
        raise _refuse(text, "it is empty, begins with -, or holds control characters")
    if text.startswith(("/", "./", "../")) or text in {".", ".."}:
        return _local(text, cwd)
    if " " in text:
        raise _refuse(text, "only the path of a local repository may hold a space")
    if "::" in text.split("/", 1)[0]:
        raise _refuse(text, "remote helpers (NAME::ADDRESS) run programs and are not taken")
    if "://" in text:
        return _url(text)
    if match := _SHORT.fullmatch(text):
        url = f"https://{github_host}/{match['owner']}/{_bare(match['name'])}.git"
        if not (host := _AUTHORITY.fullmatch(github_host)) or host["info"]:
            raise RepoInvalid(
                f"GITHUB_HOST is {redact(github_host)!r}, which is not HOST or HOST:PORT",
                "unset GITHUB_HOST for github.com",
            )
        return _spec(text, url, [match["owner"], match["name"]])
    if match := _SCP.fullmatch(text):
        if match["path"].startswith("-"):
            raise _refuse(text, "its path begins with -")
        return _spec(text, text, _parts(match["path"]), fallback=match["host"])
    raise _refuse(text, "it has none of the known forms")


def check_ref(ref: str) -> str:
    """Return `ref` where it can be the name of a branch, tag or commit, else raise `RefInvalid`."""
    if not ref or _BAD_REF.search(ref):
        raise RefInvalid(
            f"--ref {ref!r} is not the name of a branch, tag or commit",
            "such as --ref main, --ref v1.2 or --ref 0a1b2c3d",
        )
    return ref


def _url(text: str) -> RepoSpec:
    match = _URL.fullmatch(text)
    if match is None or match["scheme"].lower() not in _SCHEMES:
        raise _refuse(text, "its scheme is none of " + ", ".join(_SCHEMES))
    scheme, path = match["scheme"].lower(), match["path"] or ""
    if "?" in path or "#" in path:
        raise _refuse(text, "a query or fragment does not belong to a repository")
    if scheme == "file":
        if match["authority"] not in {"", "localhost"} or not path.startswith("/"):
            raise _refuse(text, "file:// takes an absolute path of this machine")
        return _spec(text, text, _parts(path), fallback="local", local=_decoded(path))
    authority = _AUTHORITY.fullmatch(match["authority"])
    if authority is None:
        raise _refuse(text, "its host is missing or odd")
    info, host = authority["info"] or "", authority["host"]
    if authority["port"] and not 0 < int(authority["port"][1:]) <= 65535:
        raise _refuse(text, "its port is not one of 1 to 65535")
    parts = _parts(path)
    user, _, password = info.partition(":")
    if scheme == "ssh":
        if password or user.startswith("-"):
            raise _refuse(text, "ssh takes a user without a password")
        return _spec(text, text, parts, fallback=host)
    clean = text.replace(f"{info}@", "", 1) if info else text
    remember(password)
    remember("" if password else user)
    return _spec(text, clean, parts, fallback=host)._replace(user=user, password=password)


def _local(text: str, cwd: str) -> RepoSpec:
    path = os.path.normpath(f"{cwd}/{text}" if not text.startswith("/") else text)
    return _spec(text, path, _parts(path), fallback="local", local=path)


def _decoded(path: str) -> str:
    if "%" not in path:
        return path
    from urllib.parse import unquote  # rare, and its import is not cheap

    return unquote(path, errors="surrogateescape")


def _spec(
    text: str, url: str, parts: list[str], *, fallback: str = "", local: str | None = None
) -> RepoSpec:
    if not parts:
        raise _refuse(text, "it names no repository")
    owner = parts[-2] if len(parts) > 1 else fallback
    name = _bare(parts[-1])
    for part in (owner, name):
        # Each becomes the name of one folder: nothing may lead out of the workspace.
        if part in {"", ".", "..", ".git"} or part.startswith("-") or _CONTROL.search(part):
            raise _refuse(text, f"{part!r} cannot be the name of a folder")
    return RepoSpec(url=url, owner=owner, name=name, local=local)


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    if len(parts) > 1 and parts[-1] == ".git":
        parts.pop()
    return parts


def _bare(name: str) -> str:
    return name.removesuffix(".git") if name != ".git" else name


def _refuse(text: str, why: str) -> RepoInvalid:
    return RepoInvalid(f"{redact(text)!r} is not a repository: {why}", _FORMS)
