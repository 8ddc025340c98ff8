"""Files of this machine as a tar stream, and a stream that is not trusted as files (SEC-2).

What comes out of a workspace may have been made to hurt: names that lead elsewhere, links to write
through, set-user-id programs. So nothing is opened by a path of several parts: each folder is
opened by itself and never through a link, and every file appears whole, by a rename.
"""

# Descriptors and plain strings, as in awl.store.
# ruff: noqa: PTH103, PTH108, PTH123

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tarfile
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

from awl.errors import AwlError, PathInvalid
from awl.store import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Entry", "look", "pack", "remove", "scan", "unpack"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Neither set-user-id nor set-group-id: they would lend the person's rights to what is brought.
_MODE = 0o1777
# Seconds since 1970 that every file system can hold.
_LATEST = 1 << 33


class Entry(NamedTuple):
    """`kind` is that of `find -printf %y`: d, f, l, or something else; `size` is in bytes.

    `mode` are permission bits.
    """

    kind: str
    size: int
    mode: int


def look(path: str) -> Entry:
    """Return what is at `path`, without following a link."""
    found = os.lstat(path)
    kinds = {stat.S_IFDIR: "d", stat.S_IFREG: "f", stat.S_IFLNK: "l"}
    kind = kinds.get(stat.S_IFMT(found.st_mode), "o")
    return Entry(kind, found.st_size, stat.S_IMODE(found.st_mode))


def scan(folder: str) -> dict[str, Entry]:
    """Return everything below `folder`, by its path from there."""
    found: dict[str, Entry] = {}
    waiting = [""]
    while waiting:
        below = waiting.pop()
        for name in os.listdir(f"{folder}/{below}"):  # noqa: PTH208 - plain strings
            path = f"{below}{name}"
            found[path] = look(f"{folder}/{path}")
            if found[path].kind == "d":
                waiting.append(f"{path}/")
    return found


def pack(file: IO[bytes], folder: str, names: Mapping[str, str]) -> None:
    """Write things below `folder` as a tar stream; `names` maps each path to its name there.

    Links are written as links, files that are linked to each other as such. Raises `OSError`.
    """
    with _tar(file, "w") as tar:
        for path in sorted(names):
            info = tar.gettarinfo(f"{folder}/{path}", arcname=f"./{names[path]}")
            info.uname = info.gname = ""
            if info.isreg():
                with open(f"{folder}/{path}", "rb") as content:
                    tar.addfile(info, content)
            else:
                tar.addfile(info)


def unpack(file: IO[bytes], folder: str, rename: Callable[[str], str | None]) -> None:
    """Write the things of a tar stream below `folder`, which is made where it is absent.

    `rename` gives the path of each by its name in the stream; `None` leaves it out. Modification
    times and modes come along, owners do not. Raises `PathInvalid` for a name that leads
    elsewhere, `AwlError` for a stream that is spoilt, and `OSError`.
    """
    os.makedirs(folder, exist_ok=True)
    target = _Target(folder)
    try:
        with _tar(file, "r") as tar:
            for info in tar:
                path = rename(_inside(info.name))
                if path is not None:
                    target.write(tar, info, path, rename)
        target.finish()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise AwlError(f"what came from the workspace is no whole archive: {error}") from error
    finally:
        target.close()


def remove(folder: str, paths: Iterable[str]) -> None:
    """Remove things below `folder`, folders with all that is in them; raises `OSError`."""
    for path in paths:
        if look(f"{folder}/{path}").kind == "d":
            remove_tree(f"{folder}/{path}")
        else:
            os.unlink(f"{folder}/{path}")


class _Target:
    """The folder in which a stream is unpacked."""

    def __init__(self, folder: str) -> None:
        self._top = os.open(folder, _FOLDER & ~os.O_NOFOLLOW)
        self._at, self._handle = "", self._top
        self._folders: dict[str, tarfile.TarInfo] = {}
        self._made: set[str] = set()

    def close(self) -> None:
        self._leave()
        os.close(self._top)

    def write(
        self,
        tar: tarfile.TarFile,
        info: tarfile.TarInfo,
        path: str,
        rename: Callable[[str], str | None],
    ) -> None:
        above, _, name = path.rpartition("/")
        if info.isdir():
            self._enter(path)
            self._folders[path] = info
            return
        self._enter(above)
        half = f".awl-{os.urandom(6).hex()}"
        try:
            if info.isreg():
                self._file(tar, info, half)
            elif info.issym():
                os.symlink(info.linkname, half, dir_fd=self._handle)
                os.utime(half, _times(info), dir_fd=self._handle, follow_symlinks=False)
            elif info.islnk():
                self._link(rename(_inside(info.linkname)), half)
            else:
                return  # a device, a pipe: not copied
            os.rename(half, name, src_dir_fd=self._handle, dst_dir_fd=self._handle)
        finally:
            # A name for the same file is left where it is by rename(2).
            with contextlib.suppress(FileNotFoundError):
                os.unlink(half, dir_fd=self._handle)
        self._made.add(path)

    def finish(self) -> None:
        """Give folders their modes and times, the innermost first: a mode may forbid to write."""
        for path in sorted(self._folders, reverse=True):
            self._enter(path)
            info = self._folders[path]
            os.utime(self._handle, _times(info))
            os.fchmod(self._handle, info.mode & _MODE)

    def _file(self, tar: tarfile.TarFile, info: tarfile.TarInfo, half: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        content = tar.extractfile(info)
        with open(os.open(half, flags, 0o600, dir_fd=self._handle), "wb") as made:
            if content is not None:
                shutil.copyfileobj(content, made)
            made.flush()
            os.fchmod(made.fileno(), info.mode & _MODE)
            os.utime(made.fileno(), _times(info))

    def _link(self, to: str | None, half: str) -> None:
        if to not in self._made:  # neither what lies here already nor anything elsewhere
            raise PathInvalid(f"what came from the workspace links to {to}, which did not come")
        above, _, name = to.rpartition("/")
        here, self._at, self._handle = (self._at, self._handle), "", self._top
        try:
            self._enter(above)
            os.link(
                name,
                half,
                src_dir_fd=self._handle,
                dst_dir_fd=here[1],
                follow_symlinks=False,
            )
        finally:
            self._leave()
            self._at, self._handle = here

    def _enter(self, path: str) -> None:
        """Open the folder `path`, made where it is absent, and see that it can be written."""
        if path == self._at:
            return
        self._leave()
        for part in path.split("/") if path else ():
            try:
                inner = os.open(part, _FOLDER, dir_fd=self._handle)
            except FileNotFoundError:
                os.mkdir(part, 0o700, dir_fd=self._handle)
                inner = os.open(part, _FOLDER, dir_fd=self._handle)
            except OSError as error:
                raise PathInvalid(f"{path} cannot be entered: {error.strerror}") from error
            if self._handle != self._top:
                os.close(self._handle)
            self._handle = inner
            mode = stat.S_IMODE(os.fstat(inner).st_mode)
            if mode & stat.S_IRWXU != stat.S_IRWXU:
                os.fchmod(inner, mode | stat.S_IRWXU)
        self._at = path

    def _leave(self) -> None:
        if self._handle != self._top:
            os.close(self._handle)
        self._at, self._handle = "", self._top


def _tar(file: IO[bytes], mode: Literal["r", "w"]) -> tarfile.TarFile:
    # This format holds names as they are, whatever bytes they are made of.
    return tarfile.TarFile(
        fileobj=file,
        mode=mode,
        format=tarfile.GNU_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    )


def _times(info: tarfile.TarInfo) -> tuple[int, int]:
    moment = min(max(int(info.mtime), 0), _LATEST)
    return moment, moment


def _inside(name: str) -> str:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts:
        raise PathInvalid(f"what came from the workspace has a name that leads elsewhere: {name}")
    return "/".join(parts)
