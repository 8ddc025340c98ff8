"""The strict reader reads plain YAML as JSON would, knows the place of everything, and is exact."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.catalogue.dataerror import DataErrors
from conformance.catalogue.yamlstrict import digest_of, load_yaml

TEXT = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFFFD, exclude_categories=["Cs", "Cc"]),
    max_size=20,
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def write(folder: Path, text: str) -> Path:
    path = folder / "x.yaml"
    path.write_text(text, "utf-8")
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TREES)
def test_what_is_written_as_json_is_read_as_json(tmp_path: Path, tree: object) -> None:
    text = json.dumps(tree, ensure_ascii=True)
    assert tree == load_yaml(write(tmp_path, text)).data


@pytest.mark.parametrize("text", ["1", "-7", "0", "1.5", "2.0e+3", "true", "null", "host", "1.2.3"])
def test_plain_words_of_one_meaning_are_taken(tmp_path: Path, text: str) -> None:
    expected = {"1": 1, "-7": -7, "0": 0, "1.5": 1.5, "2.0e+3": 2000.0, "true": True, "null": None}
    assert expected.get(text, text) == load_yaml(write(tmp_path, f"a: {text}\n")).data["a"]


@pytest.mark.parametrize(
    "text", ["no", "Off", "y", "1:20", "010", "0x1f", "1_000", "+1", ".5", "1e3", "~", "2026-01-31"]
)
def test_a_quoted_surprise_is_text(tmp_path: Path, text: str) -> None:
    assert text == load_yaml(write(tmp_path, f"a: '{text}'\n")).data["a"]


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "Off",
        "y",
        "1:20",
        "010",
        "0x1f",
        "1_000",
        "+1",
        ".5",
        "1e3",
        "~",
        "2026-01-31",
        "=",
        ".inf",
        "TRUE",
        "12:30:45",
        "0b1",
        "0o7",
    ],
)
def test_a_plain_surprise_is_an_error_at_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataErrors) as caught:
        load_yaml(write(tmp_path, f"a:\n  b: {text}\n"), shown="x.yaml")
    [error] = caught.value.errors
    assert (error.file, error.line, error.column) == ("x.yaml", 2, 6)
    assert text in error.message


def test_a_date_is_taken_only_under_the_keys_that_hold_dates(tmp_path: Path) -> None:
    path = write(tmp_path, "expires: 2026-01-31\n")
    assert load_yaml(path, dates=["expires"]).data == {"expires": "2026-01-31"}
    with pytest.raises(DataErrors, match="is a date"):
        load_yaml(path)


def test_a_moment_is_no_date(tmp_path: Path) -> None:
    path = write(tmp_path, "expires: 2026-01-31 10:00:00\n")
    with pytest.raises(DataErrors, match="is a date"):
        load_yaml(path, dates=["expires"])


def test_anchors_share_and_every_use_has_the_place_of_the_anchor(tmp_path: Path) -> None:
    document = load_yaml(write(tmp_path, "a: &x {k: 1}\nb: *x\n"))
    assert document.data == {"a": {"k": 1}, "b": {"k": 1}}
    assert document.values["a", "k"] == document.values["b", "k"] == (1, 11)


def test_aliases_of_aliases_do_not_grow_without_end(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    with pytest.raises(DataErrors, match="without end"):
        load_yaml(write(tmp_path, "\n".join(rows)))


def test_an_error_at_a_place_that_is_not_there_points_at_what_holds_it(tmp_path: Path) -> None:
    document = load_yaml(write(tmp_path, "a:\n  b: 1\n"), shown="x.yaml")
    assert str(document.error(("a", "c", 0), "gone")) == "x.yaml:2:3: gone"
    assert str(document.error(("a", "b"), "bad")) == "x.yaml:2:6: bad"
    assert str(document.error(("a", "b"), "bad", key=True)) == "x.yaml:2:3: bad"
    assert str(document.error((), "bad")) == "x.yaml:1:1: bad"


def test_comments_and_layout_do_not_change_a_digest_and_values_do(tmp_path: Path) -> None:
    one = load_yaml(write(tmp_path, "a: 1\nb: [x, 'y']\n")).data
    two = load_yaml(write(tmp_path, "# why\na:   1\nb:\n- x\n- 'y'\n")).data
    other = load_yaml(write(tmp_path, "a: 1\nb: [x, '1']\n")).data
    assert digest_of(one) == digest_of(two) != digest_of(other)
