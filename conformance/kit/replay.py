"""``replay``: play one cell again in this process and show all that was seen."""

import shlex
import sys
from pathlib import Path

from conformance.catalogue.case import Cell, Suite
from conformance.execute import Worker
from conformance.results import Result, StepRecord, Tally, judge
from conformance.run import EnvironmentProblem, Options, Run
from conformance.world.program import default_program

__all__ = ["replay"]


def replay(
    suite: Suite,
    cell: Cell,
    *,
    engine: str,
    program: str | None,
    image: str,
    matrices: Path | None,
    lock: bool,
    keep: bool,
) -> int:
    """Play ``cell``, print every command with its streams and every check; the verdict's exit."""
    options = Options(
        program=(program or default_program(),),
        engine=engine,
        image=image,
        lock=lock,
        keep=keep,
        matrices=matrices,
    )
    try:
        with Run(options, suite) as run, Worker(suite, run.settings, "replay") as worker:
            result = worker.execute(cell)
            print_result(result)
            return judge(Tally.of([cell.id], {cell.id: result}), run.settings.root_cause).exit
    except EnvironmentProblem as error:
        sys.stderr.write(f"awl-conformance: environment: {error}\n")
        return 3


def print_result(result: Result) -> None:
    """Print a result in full."""
    lines = [line for step in result.steps for line in _step(step)]
    for check in result.checks:
        mark = "ok  " if check.ok else "FAIL"
        lines.append(f"{mark} {check.oracle}: expected {check.expected}; observed {check.observed}")
    if result.reason:
        lines.append(f"why: {result.reason}")
    lines.append(f"{result.status}  {result.cell}  ({result.seconds:.2f} s)")
    sys.stdout.write("\n".join(lines) + "\n")


def _step(step: StepRecord) -> list[str]:
    env = " ".join(f"{name}={shlex.quote(value)}" for name, value in sorted(step.env.items()))
    ended = f"exit {step.exit}" if step.exit is not None else f"signal {step.signal}"
    lines = [f"[{step.role}] {shlex.join(step.argv)}", f"  env    {env}" if env else ""]
    lines.append(f"  {ended} after {step.seconds:.3f} s{' (time limit)' if step.timed_out else ''}")
    for name, text in (("stdin", step.stdin), ("stdout", step.stdout), ("stderr", step.stderr)):
        lines += [f"  {name} | {line}" for line in (text or "").splitlines()]
    return [line for line in lines if line]
