"""Errors and exit codes: the base of every error, and the one place where it becomes a number.

`matrices/contract.yaml` is the source of `EXIT_TABLE`. What can go wrong stands in `awl.errors`.
"""

from __future__ import annotations

__all__ = ["EXIT_TABLE", "AwlError", "error_classes", "exit_code_of"]

EXIT_TABLE: tuple[tuple[int, str], ...] = (
    (0, "done"),
    (1, "the operation failed, or the person declined"),
    (2, "usage error or invalid value"),
    (3, "not found"),
    (4, "credentials missing"),
    (5, "conflict: exists, busy, ambiguous, or work would be lost"),
    (6, "not supported by this runtime"),
    (7, "engine unavailable"),
    (125, "exec or run: the launcher itself failed"),
    (126, "exec or run: the command was found and cannot be run"),
    (127, "exec or run: the command was not found"),
    (130, "interrupted"),
)
_HANDS_THROUGH_AS = 125
_KEPT_BY_EXEC = frozenset({2, 126, 127, 130})


class AwlError(Exception):
    """Something that the person has to know: what, and the next thing to type.

    `hint` is a tuple of lines; `details` is put into the JSON form as it is (JSON values only).
    """

    code = "operation-failed"
    exit_code = 1

    def __init__(self, message: str, *hint: str, details: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


def exit_code_of(error: AwlError, *, hands_through: bool = False) -> int:
    """Return the exit code of `error`.

    `hands_through` is true for `exec` and `run`, whose exit codes are the child's: their own
    failures are 125, as those of container engines are, and only usage errors stay 2.
    """
    if hands_through and error.exit_code not in _KEPT_BY_EXEC:
        return _HANDS_THROUGH_AS
    return error.exit_code


def error_classes() -> dict[str, type[AwlError]]:
    """Return every string code with the class that raises it."""
    found: dict[str, type[AwlError]] = {}
    waiting = [AwlError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "code" in vars(kind):
            found[kind.code] = kind
    return found
