"""Volumes: folders in the state, each with a small document beside its data."""

from __future__ import annotations

import os

from engine.errors import DaemonError, NotFound
from engine.jsonlite import Doc
from engine.names import check_volume_name, new_id, timestamp
from engine.store import Store, read_doc, remove_tree, write_doc

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Volumes"]


class Volumes:
    """The volumes of one state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._root = f"{store.root}/volumes"

    def path(self, name: str) -> str:
        """Where a volume's data lies."""
        return f"{self._root}/{name}/_data"

    def get(self, name: str) -> Doc:
        """A volume's document; NotFound where there is none."""
        if name and "/" not in name:
            try:
                return read_doc(f"{self._root}/{name}/volume.json")
            except (FileNotFoundError, NotADirectoryError):
                pass
        raise NotFound(f"No such volume: {name}")

    def all(self) -> list[Doc]:
        """Every volume, by name."""
        found = []
        for name in sorted(os.listdir(self._root)):
            try:
                found.append(self.get(name))
            except NotFound:
                continue  # being made, or just removed
        return found

    def ensure(
        self,
        name: str = "",
        labels: dict[str, str] | None = None,
        *,
        driver: str = "local",
        options: dict[str, str] | None = None,
        anonymous: bool = False,
    ) -> tuple[Doc, bool]:
        """The volume of that name, made where absent; and whether it is new.

        An existing one keeps its labels, as in the engine. Call without the store's lock.
        """
        if driver != "local":
            raise DaemonError(
                f"create {name}: error looking up volume plugin {driver}: "
                f'plugin "{driver}" not found'
            )
        name = name or new_id()
        check_volume_name(name)
        with self._store.lock():
            try:
                return self.get(name), False
            except NotFound:
                os.makedirs(self.path(name), 0o755, exist_ok=True)
            doc: Doc = {
                "CreatedAt": timestamp()[:19] + "Z",
                "Driver": driver,
                "Labels": labels if labels or not anonymous else None,
                "Mountpoint": self.path(name),
                "Name": name,
                "Options": options,
                "Scope": "local",
            }
            write_doc(f"{self._root}/{name}/volume.json", doc)
        return doc, True

    def users(self, name: str, containers: Iterable[Doc] | None = None) -> list[str]:
        """Ids of the containers, running or not, that mount a volume."""
        return [
            doc["Id"]
            for doc in (self._store.containers() if containers is None else containers)
            if any(mount.get("Name") == name for mount in doc["Mounts"])
        ]

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a volume that nobody mounts; NotFound, or DaemonError where it is in use."""
        try:
            self.get(name)
        except NotFound:
            if force:
                return
            raise
        bin_path = f"{self._root}/.gone-{new_id()}"
        with self._store.lock():
            users = self.users(name)
            if users:
                raise DaemonError(f"remove {name}: volume is in use - [{', '.join(users)}]")
            try:
                os.rename(f"{self._root}/{name}", bin_path)
            except FileNotFoundError:
                return
        remove_tree(bin_path)
