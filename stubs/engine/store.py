"""The state directory: plain JSON files, one short lock for changes, atomic writes.

Layout (also in README.md): `containers/ID/{container.json,alive,log.jsonl,root/}`, `names/NAME`,
`volumes/NAME/{volume.json,_data/}`, `images/*.json`, `registry/*.json`, `endpoints.json`, `faults`.
"""

from __future__ import annotations

import fcntl
import os

from engine.errors import DaemonError, FakeError, NotFound
from engine.jsonlite import Doc, dumps, loads

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

__all__ = ["Lock", "Store", "read_doc", "remove_tree", "write_doc"]

_ID_LENGTH = 64


class Lock:
    """An exclusive `flock` on a file, held while the `with` block runs."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def __enter__(self) -> Self:
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)


def read_doc(path: str) -> Doc:
    """The JSON object in a file; FileNotFoundError where absent, FakeError where broken."""
    with open(path, encoding="utf-8") as file:  # pathlib costs a call its budget
        text = file.read()
    try:
        value = loads(text)
    except ValueError as error:
        raise FakeError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise FakeError(f"{path} holds {type(value).__name__}, not an object")
    return value


def write_doc(path: str, doc: Doc) -> None:
    """Write so that a reader sees the old document or the new one, never a half."""
    draft = f"{path}.{os.getpid()}"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, dumps(doc).encode())
    finally:
        os.close(fd)
    os.rename(draft, path)


def remove_tree(path: str) -> None:
    """Remove a folder with all in it, never following a link; read-only folders are no obstacle."""
    try:
        entries = list(os.scandir(path))
    except PermissionError:
        os.chmod(path, 0o700)
        entries = list(os.scandir(path))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        else:
            try:
                os.unlink(entry.path)
            except PermissionError:
                os.chmod(path, 0o700)
                os.unlink(entry.path)
    os.rmdir(path)


class Store:
    """One engine's state. Reading takes no lock; changing does, through `lock` or `update`."""

    def __init__(self, root: str) -> None:
        self.root = root
        for name in ("containers", "names", "volumes", "images", "registry"):
            if not os.path.isdir(f"{root}/{name}"):
                os.makedirs(f"{root}/{name}", 0o700, exist_ok=True)

    def lock(self) -> Lock:
        """The one lock for changes; hold it for moments only, never while something runs."""
        return Lock(f"{self.root}/lock")

    def folder(self, ident: str) -> str:
        """Where a container keeps its things."""
        return f"{self.root}/containers/{ident}"

    def turn(self, ident: str) -> Lock:
        """One container's start, stop and removal wait for each other here."""
        return Lock(f"{self.folder(ident)}/turn")

    # --- containers -----------------------------------------------------------------------------

    def identifiers(self) -> list[str]:
        """Full ids of every container folder, finished or not."""
        return [name for name in os.listdir(f"{self.root}/containers") if len(name) == _ID_LENGTH]

    def load(self, ident: str) -> Doc:
        """One container's document, its state corrected where its supervisor was killed."""
        try:
            doc = read_doc(f"{self.folder(ident)}/container.json")
        except FileNotFoundError:
            raise NotFound(f"No such container: {ident}") from None
        state = doc["State"]
        if state["Running"] and not self.alive(ident):
            # The engine's rule after a crash: what was running has ended, nobody saw how.
            state.update(Status="exited", Running=False, Paused=False, Pid=0, ExitCode=255)
        return doc

    def containers(self) -> Iterator[Doc]:
        """Every container, in no particular order."""
        for ident in self.identifiers():
            try:
                yield self.load(ident)
            except NotFound:
                continue  # being made, or just removed

    def save(self, doc: Doc) -> None:
        """Write a container's document (call with `lock` held)."""
        write_doc(f"{self.folder(doc['Id'])}/container.json", doc)

    def update(self, ident: str, change: Callable[[Doc], None]) -> Doc:
        """Read, change and write one container's document under the lock."""
        with self.lock():
            doc = self.load(ident)
            change(doc)
            self.save(doc)
        return doc

    def alive(self, ident: str) -> bool:
        """Whether the container's supervisor holds its lock: true across pid namespaces too."""
        try:
            fd = os.open(f"{self.folder(ident)}/alive", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def name_owner(self, name: str) -> str | None:
        """The id that holds a name; a name whose container is gone counts as free."""
        try:
            ident = os.readlink(f"{self.root}/names/{name}")
        except OSError:
            return None
        return ident if os.path.exists(f"{self.folder(ident)}/container.json") else None

    def claim_name(self, name: str, ident: str) -> None:
        """Take a name (call with `lock` held); DaemonError where it is taken."""
        owner = self.name_owner(name)
        if owner is not None:
            raise DaemonError(
                f'Conflict. The container name "/{name}" is already in use by container "{owner}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )
        self.drop_name(name)
        os.symlink(ident, f"{self.root}/names/{name}")

    def drop_name(self, name: str) -> None:
        """Give a name back."""
        try:
            os.unlink(f"{self.root}/names/{name}")
        except FileNotFoundError:
            return

    def resolve(self, ref: str) -> str:
        """The full id that a full id, a name or an unambiguous start of an id stands for."""
        name = ref.removeprefix("/")
        if name and "/" not in name:
            if len(name) == _ID_LENGTH and os.path.isdir(self.folder(name)):
                return name
            owner = self.name_owner(name)
            if owner is not None:
                return owner
            found = [ident for ident in self.identifiers() if ident.startswith(name)]
            if len(found) == 1:
                return found[0]
            if found:
                raise DaemonError(f"Multiple IDs found with provided prefix: {ref}")
        raise NotFound(f"No such container: {ref}")

    def container(self, ref: str) -> Doc:
        """The document of the container that `ref` stands for."""
        try:
            return self.load(self.resolve(ref))
        except NotFound:
            raise NotFound(f"No such container: {ref}") from None

    def remove_container(self, doc: Doc) -> None:
        """Take a stopped container out of the state, then off the disk."""
        ident = doc["Id"]
        bin_path = f"{self.root}/containers/.gone-{ident}"
        with self.lock():
            try:
                os.rename(self.folder(ident), bin_path)
            except FileNotFoundError:
                return
            if self.name_owner(doc["Name"][1:]) is None:
                self.drop_name(doc["Name"][1:])
        remove_tree(bin_path)
