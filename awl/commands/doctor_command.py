"""`doctor`: what is wrong, how to mend it, and with `--fix` mended (CAP-1b, CAP-1c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awl.errors import AwlError, Unhealthy
from awl.runtimes import registry

if TYPE_CHECKING:
    import click

    from awl.console import Console
    from awl.doctor import Finding
    from awl.session import Session

__all__ = ["command", "doctor"]


def doctor(session: Session, *, fix: bool) -> None:
    """Print every finding; raise `Unhealthy` where one is left.

    Looks at the chosen runtime, or at all where none was chosen: `--runtime host` asks no engine.
    """
    from awl.doctor import examine

    setting = session.runtime_setting
    chosen = registry.canonical(setting)
    runtimes = (chosen,) if setting.chosen else registry.names()
    rows: list[dict[str, object]] = []
    for finding in list(examine(runtimes, session.context)):
        fixed, problem = _repair(finding) if fix else (False, finding.problem)
        rows.append(
            {
                "id": finding.id,
                "runtime": finding.runtime,
                "subject": finding.subject,
                "problem": problem,
                "mend": finding.mend,
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
        raise Unhealthy(
            f"{len(left)} of {len(rows)} findings are left to mend",
            "each says how" if fix else f"each says how; or try: {session.program} doctor --fix",
        )


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
                help="Mend what can be mended; what may hold work is left alone.",
            )
        ],
        "Find what is wrong and say how to mend it: in --runtime, else in all.",
    )
