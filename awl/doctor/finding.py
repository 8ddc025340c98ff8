"""What `doctor` finds: what is wrong with what, and how it is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from awl.errors import AwlError

__all__ = ["Finding", "of_error"]


class Finding(NamedTuple):
    """Something that is wrong.

    `id` says which kind, `runtime` is `None` for what concerns them all, `subject` is a name or a
    path; `mend` is what to type or to do. `repair` does it, or raises `AwlError` or `OSError`; it
    is `None` where only the person can decide. `removes` names what the repair removes for good:
    nothing of it may go before the person has seen it and agreed (CAP-1d).
    """

    id: str
    runtime: str | None
    subject: str
    problem: str
    mend: str
    repair: Callable[[], None] | None = None
    removes: tuple[str, ...] = ()


def of_error(error: AwlError, runtime: str | None, subject: str) -> Finding:
    """Return the finding of what a check has raised: its string code is the id."""
    mend = error.hint[0] if error.hint else "see what it says, and try again"
    return Finding(error.code, runtime, subject, error.message, mend)
