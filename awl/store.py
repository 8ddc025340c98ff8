"""Records, atomic writes, locks and safe removal below the root (REL-1, RM-3, SEC-3).

    <root>/NAME/                      a workspace of the host, with .awl/workspace.json in it
    <root>/.awl/RUNTIME/NAME.json     the record of a workspace that lives elsewhere
    <root>/.awl/locks/                one lock for each name that is being made or removed
    <root>/.awl/tmp/                  what is half made, and what is half removed

A lock is a `flock`: whoever dies lets go of it. Folders of the launcher's own go away when they are
empty, so that a call that fails leaves no trace.
"""

# Plain strings and descriptors: see awl.paths, and the removal below.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH112, PTH114, PTH116, PTH120, PTH123, PTH208

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Any, TypeVar

from awl.errors import AwlError, WorkspaceBusy
from awl.paths import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["HALF", "Store", "read_document", "remove_tree", "write_document"]

#: The folder of what is half made and half removed, in the launcher's own.
HALF = "tmp"
_PATIENCE = 100
_LONGEST = 1 << 22  # bytes; a document is a few thousand
_Made = TypeVar("_Made")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Store:
    """The launcher's folder of one root."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._own = f"{root}/{OWN}"

    def record(self, runtime: str, name: str) -> str:
        """Return the path of the record of `name` in `runtime`."""
        return f"{self._own}/{runtime}/{name}.json"

    def records(self, runtime: str) -> dict[str, dict[str, Any]]:
        """Return every readable record of `runtime`, by name, in order."""
        read = ((name, read_document(self.record(runtime, name))) for name in self.names(runtime))
        return {name: document for name, document in read if document is not None}

    def names(self, runtime: str) -> list[str]:
        """Return the names of all records of `runtime`, readable or not, in order."""
        try:
            files = sorted(os.listdir(f"{self._own}/{runtime}"))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [file.removesuffix(".json") for file in files if file.endswith(".json")]

    def commit(self, runtime: str, name: str, document: dict[str, Any]) -> None:
        """Write the record of `name`, whole or not at all."""
        path = self.record(runtime, name)
        self._within(os.path.dirname(path), lambda: write_document(path, document))

    def forget(self, runtime: str, name: str) -> None:
        """Remove the record of `name`; one that is gone is as good."""
        self._refuse_links(f"{self._own}/{runtime}")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.record(runtime, name))
        self._tidy(f"{self._own}/{runtime}")

    def stage(self, name: str) -> str:
        """Make an empty folder in which `name` is built; call it under the lock of `name`."""
        tmp = f"{self._own}/{HALF}"
        path = f"{tmp}/{name}.{os.urandom(6).hex()}"
        self._within(tmp, lambda: os.mkdir(path, 0o700))
        return path

    def discard(self, path: str) -> None:
        """Remove `path`, a folder directly below the root or made by `stage`.

        It is renamed into the launcher's own folder first: a launcher that is killed meanwhile
        leaves nothing that looks like a workspace, and `sweep` finds the rest.
        """
        tmp = f"{self._own}/{HALF}"
        parent, name = os.path.split(path)
        if parent != tmp:
            with _opened(os.path.realpath(parent)) as above, _opened(name, above):
                pass  # opened up: a folder that is moved must be writable itself
            trash = f"{tmp}/{name}.{os.urandom(6).hex()}"
            self._within(tmp, lambda: os.rename(f"{parent}/{name}", trash))
            path = trash
        remove_tree(path)
        self._tidy(tmp)

    def sweep(self, name: str) -> None:
        """Remove what dead calls left of `name`; call it under the lock of `name`."""
        tmp = f"{self._own}/{HALF}"
        with contextlib.suppress(FileNotFoundError):
            for entry in os.listdir(tmp):
                if entry.rpartition(".")[0] == name:
                    remove_tree(f"{tmp}/{entry}")
        self._tidy(tmp)

    @contextlib.contextmanager
    def lock(self, runtime: str, name: str) -> Iterator[None]:
        """Hold the name: nobody else makes or removes it meanwhile.

        Raises `WorkspaceBusy` at once where somebody does (no wait: the other call decides whether
        the name is free, and a script is better off knowing).
        """
        import fcntl

        path = self._lock(runtime, name)
        folder = os.path.dirname(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = self._within(folder, lambda: os.open(path, flags, 0o600))
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                current = os.stat(path).st_ino == os.fstat(handle).st_ino
            except (BlockingIOError, FileNotFoundError):
                current = False
            if not current:
                raise WorkspaceBusy(
                    f"workspace {name} of runtime {runtime} is being made or removed"
                    " by another call",
                    "wait for the other call to end, then try again",
                )
            try:
                yield
            finally:
                os.unlink(path)
        finally:
            os.close(handle)
            self._tidy(folder)

    def busy(self, runtime: str, name: str) -> bool:
        """Tell whether another call holds the name now."""
        import fcntl

        try:
            handle = os.open(self._lock(runtime, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _lock(self, runtime: str, name: str) -> str:
        return f"{self._own}/locks/{runtime}-{name}.lock"

    def _within(self, folder: str, make: Callable[[], _Made]) -> _Made:
        """Make `folder`, private, with all that leads to it, and then something in it.

        Another call that ends may tidy an empty folder away at any moment between these steps.
        """
        self._refuse_links(folder)
        for _ in range(_PATIENCE):
            with contextlib.suppress(FileNotFoundError):
                _folders(folder)
                return make()
        raise AwlError(f"cannot make anything in {folder}: it vanishes again and again")

    def _refuse_links(self, folder: str) -> None:
        """See that nothing is made or removed elsewhere; the root itself may be a link."""
        for path in (self._own, folder):
            if os.path.islink(path):
                raise AwlError(
                    f"{path} is a link, and the launcher's own folders are not followed elsewhere",
                    f"see where it leads: ls -l {path}",
                )

    def _tidy(self, folder: str) -> None:
        """Remove `folder`, the launcher's own folder and the root, as far as they are empty."""
        for path in (folder, self._own, self.root):
            try:
                os.rmdir(path)
            except OSError:
                return


def read_document(path: str) -> dict[str, Any] | None:
    """Read a JSON object; `None` where there is none, or something else (a link, say) is there."""
    import json

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with open(handle, "rb") as file:
        try:
            document = json.loads(file.read(_LONGEST + 1)[:_LONGEST])
        except (ValueError, RecursionError):
            return None
    return document if isinstance(document, dict) else None


def write_document(path: str, document: dict[str, Any]) -> None:
    """Write a JSON object, mode 0600: it is there whole or not at all, also after a power cut."""
    import json

    half = f"{path}.{os.urandom(6).hex()}"
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(handle)
        os.rename(half, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(half)
        raise


def remove_tree(path: str) -> None:
    """Remove the folder `path` and all below it, never through a link and never across a mount.

    Folders without write permission are opened up first. Each folder found is moved up into `path`
    before it is emptied, so that neither depth nor length of names has a limit. Raises `OSError`
    with what could not be removed.
    """
    parent, name = os.path.split(path)
    with _opened(os.path.realpath(parent)) as above, _opened(name, above) as top:
        device = os.fstat(top).st_dev
        for entry in os.listdir(top):
            _remove(entry, top, entry, top, device)
        # Folders that were moved up come last, and bring up their own.
        while left := os.listdir(top):
            for entry in left:
                _remove(entry, top, entry, top, device)
        os.rmdir(name, dir_fd=above)


def _remove(entry: str, folder: int, shown: str, top: int, device: int) -> None:
    found = os.stat(entry, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        os.unlink(entry, dir_fd=folder)
        return
    if found.st_dev != device:
        raise OSError(errno.EBUSY, "is a mount point", shown)
    with _opened(entry, folder) as inner:
        for below in os.listdir(inner):
            kind = os.stat(below, dir_fd=inner, follow_symlinks=False)
            if not stat.S_ISDIR(kind.st_mode):
                os.unlink(below, dir_fd=inner)
                continue
            if kind.st_dev != device:
                raise OSError(errno.EBUSY, "is a mount point", f"{shown}/{below}")
            with _opened(below, inner):
                pass  # opened up: a folder that is moved must be writable itself
            os.rename(below, f".{os.urandom(8).hex()}", src_dir_fd=inner, dst_dir_fd=top)
    os.rmdir(entry, dir_fd=folder)


@contextlib.contextmanager
def _opened(name: str, folder: int | None = None) -> Iterator[int]:
    """Open a folder, never through a link, and see that its owner may empty it."""
    handle = os.open(name, os.O_PATH | _DIRECTORY, dir_fd=folder)
    try:
        if folder is not None and os.fstat(handle).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            # Through the descriptor: chmod by name would follow a link put there meanwhile.
            os.chmod(f"/proc/self/fd/{handle}", stat.S_IRWXU)
        real = os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from error
    finally:
        os.close(handle)
    try:
        yield real
    finally:
        os.close(real)


def _folders(path: str) -> None:
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent != path:
        _folders(parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if os.path.lexists(path) and not os.path.isdir(path):
            raise
