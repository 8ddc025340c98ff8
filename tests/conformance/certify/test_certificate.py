"""The parts of `certify`: cases from families, normal form, comparison, the document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from conformance import resources
from conformance.catalogue.dataerror import DataErrors
from conformance.certify.certificate import Recording, certificate, compare, digest_of_tree
from conformance.certify.command import certify, recording_of
from conformance.certify.enginecases import Declared, EngineMatrix, load
from conformance.certify.normal import normal

if TYPE_CHECKING:
    from pathlib import Path

FAMILY = """
engine: {version: 1}
families:
  - id: a
    axes: {code: [0, 7], how: {plain: [], twice: [-x, "-y {c}"]}}
    calls:
      - [run, "{how}", "exit {code}", "{c}"]
      - {call: [ps], see: [exit], stdin: "in {code}"}
      - {sh: "ls {tmp}"}
declared: []
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "engine.yaml"
    path.write_text(text)
    return path


# ---------------------------------------------------------------- cases


def test_a_family_is_the_product_of_its_axes(tmp_path: Path) -> None:
    cases = load(write(tmp_path, FAMILY)).cases
    assert [case.id for case in cases] == ["a[0,plain]", "a[0,twice]", "a[7,plain]", "a[7,twice]"]
    first, second, third = cases[3].calls
    assert first.words == ("run", "-x", "-y {c}", "exit 7", "{c}")
    assert (second.see, second.stdin) == (("exit",), "in 7")
    assert third.script == "ls {tmp}"


def test_the_suites_own_matrix_has_what_it_promises() -> None:
    matrix = load()
    assert len(matrix.cases) >= 200
    assert len(matrix.select("exec-*")) > 60
    assert matrix.select("nothing-*") == ()


def test_brackets_of_a_pattern_are_those_of_an_id(tmp_path: Path) -> None:
    matrix = load(write(tmp_path, FAMILY))
    assert [case.id for case in matrix.select("a[7,*")] == ["a[7,plain]", "a[7,twice]"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("see: [exit]", "sees: [exit]"), ("id: a\n", "id: A\n"), ("declared: []", "declared: {}")],
)
def test_defects_of_the_data_are_told(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(DataErrors):
        load(write(tmp_path, FAMILY.replace(old, new)))


def test_an_id_comes_once(tmp_path: Path) -> None:
    twice = FAMILY.replace(
        "declared:", "  - {id: b, calls: [[ps]]}\n  - {id: b, calls: [[ps]]}\ndeclared:"
    )
    with pytest.raises(ValueError, match="ids come twice: b"):
        load(write(tmp_path, twice))


def test_what_is_declared_does_not_change_the_digest(tmp_path: Path) -> None:
    plain = load(write(tmp_path, FAMILY)).digest
    row = "declared: [{against: docker, cases: [x], reason: because it is so}]"
    assert load(write(tmp_path, FAMILY.replace("declared: []", row))).digest == plain
    assert load(write(tmp_path, FAMILY.replace("exit {code}", "exit"))).digest != plain


# ---------------------------------------------------------------- normal form


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (f"{'ab' * 32}\n", "<id>\n"),
        (f"sha256:{'0' * 64}", "<id>"),
        ("0123456789ab x", "<short> x"),
        ("2026-11-25T22:00:00.123456789Z", "<time>"),
        ("2026-11-25 22:00:00 +0000 UTC", "<time>"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("Up 3 seconds (health: starting)", "Up <age>"),
        ("Exited (3) About a minute ago", "Exited (3) <age> ago"),
        ("x1-c-d x1-c X1-C", "<d> <c> <C>"),
        ('time="x" level=error msg="error waiting for container: context canceled"\nb\n', "b\n"),
        ("two  spaces of a program's own", "two  spaces of a program's own"),
    ],
)
def test_only_what_differs_from_call_to_call_is_taken_away(said: str, expected: str) -> None:
    assert normal(said, {"x1-c": "<c>", "x1-c-d": "<d>"}) == expected


# ---------------------------------------------------------------- comparison

SEEN = {"a": [[0, "x", ""]], "b": [[1, "", "no"]]}
OTHER = {"a": [[0, "x", ""]], "b": [[1, "", "nein"]]}
WHY = Declared("docker", ("b*",), ("stderr",), "it speaks German")


def recording(seen: object = OTHER) -> Recording:
    return Recording("docker", "1", "2026-01-01", "d", seen)  # type: ignore[arg-type]


def test_a_difference_has_to_be_declared() -> None:
    bare = compare(("fake", SEEN), recording(), ())
    (difference,) = bare.undeclared
    assert (difference.case, difference.call, difference.part) == ("b", 1, "stderr")
    assert (bare.agreed, bare.holds) == (1, False)
    declared = compare(("fake", SEEN), recording(), (WHY,))
    assert (declared.agreed, declared.undeclared, declared.holds) == (1, (), True)


def test_a_declaration_is_of_one_part_and_one_engine() -> None:
    for other in (
        Declared("podman", ("b",), ("stderr",), "x"),
        Declared("docker", ("b",), ("stdout",), "x"),
        Declared("docker", ("a",), ("stderr",), "x"),
    ):
        assert len(compare(("fake", SEEN), recording(), (other,)).undeclared) == 1


def test_a_declaration_that_nothing_fits_is_stale() -> None:
    found = compare(("fake", SEEN), recording(SEEN), (WHY,))
    assert (found.stale, found.holds) == (("b*: it speaks German",), False)
    assert compare(("fake", SEEN), recording(SEEN), (WHY,), whole=False).holds


def test_a_case_that_one_side_has_not_is_no_agreement() -> None:
    found = compare(("fake", SEEN), recording({"a": SEEN["a"]}), ())
    assert (found.missing, found.holds) == (("b",), False)


def test_the_certificate_names_digests_reasons_and_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("x")
    matrix = EngineMatrix((), (WHY,), "d")
    found = compare(("fake", SEEN), recording(), (WHY,))
    document = certificate(matrix, tmp_path, (found,))
    assert (document["certified"], document["cases_digest"]) == (True, "d")
    assert document["comparisons"][0]["declared"] == [
        {"reason": "it speaks German", "cases": ["b"]}
    ]
    bare = certificate(matrix, tmp_path, (compare(("fake", SEEN), recording(), ()),))
    assert bare["certified"] is False
    assert bare["comparisons"][0]["undeclared"][0]["fake"] == "no"
    json.dumps(document)


def test_the_digest_of_a_tree_is_of_paths_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    first = digest_of_tree(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert digest_of_tree(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest_of_tree(tmp_path) != first


def test_a_recording_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "docker.json"
    recording().write(path)
    assert Recording.read(path) == recording()
    path.write_text("{}")
    with pytest.raises(ValueError, match="is not a recording"):
        Recording.read(path)


# ---------------------------------------------------------------- the command


def test_nothing_selected_is_not_certified() -> None:
    assert CliRunner().invoke(certify, ["--select", "nothing-*"]).exit_code == 4


def test_an_engine_that_is_absent_is_exit_3(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = CliRunner().invoke(certify, ["--against", "podman", "--select", "exec-exit*"])
    assert said.exit_code == 3
    assert "there is no podman on PATH" in said.output


def test_what_is_recorded_is_of_the_cases_as_they_are() -> None:
    kept = Recording.read(recording_of("docker"))
    assert kept.digest == load().digest
    assert kept.version.startswith("20.10.")
    assert list(kept.observations) == [case.id for case in load().cases]
    assert recording_of("docker").is_relative_to(resources.matrices())
