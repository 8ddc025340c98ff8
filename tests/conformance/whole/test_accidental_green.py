"""Nothing is green by accident (KIT-5, KIT-11): dead programs, empty selections, bad data."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance import resources

from .conftest import Ran

Call = Callable[..., Ran]


@pytest.mark.parametrize("name", ["true", "false", "echo"])
def test_a_dead_program_gives_one_root_cause_and_no_pass(conformance: Call, name: str) -> None:
    ran = conformance("run", "--program", f"/bin/{name}", "-n", "0", "--select", "rm or ls")
    assert ran.exit == 1
    assert ran.stdout.count("root cause") == 1
    assert set(ran.statuses().values()) == {"blocked"}
    assert ran.footer["planned"] == sum(ran.footer["counts"].values())


@pytest.mark.parametrize("name", ["true", "false", "echo"])
def test_no_cell_passes_on_a_program_that_does_nothing(conformance: Call, name: str) -> None:
    words = ("--no-first-word", "-n", "2")
    ran = conformance("run", "--program", f"/bin/{name}", *words, timeout=600)
    assert ran.exit == 1
    passed = [cell for cell, status in ran.statuses().items() if status == "pass"]
    assert passed == []
    assert "unsupported" not in ran.statuses().values()


def test_a_program_that_is_not_there_is_2_and_nothing_is_written(conformance: Call) -> None:
    ran = conformance("run", "--program", "/nonexistent/awl", "-n", "0", "--select", "ls")
    assert ran.exit == 2
    assert "no such file" in ran.stderr
    assert not ran.out.exists()


def test_a_program_that_cannot_be_started_is_a_root_cause(
    conformance: Call, tmp_path: Path
) -> None:
    program = tmp_path / "launcher"
    program.write_text("#!/nonexistent/interpreter\n")
    program.chmod(0o755)
    ran = conformance("run", "--program", str(program), "-n", "0", "--select", "ls")
    assert ran.exit == 1
    assert "cannot be started" in ran.stdout


def test_an_empty_selection_is_4(conformance: Call) -> None:
    ran = conformance("run", "--select", "nosuch")
    assert ran.exit == 4
    assert "nothing would be proved" in ran.stderr


def test_a_bad_selection_is_2(conformance: Call) -> None:
    ran = conformance("run", "--select", "rm and (")
    assert ran.exit == 2


def test_a_runtime_that_is_none_is_2_and_the_nearest_is_named(conformance: Call) -> None:
    ran = conformance("run", "--runtime", "contaner")
    assert ran.exit == 2
    assert "container" in ran.stderr


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the data that a test may spoil."""
    return Path(shutil.copytree(resources.matrices(), tmp_path / "matrices"))


def test_an_empty_matrix_is_4(conformance: Call, data: Path) -> None:
    shutil.rmtree(data / "cases")
    (data / "cases").mkdir()
    ran = conformance("run", "--matrices", str(data))
    assert ran.exit == 4
    assert "empty" in ran.stderr


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("cases/rm.yaml", "polarity: negative", "poliarity: negative"),
        ("cases/rm.yaml", "covers: [RM-1c]", "covers: [RM-1x]"),
        ("parity.yaml", "runtimes: {container: same", "runtimes: {contaner: same"),
        ("contract.yaml", "level: must", "levle: must"),
    ],
)
def test_a_typo_is_2_with_file_line_and_the_nearest_key(
    conformance: Call, data: Path, file: str, right: str, wrong: str
) -> None:
    text = (data / file).read_text()
    assert right in text
    (data / file).write_text(text.replace(right, wrong, 1))
    line = text[: text.index(right)].count("\n") + 1
    ran = conformance("run", "--matrices", str(data))
    assert ran.exit == 2
    assert f"{Path(file).name}:{line}:" in ran.stderr
    assert "nearest" in ran.stderr


def test_a_draft_is_never_conformant(conformance: Call, data: Path) -> None:
    row = "  - {id: SEC-99, level: must, profile: core, since: 1, text: nobody looks at this}\n"
    with (data / "contract.yaml").open("a") as contract:
        contract.write(row)
    words = ("--matrices", str(data), "--select", "ls-names and host", "-n", "0")
    assert conformance("run", *words).exit == 2
    ran = conformance("run", *words, "--draft")
    assert ran.exit == 4
    assert "draft" in ran.stdout


def test_a_missing_engine_is_3(conformance: Call, tmp_path: Path) -> None:
    ran = conformance("run", "--engine", "podman", env={"PATH": str(tmp_path)})
    assert ran.exit == 3
    assert "podman" in ran.stdout + ran.stderr


def test_every_capability_off_is_4(conformance: Call) -> None:
    # Nothing but clean refusals: each is as it should be, and together they prove nothing.
    ran = conformance("run", "--select", "refusal", "-n", "0")
    assert ran.exit == 4
    assert set(ran.statuses().values()) == {"unsupported"}
    assert "nothing was proved" in ran.stdout


def test_everything_skipped_is_4(conformance: Call) -> None:
    words = ("--select", "cli-version", "--skip", "host or container", "-n", "0")
    ran = conformance("run", *words)
    assert ran.exit == 4
    assert set(ran.statuses().values()) == {"skipped"}


def test_a_typo_in_what_is_skipped_is_2(conformance: Call) -> None:
    ran = conformance("run", "--select", "cli-version", "--skip", "rm-knwon", "-n", "0")
    assert ran.exit == 2
    assert "nearest: 'rm-known'" in ran.stderr
    assert "parenthesis" in conformance("run", "--skip", "(json").stderr


def test_one_shard_of_two_is_4(conformance: Call) -> None:
    ran = conformance("run", "--select", "cli-version", "--shard", "1/2", "-n", "0")
    assert ran.exit == 4
    assert set(ran.statuses().values()) == {"pass"}
    assert "one shard of 2" in ran.stdout


def test_every_cell_that_is_listed_is_played(conformance: Call) -> None:
    # Those of the parity matrix too, which are in no file of cases.
    listed = conformance("cases", "--select", "parity-* or cli-version").stdout.split()
    ran = conformance("run", "--select", "parity-* or cli-version", "-n", "2")
    assert ran.exit == 0
    assert sorted(ran.statuses()) == sorted(listed)


def test_without_the_lock_destructive_cells_are_blocked(conformance: Call) -> None:
    ran = conformance("run", "--lock", "off", "--select", "rm-known and host", "-n", "0")
    assert ran.exit == 4
    assert set(ran.statuses().values()) == {"blocked"}
    assert "no lock" in next(iter(ran.results.values()))["reason"]


def test_results_do_not_depend_on_order_or_workers(conformance: Call) -> None:
    words = ("run", "--select", "ls and host")
    alone = conformance(*words, "-n", "0")
    other = conformance(*words, "-n", "2", "--seed", "7")
    assert alone.exit == other.exit == 0
    assert alone.statuses() == other.statuses()
