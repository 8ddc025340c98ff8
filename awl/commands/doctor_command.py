"""`doctor`: what is wrong, how to mend it, and with `--fix` mended (CAP-1b to CAP-1d)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.errors import AwlError, Unhealthy, UsageError
from awl.runtimes import registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from awl.console import Console
    from awl.doctor import Finding
    from awl.session import Session

__all__ = ["command", "doctor"]


def doctor(session: Session, *, fix: bool, yes: bool) -> None:
    """Print every finding; raise `Unhealthy` where one is left.

    Looks at the chosen runtime, or at all where none was chosen: `--runtime host` asks no engine.
    What `fix` would remove is named and asked for first, unless `yes`; declined, it is left.
    """
    from awl.doctor import examine

    if yes and not fix:
        raise UsageError("--yes is for --fix, which was not given", "doctor --fix --yes")
    setting = session.runtime_setting
    chosen = registry.canonical(setting)
    runtimes = (chosen,) if setting.chosen else registry.names()
    rows: list[dict[str, object]] = []
    findings = list(examine(runtimes, session.context))
    agreed = not fix or _may_remove(session, findings, yes=yes)
    for finding in findings:
        fixed, problem = False, finding.problem
        if fix and finding.removes and not agreed:
            problem += "; not mended: not confirmed"
        elif fix:
            fixed, problem = _repair(finding)
        rows.append(
            {
                "id": finding.id,
                "runtime": finding.runtime,
                "subject": finding.subject,
                "problem": problem,
                "mend": finding.mend,
                "removes": list(finding.removes),
                "fixed": fixed,
            }
        )
        if not session.console.json:
            _show(session.console, finding, problem, fixed=fixed)
    left = [row for row in rows if not row["fixed"]]
    if session.console.json:
        session.console.document({"healthy": not left, "findings": rows})
    elif not left:
        session.console.result("healthy")
    if left:
        hint = "each says how"
        if not fix and any(finding.repair for finding in findings):
            hint += f"; or try: {session.program} doctor --fix"
        if not agreed:
            hint += f"; to remove without the question: {session.program} doctor --fix --yes"
        raise Unhealthy(f"{len(left)} of {len(rows)} findings are left to mend", hint)


def _may_remove(session: Session, findings: Sequence[Finding], *, yes: bool) -> bool:
    """Name all that would be removed, and ask; where it is nothing, there is no question."""
    removing = [finding for finding in findings if finding.repair and finding.removes]
    named = [
        f"to be removed: {thing} ({finding.id}: {finding.subject})"
        for finding in removing
        for thing in finding.removes
    ]
    return not named or session.console.confirm(f"remove {len(named)}?", named, yes=yes)


def _repair(finding: Finding) -> tuple[bool, str]:
    """Mend one finding; return whether that went well, and the problem as it is now."""
    if finding.repair is None:
        return False, finding.problem
    try:
        finding.repair()
    except (AwlError, OSError) as error:
        reason = error.message if isinstance(error, AwlError) else error.strerror or str(error)
        return False, f"{finding.problem}; not mended: {reason}"
    return True, finding.problem


def _show(console: Console, finding: Finding, problem: str, *, fixed: bool) -> None:
    where = f"{finding.runtime}: " if finding.runtime else ""
    console.result(f"{where}{finding.id}: {finding.subject}: {problem}")
    console.result("  mended" if fixed else f"  mend: {finding.mend}")


def command() -> click.Command:
    """Return the click command."""
    import click

    from awl.commands import options

    return options.command(
        "doctor",
        doctor,
        [
            click.Option(
                ("--fix",),
                is_flag=True,
                help="Mend what can be mended; asks before anything is removed.",
            ),
            click.Option(("--yes", "-y"), is_flag=True, help="Do not ask."),
        ],
        "Find what is wrong and say how to mend it: in --runtime, else in all.",
    )
