"""What one workspace has in an engine, its container and its volumes: found, made and removed.

They are known by their labels, and nothing without these is ever touched (NAME-4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.engines import labels, words
from awl.engines.executor import HOME, WORK
from awl.errors import (
    AwlError,
    ImageNotFound,
    ImagePullFailed,
    NoSpace,
    ValueInvalid,
    WorkspaceExists,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from awl import proc
    from awl.engines.docker import Docker

__all__ = ["Belongings"]

_LABEL = labels.WORKSPACE
_INSTALLATION = labels.INSTALLATION
_VOLUMES = (("work", WORK), ("home", HOME), ("codex", f"{HOME}/.codex"))
#: Seconds for a run that may have to pull, and for a removal.
_RUN_LIMIT = 1800.0
_REMOVE_LIMIT = 60.0
# The first process is the engine's, and runs as the image's user.
_HAND_OVER = """user=$(stat -c %u:%g /proc/1) || exit
for place do [ "$(stat -c %u "$place")" != 0 ] || chown "$user" "$place" || exit; done
"""
# How Podman says that it could not pull; Docker says first that it did not find the image.
_NOT_PULLED = ("Trying to pull", "initializing source", "short-name ")


class Belongings:
    """The container and the volumes of workspace `name`, as this installation labels them."""

    def __init__(self, engine: Docker, name: str, container: str, installation: str) -> None:
        self._engine = engine
        self._name = name
        self._installation = installation
        #: The name that the container has, or will have.
        self.container = container

    # ------------------------------------------------------------ what there is

    def containers(self, recorded: str | None = None) -> set[str]:
        """Return the ids of its containers: a record may name one that is somebody else's."""
        rows = self._engine.rows(
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            f"label={_LABEL}={self._name}",
            fields=("ID", f"label:{_INSTALLATION}"),
        )
        return {whole for whole, by in rows if by == self._installation or whole == recorded}

    def volumes(self) -> set[str]:
        """Return the names of its volumes."""
        # One filter only: Podman lists what meets any of several.
        rows = self._volume_rows(f"label={_LABEL}={self._name}")
        return {row[0] for row in rows if row[1:] == [self._name, self._installation]}

    def volumes_before(self) -> set[str]:
        """Return those of its volumes that are there before its container is.

        Raises `WorkspaceExists` where a volume of that name is not this launcher's.
        """
        wanted = {f"{self.container}-{part}" for part, _ in _VOLUMES}
        found = set()
        for volume, label, installation in self._volume_rows(f"name={self.container}-"):
            if volume not in wanted:
                continue
            if (label, installation) != (self._name, self._installation):
                raise WorkspaceExists(
                    f"volume {volume} is in the way: it is not this launcher's, and stays as it is",
                    "choose another name with --name",
                )
            found.add(volume)
        return found

    def _volume_rows(self, condition: str) -> list[list[str]]:
        """Return name, workspace and installation of each volume that the filter lets through."""
        fields = ("Name", f"label:{_LABEL}", f"label:{_INSTALLATION}")
        return self._engine.rows("volume", "ls", "--filter", condition, fields=fields)

    # ------------------------------------------------------------ making

    def run(
        self,
        image: str,
        *,
        pull: bool,
        kept: set[str],
        stated: set[str],
        told: Callable[[str], None] | None,
    ) -> str:
        """Start the container with its volumes and return its whole id.

        `kept` are the volumes that were there before; of these only the `stated` ones are taken up
        where a launcher that was killed has left a container: `kept` then loses the others.
        `told` hears the client's lines while it pulls. Raises what was refused.
        """
        self._make_volumes(kept)
        said = self.run_words(image, pull=pull)
        done = self._engine.call(*said, limit=_RUN_LIMIT, told=told)
        if words.NAME_IN_USE in done.words and (left := self.containers()):
            # A launcher that was killed left it; under the lock nobody else is at it.
            self.remove_containers(left)
            kept.intersection_update(stated)
            self.remove_volumes(self.volumes() - kept)
            self._make_volumes(kept)
            done = self._engine.call(*said, limit=_RUN_LIMIT, told=told)
        if done.code != 0:
            raise _refusal(done, self.container, image, self._engine.client)
        return done.text.splitlines()[-1].strip()

    def run_words(self, image: str, *, pull: bool) -> tuple[str, ...]:
        """Return the words of the engine's command line that starts the container."""
        on_volumes = (
            ""
            if self._engine.name == "podman"
            else "".join(f",volume-label={label}" for label in self._labels)
        )
        mounts = [
            f"type=volume,src={self.container}-{part},dst={place}{on_volumes}"
            for part, place in _VOLUMES
        ]
        return (
            *("run", "--detach", "--init", "--pull", "missing" if pull else "never"),
            *("--name", self.container, "--hostname", self._name),
            *(word for label in self._labels for word in ("--label", label)),
            *(word for mount in mounts for word in ("--mount", mount)),
            *(image, "sleep", "infinity"),
        )

    def hand_over(self, whole: str) -> str:
        """Give the user of a foreign image the folders that the engine had to make (as root).

        Returns the engine's words where that failed, else nothing.
        """
        places = (place for _, place in _VOLUMES)
        said = ("exec", "--user", "0", whole, "sh", "-c", _HAND_OVER, "awl", *places)
        done = self._engine.call(*said, limit=_REMOVE_LIMIT)
        return done.words if done.code != 0 else ""

    @property
    def _labels(self) -> tuple[str, str]:
        return f"{_LABEL}={self._name}", f"{_INSTALLATION}={self._installation}"

    def _make_volumes(self, kept: set[str]) -> None:
        """Make the volumes beforehand where `run` cannot put labels on those that it makes."""
        if self._engine.name != "podman":
            return
        labelled = [f"--label={label}" for label in self._labels]
        for part, _ in _VOLUMES:
            if (volume := f"{self.container}-{part}") not in kept:
                done = self._engine.call("volume", "create", *labelled, volume)
                if done.code != 0 and "already exists" not in done.words:
                    raise _refusal(done, self.container, "", self._engine.client)

    # ------------------------------------------------------------ removing

    def remove_containers(self, ids: set[str]) -> None:
        """Remove containers, running ones too; one that is gone is as good."""
        if ids:
            done = self._engine.call(
                "rm", "--force", "--volumes", *sorted(ids), limit=_REMOVE_LIMIT
            )
            # Clients differ in whether an absent one is a failure.
            if done.code != 0 and not words.is_absent(done.words):
                raise AwlError(f"the container cannot be removed: {done.words}")

    def remove_volumes(self, names: set[str]) -> None:
        """Remove volumes with all that is in them."""
        if names:
            done = self._engine.call("volume", "rm", *sorted(names), limit=_REMOVE_LIMIT)
            if done.code != 0:
                raise AwlError(
                    f"volumes cannot be removed: {done.words}", "remove what uses them, then again"
                )


def _refusal(done: proc.Completed, container: str, image: str, client: str) -> AwlError:
    """Return the error for a `docker run` that was refused."""
    said = done.words.replace("See 'docker run --help'.", "").partition("Run 'docker run")[0]
    said = said.strip().removeprefix("docker: ").removeprefix("Error: ")
    if words.NAME_IN_USE in said:
        return WorkspaceExists(
            f"container {container} is in the way: it is not this launcher's, and stays as it is",
            "choose another name with --name",
        )
    if done.is_full:
        return NoSpace(
            f"the engine has no space left for container {container}: {said}",
            f"see what could go: {client} system df",
        )
    if "invalid reference format" in said or "repository name must be lowercase" in said:
        return ValueInvalid(f"{image!r} is not an image: {said}")
    if "Unable to find image" in said or any(sign in said for sign in _NOT_PULLED):
        cause = said.partition("locally")[2].strip().removeprefix("docker: ") or said
        return ImagePullFailed(
            f"image {image} could not be pulled: {cause}",
            f"try it by hand: {client} pull {image}",
            "or choose another with --image",
        )
    if words.is_unknown_image(said):
        return ImageNotFound(
            f"image {image} is not present, and --no-pull forbids to get it",
            f"get it: {client} pull {image}",
        )
    return AwlError(f"container {container} cannot be started: {said}")
