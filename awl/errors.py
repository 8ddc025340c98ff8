"""What can go wrong: one class for each string code of the contract, one family for each exit code.

`matrices/contract.yaml` is the source: its `error_codes` are the classes below.
"""

# Names without the suffix `Error`: they read like the string codes that they carry.
# ruff: noqa: N818

from __future__ import annotations

from awl.exits import AwlError

__all__ = [
    "AwlError",
    "CloneFailed",
    "CommandNotExecutable",
    "CommandNotFound",
    "CommandUnsupported",
    "Conflict",
    "CredentialsMissing",
    "Declined",
    "EngineError",
    "EngineNotInstalled",
    "EnginePermissionDenied",
    "EngineUnreachable",
    "ImageNotFound",
    "ImagePullFailed",
    "Interrupted",
    "NameInvalid",
    "NoCommand",
    "NoSpace",
    "NotFound",
    "OptionUnsupported",
    "PartialFailure",
    "PathInvalid",
    "PathNotFound",
    "RefInvalid",
    "RefNotFound",
    "RepoInvalid",
    "RepoNotFound",
    "RuntimeInvalid",
    "ToolMissing",
    "TunnelNotFound",
    "TunnelRunning",
    "Unhealthy",
    "UnknownCommand",
    "UnknownOption",
    "Unsupported",
    "UsageError",
    "ValueInvalid",
    "WorkWouldBeLost",
    "WorkspaceAmbiguous",
    "WorkspaceBusy",
    "WorkspaceExists",
    "WorkspaceNotChosen",
    "WorkspaceNotFound",
]

# ---------------------------------------------------------------- 1: failed, or declined


class Declined(AwlError):
    """The person did not confirm."""

    code = "declined"


class CloneFailed(AwlError):
    """A repository could not be cloned."""

    code = "clone-failed"


class ImagePullFailed(AwlError):
    """An image could not be pulled."""

    code = "image-pull-failed"


class NoSpace(AwlError):
    """A disk is full: the engine's, or that of the root."""

    code = "no-space"


class PartialFailure(AwlError):
    """Some of several operations failed."""

    code = "partial-failure"


class Unhealthy(AwlError):
    """Doctor has found what is not mended."""

    code = "unhealthy"


class ToolMissing(AwlError):
    """A program that the workspace needs for this is not there."""

    code = "tool-missing"


# ---------------------------------------------------------------- 2: usage


class UsageError(AwlError):
    """An argument is missing, superfluous, or contradicts another."""

    code = "usage"
    exit_code = 2


class NoCommand(UsageError):
    """No command was given: the message is the help."""


class UnknownCommand(UsageError):
    """No such command."""

    code = "unknown-command"


class UnknownOption(UsageError):
    """No such option."""

    code = "unknown-option"


class ValueInvalid(UsageError):
    """An option's value is not of its form."""

    code = "value-invalid"


class RuntimeInvalid(UsageError):
    """The runtime is unknown, empty or missing."""

    code = "runtime-invalid"


class NameInvalid(UsageError):
    """Nothing valid is left of a workspace name, or it is too long."""

    code = "name-invalid"


class RepoInvalid(UsageError):
    """A repository is not given in a known form."""

    code = "repo-invalid"


class RefInvalid(UsageError):
    """A ref is not a branch, tag or commit name."""

    code = "ref-invalid"


class PathInvalid(UsageError):
    """A path leads outside the workspace, or is not of the needed kind."""

    code = "path-invalid"


# ---------------------------------------------------------------- 3: not found


class NotFound(AwlError):
    """Something named is not there."""

    exit_code = 3


class WorkspaceNotFound(NotFound):
    """No such workspace where it was looked for."""

    code = "workspace-not-found"


class ImageNotFound(NotFound):
    """The image is not present and may not be pulled."""

    code = "image-not-found"


class RefNotFound(NotFound):
    """The remote has no such ref."""

    code = "ref-not-found"


class RepoNotFound(NotFound):
    """No such repository in the workspace."""

    code = "repo-not-found"


class PathNotFound(NotFound):
    """No such file or folder."""

    code = "path-not-found"


class TunnelNotFound(NotFound):
    """No detached tunnel of this workspace runs."""

    code = "tunnel-not-found"


# ---------------------------------------------------------------- 4: credentials


class CredentialsMissing(AwlError):
    """No usable credentials."""

    code = "credentials-missing"
    exit_code = 4


# ---------------------------------------------------------------- 5: conflict


class Conflict(AwlError):
    """Going on would hurt something that is there."""

    exit_code = 5


class WorkspaceExists(Conflict):
    """The name is taken."""

    code = "workspace-exists"


class WorkspaceAmbiguous(Conflict):
    """The name exists in several runtimes."""

    code = "workspace-ambiguous"


class WorkspaceBusy(Conflict):
    """Another call is making or removing it."""

    code = "workspace-busy"


class WorkWouldBeLost(Conflict):
    """Repositories hold uncommitted or unpushed work."""

    code = "work-would-be-lost"


class WorkspaceNotChosen(Conflict):
    """No workspace was named and there is not exactly one."""

    code = "workspace-not-chosen"


class TunnelRunning(Conflict):
    """A detached tunnel of this workspace runs already."""

    code = "tunnel-running"


# ---------------------------------------------------------------- 6: unsupported


class Unsupported(AwlError):
    """The runtime cannot do it."""

    exit_code = 6


class OptionUnsupported(Unsupported):
    """The runtime has no use for this option."""

    code = "option-unsupported"


class CommandUnsupported(Unsupported):
    """The runtime cannot do this."""

    code = "command-unsupported"


# ---------------------------------------------------------------- 7: engine


class EngineError(AwlError):
    """The container engine cannot be used."""

    exit_code = 7


class EngineNotInstalled(EngineError):
    """No container engine is installed."""

    code = "engine-not-installed"


class EngineUnreachable(EngineError):
    """An engine is installed and does not answer, or not in time."""

    code = "engine-unreachable"


class EnginePermissionDenied(EngineError):
    """The engine refuses this user."""

    code = "engine-permission-denied"


# ---------------------------------------------------------------- exec, and signals


class CommandNotExecutable(AwlError):
    """The command given to exec cannot be run."""

    code = "command-not-executable"
    exit_code = 126


class CommandNotFound(AwlError):
    """The command given to exec does not exist."""

    code = "command-not-found"
    exit_code = 127


class Interrupted(AwlError):
    """A signal ended the launcher."""

    code = "interrupted"
    exit_code = 130
