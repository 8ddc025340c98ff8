"""Evidence: what was seen of one step, as plain values that oracles judge."""

from collections.abc import Mapping

from attrs import field, frozen

from conformance.catalogue.contract import Contract
from conformance.catalogue.step import Step
from conformance.drivers.process import Outcome
from conformance.results import FileFact
from conformance.world.engines import Call
from conformance.world.observe import Snapshot

__all__ = ["Evidence"]


@frozen
class Evidence:
    """One step with its outcome and the world around it.

    ``argv`` is the whole command line that ran, ``env`` what was added to the sandbox's
    environment. ``before`` and ``after`` are None where the step expects nothing of the world.
    ``files`` maps each path of which it expects something to what was there. ``secrets`` are the
    values that may be seen nowhere. ``prefix`` is that of container names.
    """

    step: Step
    runtime: str
    prefix: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    outcome: Outcome
    calls: tuple[Call, ...]
    contract: Contract = field(repr=False)
    before: Snapshot | None = field(default=None, repr=False)
    after: Snapshot | None = field(default=None, repr=False)
    files: Mapping[str, FileFact] = field(factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def exit(self) -> int:
        """The exit code as a shell gives it: 128+n where a signal ended the program."""
        if self.outcome.exit is not None:
            return self.outcome.exit
        return 128 + (self.outcome.signal or 0)

    @property
    def stdout(self) -> str:
        """stdout as text, undecodable bytes escaped."""
        return self.outcome.stdout.decode("utf-8", "backslashreplace")

    @property
    def stderr(self) -> str:
        """stderr as text, undecodable bytes escaped."""
        return self.outcome.stderr.decode("utf-8", "backslashreplace")
