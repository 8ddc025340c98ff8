"""Images are documents: no layers, only what a container started from one must know.

An image file holds what `docker image inspect` shows, and under `Fake` what the fake needs more:
`users` (name to uid), `folders` (path to owner), `etc` and `bin` (folders whose files are copied
into /etc and /usr/local/bin) and `hidden` (programs of the machine that the image lacks).
"""

from __future__ import annotations

import os

from engine.errors import CliError, DaemonError, NotFound
from engine.jsonlite import Doc
from engine.store import Store, read_doc, write_doc

__all__ = ["Images", "check_reference", "full_reference"]

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-/")
_TAG = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_HEX = frozenset("0123456789abcdef")


def full_reference(ref: str) -> str:
    """`name` as `name:latest`, without the parts that docker leaves out when it shows one."""
    ref = ref.removeprefix("docker.io/").removeprefix("library/")
    name, colon, tag = ref.rpartition(":")
    if not colon or "/" in tag:
        return f"{ref}:latest"
    return f"{name}:{tag}"


def check_reference(ref: str) -> None:
    """CliError, in docker's words, where this cannot name an image."""
    head, _, digest = ref.partition("@")
    name, colon, tag = head.rpartition(":")
    if not colon or "/" in tag:
        name, tag = head, "latest"
    host, slash, path = name.partition("/")
    # A registry's host may hold what a repository may not: a port, upper case.
    repository = path if slash and ("." in host or ":" in host or host == "localhost") else name
    if (repository and repository.lower() in (repository, "")) or repository == repository.lower():
        lowered = repository
    else:
        lowered = repository.lower()
    if repository is path and not all(
        part and part[0].isalnum() and part[-1].isalnum()
        for part in host.partition(":")[0].split(".")
    ):
        raise CliError("invalid reference format")
    well = bool(lowered) and all(letter in _NAME for letter in lowered)
    well = well and all(
        part and part[0] not in "._-" and part[-1] not in "._-" for part in lowered.split("/")
    )
    if well and lowered != repository:
        raise CliError("invalid reference format: repository name must be lowercase")
    if not well or not tag or not all(letter in _TAG for letter in tag) or tag[0] in ".-":
        raise CliError("invalid reference format")
    if digest and not digest.startswith("sha256:"):
        raise CliError("invalid reference format")


class Images:
    """The images of one state, with those of a read-only seed folder behind them."""

    def __init__(self, store: Store, seeds: str | None) -> None:
        self.store = store
        self._seeds = seeds

    def _read(self, kind: str) -> list[Doc]:
        found: dict[str, Doc] = {}
        folders = [f"{self.store.root}/{kind}"]
        if self._seeds:
            folders.append(self._seeds if kind == "images" else f"{self._seeds}/{kind}")
        for folder in folders:
            try:
                names = sorted(os.listdir(folder))
            except FileNotFoundError:
                continue
            for name in names:
                if name.endswith(".json"):
                    doc = read_doc(f"{folder}/{name}")
                    found.setdefault(doc["Id"], doc)
        return list(found.values())

    def all(self) -> list[Doc]:
        """Every image that is there, newest first."""
        present = [doc for doc in self._read("images") if not doc.get("Fake", {}).get("removed")]
        return sorted(present, key=lambda doc: str(doc["Created"]), reverse=True)

    def find(self, ref: str) -> Doc | None:
        """The image that a reference, an id or the start of an id stands for."""
        images = self.all()
        wanted = full_reference(ref)
        for doc in images:
            if wanted in doc["RepoTags"]:
                return doc
        digits = ref.removeprefix("sha256:")
        if digits and all(digit in _HEX for digit in digits):
            found = [doc for doc in images if doc["Id"][7:].startswith(digits)]
            if len(found) == 1:
                return found[0]
        return None

    def get(self, ref: str) -> Doc:
        """As `find`; NotFound in docker's words where there is none."""
        doc = self.find(ref)
        if doc is None:
            shown = ref if ref.startswith("sha256:") else full_reference(ref)
            raise NotFound(f"No such image: {shown}")
        return doc

    def save(self, doc: Doc) -> None:
        """Write an image's document into the state (call with the store's lock held)."""
        write_doc(f"{self.store.root}/images/{doc['Id'][7:]}.json", doc)

    def pull(self, ref: str) -> tuple[Doc, bool]:
        """Fetch from the pretended registry: the image, and whether it is new here.

        DaemonError in the registry's words: a known repository without this tag is "manifest
        unknown", an unknown one "pull access denied".
        """
        wanted = full_reference(ref)
        repository = wanted.rpartition(":")[0]
        known = False
        for doc in self._read("registry"):
            if wanted in doc["RepoTags"]:
                with self.store.lock():
                    here = self.find(wanted)
                    if here is not None and here["Id"] == doc["Id"]:
                        return here, False
                    self._take_tag(wanted)
                    self.save({**doc, "RepoTags": [wanted]})
                return doc, True
            known = known or any(name.rpartition(":")[0] == repository for name in doc["RepoTags"])
        if known:
            raise DaemonError(
                f"manifest for {wanted} not found: manifest unknown: manifest unknown"
            )
        raise DaemonError(
            f"pull access denied for {repository}, repository does not exist or may require "
            "'docker login': denied: requested access to the resource is denied"
        )

    def _take_tag(self, ref: str) -> None:
        for doc in self.all():
            if ref in doc["RepoTags"]:
                self.save({**doc, "RepoTags": [tag for tag in doc["RepoTags"] if tag != ref]})

    def tag(self, source: str, target: str) -> None:
        """Give an image one more reference, taking it from whichever had it."""
        check_reference(target)
        wanted = full_reference(target)
        with self.store.lock():
            doc = self.get(source)
            if wanted in doc["RepoTags"]:
                return
            self._take_tag(wanted)
            self.save({**doc, "RepoTags": [*doc["RepoTags"], wanted]})

    def remove(self, ref: str, *, force: bool) -> list[str]:
        """Untag, and delete with the last tag; gives docker's lines. DaemonError where in use."""
        with self.store.lock():
            doc = self.get(ref)
            wanted = full_reference(ref)
            by_tag = wanted in doc["RepoTags"]
            left = [tag for tag in doc["RepoTags"] if by_tag and tag != wanted]
            if not by_tag and len(doc["RepoTags"]) > 1 and not force:
                raise DaemonError(
                    f"conflict: unable to delete {doc['Id'][7:19]} (must be forced) - image is "
                    "referenced in multiple repositories"
                )
            if not left:
                self._refuse_used(doc, wanted if by_tag else "", force=force)
            lines = [f"Untagged: {tag}" for tag in doc["RepoTags"] if tag not in left]
            if left:
                self.save({**doc, "RepoTags": left})
                return lines
            # A tombstone, since the read-only seeds may hold the image too.
            self.save({**doc, "RepoTags": [], "Fake": {**doc.get("Fake", {}), "removed": True}})
        return [*lines, f"Deleted: {doc['Id']}"]

    def _refuse_used(self, doc: Doc, ref: str, *, force: bool) -> None:
        for container in self.store.containers():
            if container["Image"] != doc["Id"]:
                continue
            short, image = container["Id"][:12], doc["Id"][7:19]
            if container["State"]["Running"] and not (force and ref):
                if not ref:
                    raise DaemonError(
                        f"conflict: unable to delete {image} (cannot be forced) - image is being "
                        f"used by running container {short}"
                    )
                raise DaemonError(
                    f'conflict: unable to remove repository reference "{ref}" (must force) - '
                    f"container {short} is using its referenced image {image}"
                )
            if not force:
                raise DaemonError(
                    f'conflict: unable to remove repository reference "{ref}" (must force) - '
                    f"container {short} is using its referenced image {image}"
                    if ref
                    else f"conflict: unable to delete {image} (must be forced) - image is being "
                    f"used by stopped container {short}"
                )
