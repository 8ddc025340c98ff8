"""Programs that are no launchers score nothing; a liberal one passes all that it claims (KIT-8)."""

from collections.abc import Callable

import pytest

from .conftest import ROOT, Ran

Call = Callable[..., Ran]

SENTINELS = ROOT / "tests/programs/sentinels"
NAMES = sorted(path.name for path in SENTINELS.iterdir())

# Cells that a sentinel may be right in by chance: those without a workspace that was made before.
BARE = (
    "cli-help* or cli-version* or cli-exit-codes or cli-no-command or cli-closed-pipe"
    " or capabilities-* or completion-* or complete-* or ls-* or create-* or rm-* or doctor-*"
)

# What the liberal launcher claims: the host runtime, and of the contract's commands those that
# make, list, enter and remove. What needs a workspace of another runtime as well is none of it, nor
# how far a clone is (CREATE-9, a should), nor the end of a child that has left its group, or whose
# launcher was killed.
CLAIMS = (
    "(create-* or ls-* or exec-* or rm-* or cli-* or name-* or rt-engine-there or rt-host-*"
    " or rt-not-from-the-command or life-status* or parity-* or rel-twenty-at-once)"
    " and not (create-dry-run* or ls-all* or ls-not-all or rm-all or rm-all-of-nothing"
    " or rm-lists-what-goes or cli-verbose-masks-secrets or create-says-how-far-it-is"
    " or create-progress-ends-before-an-error or exec-killed or exec-killed-alone"
    " or exec-signal[host,TERM,session])"
)


def passed(ran: Ran) -> list[str]:
    """The cells in which the program scored."""
    good = ("pass", "unsupported", "diverged")
    return [cell for cell, status in ran.statuses().items() if status in good]


def test_there_are_seven() -> None:
    assert len(NAMES) == 7


@pytest.mark.parametrize("name", sorted({*NAMES} - {"success"}))
def test_a_sentinel_gives_one_root_cause(conformance: Call, name: str) -> None:
    words = ("--program", str(SENTINELS / name), "-n", "0", "--select", "rm or ls")
    ran = conformance("run", *words, timeout=120)
    assert ran.exit == 1
    assert ran.stdout.count("root cause") == 1
    assert set(ran.statuses().values()) == {"blocked"}


@pytest.mark.parametrize("name", sorted({*NAMES} - {"hang"}))
def test_a_sentinel_passes_nothing(conformance: Call, name: str) -> None:
    words = ("--program", str(SENTINELS / name), "--no-first-word", "-n", "2", "--select", BARE)
    ran = conformance("run", *words, timeout=900)
    assert ran.exit == 1
    assert passed(ran) == []


def test_what_hangs_is_given_up(conformance: Call) -> None:
    program = str(SENTINELS / "hang")
    words = ("--program", program, "--no-first-word", "-n", "0", "--select", "cli-help or ls")
    ran = conformance("run", *words, timeout=240)
    assert ran.exit in {1, 4}
    assert passed(ran) == []
    told = [r["reason"] for r in ran.results.values() if "the program hangs" in r["reason"]]
    assert len(told) >= len(ran.results) - 3


def test_the_liberal_launcher_passes_all_that_it_claims(conformance: Call) -> None:
    program = str(ROOT / "tests/programs/liberal")
    words = ("--program", program, "--runtime", "host", "--select", CLAIMS, "-n", "2")
    ran = conformance("run", *words, timeout=1500)
    bad = {c: s for c, s in ran.statuses().items() if s not in {"pass", "unsupported"}}
    assert bad == {}
    assert len(passed(ran)) > 700
    assert ran.exit == 0
