"""What `doctor` looks at: the root, the engine, and what calls that died have left (CAP-1b).

Nothing here changes anything; a finding carries its own repair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.doctor import files
from awl.doctor.finding import Finding, of_error
from awl.errors import AwlError
from awl.runtimes import registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from awl.runtimes.api import Context

__all__ = ["Finding", "examine"]


def examine(runtimes: Sequence[str], context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the root and with each of `runtimes`."""
    told = set()
    for finding in files.examine(context.store):
        told.add(finding.subject)
        yield finding
    for name in runtimes:
        try:
            yield from _of_runtime(name, context)
        except AwlError as error:  # one runtime that fails does not hide what ails the others
            yield of_error(error, name, name)
        except OSError as error:
            subject = str(error.filename or name)
            if subject in told:
                continue  # a root that is no folder is one thing to mend, not two
            yield Finding(
                "unreadable",
                name,
                subject,
                f"it cannot be looked at: {error.strerror or error}",
                "see that it is a folder which you may read",
            )


def _of_runtime(name: str, context: Context) -> Iterator[Finding]:
    if name == "host":
        from awl.doctor import host

        yield from host.examine(context)
    elif name == "container":
        from awl.doctor import container

        yield from container.examine(context)
    else:
        yield from _of_plug_in(name, context)


def _of_plug_in(name: str, context: Context) -> Iterator[Finding]:
    runtime = registry.make(name, context)
    runtime.check()
    for half in runtime.list().half_made:
        mend = f"awl rm {half} --runtime {name}"
        yield Finding("half-made", name, half, "its creation was not completed", mend)
