"""Does the lock hold on this machine? Looked at before the first case (KIT-15).

``probe`` opens a real case, lets a program in it try what a broken one might do (see ``attempts``),
and then looks from outside whether anything came of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.lock.attempts import REFUSED
from conformance.lock.client import LockError, Preload, Zygote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.lock.client import CaseLock

__all__ = ["Check", "LockReport", "probe"]

_ROOT = Path(__file__).resolve().parents[2]
_RUN = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from conformance.lock.attempts import main; main(sys.argv[2])"
)
_ENV = {"LC_ALL": "C.UTF-8"}
_LIMIT = 30.0
_ANSWER_BYTES = 65536  # what a pipe holds, so that nobody need read while it runs
_UNTOUCHED = "untouched\n"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried: what, whether the lock held, and what was seen otherwise."""

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True, slots=True)
class LockReport:
    """Whether destructive cases may run here; where not, ``reason`` says why in plain words."""

    holds: bool
    reason: str
    checks: tuple[Check, ...]


def probe(
    workdir: Path,
    zygote: Zygote | None = None,
    *,
    door: type[Zygote] = Zygote,
    forked: bool = False,
) -> LockReport:
    """Try the lock with decoys in a new folder under ``workdir`` (removed again).

    ``zygote`` is a started one, by default one is started for this (by ``door``). With ``forked``
    the tries come from a child of a warmed interpreter, which no exec has stripped. Never raises
    because the lock fails: that is the report. OSError where ``workdir`` cannot be written.
    """
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=workdir))).resolve()
        preload = None
        if forked:
            # Not with the sandboxes, which may lie in memory: a zygote sees none of it.
            preload = _script(Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve())
        try:
            started = zygote or stack.enter_context(door(preload=preload))
            return _report(_checks(started, scratch, preload))
        except LockError as problem:
            return LockReport(False, str(problem), ())


def _script(folder: Path) -> Preload:
    """The tries as a program that can be had warm."""
    script = folder / "attempts"
    script.write_text(f"#!{sys.executable}\n{_RUN}\n", encoding="utf-8")
    script.chmod(0o755)
    return Preload(str(script), "json", _ENV)


def _report(checks: tuple[Check, ...]) -> LockReport:
    broken = [f"{check.name}: {check.detail}" for check in checks if not check.holds]
    reason = "; ".join(broken) and f"the lock does not hold here - {'; '.join(broken)}"
    return LockReport(not broken, reason, checks)


def _checks(zygote: Zygote, scratch: Path, preload: Preload | None) -> tuple[Check, ...]:
    sandbox, beside = scratch / "sandbox", scratch / "beside"
    sandbox.mkdir()
    beside.mkdir()
    decoy = beside / "decoy"
    decoy.write_text(_UNTOUCHED, encoding="ascii")
    outside = {str(beside), tempfile.gettempdir(), "/"}
    with contextlib.suppress(RuntimeError):  # a user without a home
        outside.add(str(Path.home()))
    with _outside_process() as (process, marker), zygote.open_case(sandbox) as lock:
        order = {
            "sandbox": str(sandbox),
            "outside": sorted(outside),
            "decoy": str(decoy),
            "marker": marker,
            "pid": process.pid,
        }
        answers = _try(lock, sandbox, order, preload)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it lives on, as it should
            process.wait(0.05)
        lived = process.poll() is None
    checks = [_judge(name, answer) for name, answer in answers.items()]
    checks.append(Check("an outside process lives on", lived, "" if lived else "it was ended"))
    same = decoy.read_text(encoding="ascii") == _UNTOUCHED and list(beside.iterdir()) == [decoy]
    checks.append(Check("a decoy outside stays as it was", same, "" if same else "it was changed"))
    return tuple(checks)


def _judge(name: str, answer: str) -> Check:
    if name == "write in the sandbox":
        held = answer != REFUSED
        return Check(name, held, "" if held else "the sandbox cannot be written")
    return Check(name, answer == REFUSED, "" if answer == REFUSED else answer)


def _try(
    lock: CaseLock, sandbox: Path, order: Mapping[str, object], preload: Preload | None
) -> dict[str, str]:
    program = [preload.program] if preload else [sys.executable, "-IS", "-c", _RUN]
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as answers:
        try:
            child = lock.spawn(
                [*program, str(_ROOT), json.dumps(order)],
                env=_ENV,
                cwd=sandbox,
                stdout=writing,
                stderr=2,
            )
        except OSError as problem:
            raise LockError(f"the probe's program cannot start: {problem}") from problem
        finally:
            os.close(writing)
        if preload and not child.forked:
            raise LockError("the probe's program was exec'd, where a fork was to be tried")
        try:
            code = child.wait(_LIMIT)
        except TimeoutError as problem:
            raise LockError(f"the probe's program hangs: {problem}") from problem
        if code:
            raise LockError(f"the probe's program ended with {code}; see its words on stderr")
        found: dict[str, str] = json.loads(answers.read(_ANSWER_BYTES))
        return found


@contextlib.contextmanager
def _outside_process() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    marker = f"lock-probe-{uuid.uuid4().hex}"
    process = subprocess.Popen(
        [marker, "-IS", "-c", "input()"],
        executable=sys.executable,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            yield process, marker
        finally:
            process.kill()
