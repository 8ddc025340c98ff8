import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance import resources
from tests.conformance.compare.conftest import Ran, call

Matrices = Callable[..., Path]


@pytest.fixture
def matrices(tmp_path: Path) -> Matrices:
    """Make a copy of the data with these declared differences and no others; its folder."""

    def make(*differences: dict[str, Any]) -> Path:
        folder = tmp_path / "matrices"
        shutil.copytree(resources.matrices(), folder)
        path = folder / "parity.yaml"
        text = path.read_text().partition("\ndifferences:")[0]
        if differences:
            text += "\n" + yaml.safe_dump({"differences": list(differences)}, sort_keys=False)
        path.write_text(text)
        return folder

    return make


def _declared(**rest: Any) -> dict[str, Any]:
    return {
        "id": "a-renamed-key",
        "at": {"cases": ["rm-known-json"], "paths": ["stdout $.removed[*].kept_volumes"]},
        "between": {"programs": {"awl": "false", "awl-copy": "missing"}},
        "reason": "it has another name there",
        "owner": "somebody",
        "expires": "2999-01-01",
        **rest,
    }


NEW_KEY = _declared(
    id="a-new-key",
    at={"cases": ["rm-*"], "paths": ["stdout $.removed[*].volumes_kept"]},
    between={"programs": {"awl": "missing", "awl-copy": "false"}},
)


def _json(ran: Ran) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ran.stdout)
    assert document["exit"] == ran.exit
    return document


# ---------------------------------------------------------------------- two programs
def test_a_renamed_key_is_named_with_case_step_path_values_and_replay(
    good: Path, renamed: Path
) -> None:
    ran = call("compare", str(good), str(renamed))
    assert ran.exit == 1
    told = ran.stdout.splitlines()
    start = told.index("✗ stdout $.removed[0].kept_volumes")
    assert [line.split() for line in told[start + 1 : start + 3]] == [
        ["awl", "0.1.0", "false"],
        ["awl-copy", "0.1.0", "missing"],
    ]
    assert told[start + 3].split()[:4] == ["step", "1", "awl", "--runtime"]
    line = "awl-conformance replay --program {} 'rm-known-json[container,json]'"
    assert told[start + 4].endswith(line.format("awl"))
    assert told[start + 5].endswith(line.format("awl-copy"))
    assert "✗ stdout $.removed[0].volumes_kept" in told
    assert told[-1] == "verdict: not the same"


def test_a_program_is_the_same_as_itself(good: Path) -> None:
    ran = call("compare", str(good), str(good))
    assert ran.exit == 0, ran.stdout
    assert "12 pairs, 12 agree, 0 differ" in ran.stdout
    assert ran.stdout.endswith("verdict: the same, but for what is declared\n")


def test_what_is_declared_is_allowed(good: Path, renamed: Path, matrices: Matrices) -> None:
    folder = matrices(_declared(), NEW_KEY)
    document = _json(call("compare", str(good), str(renamed), "--matrices", str(folder), "--json"))
    # Both runtimes; the status of these cells differs too, and nothing else shows why.
    differences = [(d["path"], d["declared"]) for d in document["differences"]]
    assert differences == 2 * [
        ("stdout $.removed[0].kept_volumes", "a-renamed-key"),
        ("stdout $.removed[0].volumes_kept", "a-new-key"),
        ("status", None),
    ]
    status = _declared(
        id="status",
        at={"cases": ["rm-known-json"], "paths": ["status"]},
        between={"programs": {"awl": "pass", "awl-copy": "fail"}},
    )
    shutil.rmtree(folder)
    folder = matrices(_declared(), NEW_KEY, status)
    ran = call("compare", str(good), str(renamed), "--matrices", str(folder))
    assert ran.exit == 0, ran.stdout
    assert "6 differences by 3 declarations" in ran.stdout


@pytest.mark.parametrize(
    "other",
    [
        {"at": {"cases": ["rm-unknown"], "paths": ["stdout $.removed[*].kept_volumes"]}},
        {"at": {"cases": ["rm-known-json"], "paths": ["stdout $.removed[*].name"]}},
        {"between": {"programs": {"awl": "true", "awl-copy": "missing"}}},
        {"between": {"programs": {"awl": "missing", "awl-copy": "false"}}},
        {"between": {"programs": {"awl": "false", "something": "missing"}}},
        {"between": {"engines": {"fake": "false", "docker": "missing"}}},
        {"between": {"plays": "false"}, "owner": None, "expires": None},
    ],
)
def test_another_signature_excuses_nothing(
    good: Path, renamed: Path, matrices: Matrices, other: dict[str, Any]
) -> None:
    row = {key: value for key, value in _declared(**other).items() if value is not None}
    folder = matrices(row)
    document = _json(call("compare", str(good), str(renamed), "--matrices", str(folder), "--json"))
    assert document["exit"] == 1
    assert all(d["declared"] is None for d in document["differences"])


def test_the_sides_may_be_given_in_any_order(good: Path, renamed: Path, matrices: Matrices) -> None:
    folder = matrices(_declared())
    document = _json(call("compare", str(renamed), str(good), "--matrices", str(folder), "--json"))
    assert [d["declared"] for d in document["differences"]].count("a-renamed-key") == 2


def test_what_is_declared_and_not_there_is_stale(
    good: Path, renamed: Path, matrices: Matrices
) -> None:
    gone = _declared(id="gone", at={"cases": ["rm-known-json"], "paths": ["exit"]})
    not_played = _declared(id="not-played", at={"cases": ["rm-several*"], "paths": ["exit"]})
    folder = matrices(_declared(), gone, not_played)
    ran = call("compare", str(good), str(renamed), "--matrices", str(folder))
    assert ran.exit == 1
    assert "✗ stale: parity.yaml, difference 'gone'" in ran.stdout
    assert "1 declarations, not seen, and not all of their pairs compared: not-played" in ran.stdout


def test_a_declaration_excuses_nothing_after_its_day(
    good: Path, renamed: Path, matrices: Matrices
) -> None:
    folder = matrices(_declared(expires="2020-01-01"))
    ran = call("compare", str(good), str(renamed), "--matrices", str(folder))
    assert ran.exit == 1
    assert "✗ expired: parity.yaml, difference 'a-renamed-key'" in ran.stdout


# ---------------------------------------------------------------------- two runtimes
def test_runtimes_differ_as_the_matrix_declares(good: Path) -> None:
    document = _json(call("compare", str(good), "--json"))
    assert (document["kind"], document["pairs"], document["exit"]) == ("runtimes", 6, 0)
    assert document["differences"]
    assert {d["case"] for d in document["differences"]} == {"ls-rows"}


def test_without_declarations_the_differences_of_runtimes_are_told(
    good: Path, matrices: Matrices
) -> None:
    ran = call("compare", str(good), "--matrices", str(matrices()))
    assert ran.exit == 1
    assert "✗ stdout $.workspaces[0].path" in ran.stdout


# ---------------------------------------------------------------------- what cannot be compared
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("{good}", "{good}", "{good}"), "two sides are compared, not more"),
        (("{good}", "--program", "x"), "do not go with reports"),
        (("--program", "x", "--program", "y", "--engine", "fake", "--engine", "docker"),
         "compare one of the two at a time"),
        (("{good}", "--runtime", "host"), "two runtimes are compared; asked for are host"),
        (("{good}", "--runtime", "host", "--runtime", "moon"), "this report has container, host"),
        (("{empty}",), "report.json: No such file"),
    ],
)  # fmt: skip
def test_what_is_not_two_sides_is_a_usage_error(
    good: Path, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    ran = call("compare", *(word.format(good=good, empty=tmp_path) for word in words))
    assert ran.exit == 2
    assert told in ran.stderr


def test_a_report_that_was_changed_is_refused(good: Path, tmp_path: Path) -> None:
    text = (good / "report.json").read_text()
    changed = tmp_path / "report.json"
    changed.write_text(text.replace("not found", "found", 1) if "not found" in text else text[:-9])
    assert call("compare", str(good), str(changed)).exit == 2


def test_sides_without_a_common_cell_prove_nothing(good: Path) -> None:
    ran = call("compare", str(good), str(good), "--runtime", "moon")
    assert ran.exit == 4
    assert "nothing was compared" in ran.stdout
