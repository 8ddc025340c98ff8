"""The folder of one run, in which everything is that the run makes.

In memory where the machine lets one be: laying a sandbox out and taking it down again, for every
case, is a good part of a run's time on a disk. The folder is locked as long as its run lives. What
a killed run has left is nobody's, and the next one of the same user takes it away.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from conformance.lock.room import SHARED_MEMORY
from conformance.world.sandbox import force_remove

__all__ = ["KEPT", "PREFIX", "base_folder", "scratch"]

PREFIX = "awl-conformance-"
KEPT = "awl-conformance.kept-"
"""How the folders of runs begin, and of those that shall outlive theirs."""

# Room for the sandboxes of several workers, with cases that write some hundred megabytes.
_ENOUGH = 2 * 1024**3


def base_folder(*, in_memory: bool = True) -> Path:
    """Where folders of runs are made: TMPDIR, else shared memory that is fit, else ``/tmp``."""
    shared = Path(SHARED_MEMORY)
    if in_memory and not os.environ.get("TMPDIR") and _is_fit(shared):
        return shared
    return Path(tempfile.gettempdir()).resolve()


@contextlib.contextmanager
def scratch(*, in_memory: bool = True, keep: bool = False) -> Iterator[Path]:
    """A new folder, locked and then removed; with ``keep`` it is on the disk, and stays.

    Raises OSError where none can be made.
    """
    base = base_folder(in_memory=in_memory and not keep)
    _clear_dead(base)
    if keep:
        yield Path(tempfile.mkdtemp(prefix=KEPT, dir=base))
        return
    # Locked before it gets the name under which others look for the dead.
    draft = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=base))
    held = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        folder = draft.rename(base / draft.name[1:])
        try:
            yield folder
        finally:
            force_remove([folder])
    finally:
        os.close(held)


def _clear_dead(base: Path) -> None:
    """Remove the folders of this user's runs that hold no lock any more."""
    for folder in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid != os.geteuid():
                continue
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                force_remove([folder])
            finally:
                os.close(held)


def _is_fit(folder: Path) -> bool:
    """Whether it is a place for programs, and has room."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return False
    free = facts.f_bavail * facts.f_frsize
    return not facts.f_flag & os.ST_NOEXEC and free >= _ENOUGH and os.access(folder, os.W_OK)
