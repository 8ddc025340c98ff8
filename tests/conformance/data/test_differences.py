"""``differences`` of the parity matrix: read strictly, and no part of what a run plays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.catalogue.differences import DeclaredDifference
from conformance.catalogue.matrix import load_suite

GOOD = """
differences:
  - id: path
    at: {cases: ["ls-*", "rm-*"], paths: ["stdout $.rows[*].path"]}
    between: {runtimes: {host: '"/.*"', container: "null"}}
    reason: a directory has a path
    owner: somebody
    expires: 2027-12-31
  - id: name
    at: {cases: ["*"], paths: [stdout]}
    between: {plays: ".*"}
    reason: it is another one each time
"""
OWNED = "reason: a directory has a path\n    owner: somebody\n    expires: 2027-12-31"
CASES = """
cases:
  - {id: ls-rows, covers: [LS-1], polarity: positive, when: awl ls, then: {stdout: {is: ""}}}
"""


@pytest.fixture
def matrix(folder: Path) -> Callable[[str], Path]:
    """The good data with this behind its parity matrix; the folder."""

    def make(text: str) -> Path:
        (folder / "cases" / "ls.yaml").write_text(CASES)
        with (folder / "parity.yaml").open("a") as file:
            file.write(text)
        return folder

    return make


def test_declarations_are_read_and_leave_the_digest_alone(
    matrix: Callable[[str], Path],
) -> None:
    bare = load_suite(matrix(""), allow_gaps=True)
    suite = load_suite(matrix(GOOD), allow_gaps=True)
    assert [d.id for d in suite.parity.differences] == ["path", "name"]
    assert suite.digest == bare.digest


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("id: name", "id: path", "difference 'path' twice"),
        ('["ls-*", "rm-*"]', '["ls-*", ls-row]', "no case 'ls-row' (nearest: 'ls-rows')"),
        ("{host: ", "{hots: ", "no runtime 'hots' (nearest: 'host')"),
        ("container: \"null\"", 'container: "("', "no regular expression: "),
        ("runtimes: {host", "runtime: {host", "unknown key 'runtime' (nearest: 'runtimes')"),
        (', container: "null"', "", "is not two names, each with the regular expression"),
        ("2027-12-31", "soon", "'soon' is no day"),
        (OWNED, "reason: none is named\n    owner: somebody", "missing key 'expires'"),
        (OWNED, "reason: none is named\n    expires: 2027-12-31", "missing key 'owner'"),
        (OWNED, "owner: somebody\n    expires: 2027-12-31", "missing key 'reason'"),
        ("another one each time", "another\n    owner: me", "key 'owner' does not go with plays"),
        ('paths: ["stdout $.rows[*].path"]', "paths: []", "must not be empty"),
    ],
)  # fmt: skip
def test_a_defect_is_told(
    matrix: Callable[[str], Path],
    defects: Callable[[Path], list[str]],
    old: str,
    new: str,
    told: str,
) -> None:
    assert GOOD.count(old) >= 1
    found = defects(matrix(GOOD.replace(old, new, 1)))
    assert len(found) == 1
    assert found[0].startswith("matrices/parity.yaml:")
    assert told in found[0]


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("exit", "exit", True),
        ("stdout $.rows[0].path", "stdout $.rows[*].path", True),
        ("stdout $.rows[12].path", "stdout $.rows[1].path", False),
        ('stdout $.a["b.c"].d', "stdout $.a[*].d", True),
        ("stdout $.a.b.d", "stdout $.a.*.d", True),
        ("stdout $.a.b.c.d", "stdout $.a.*.d", False),
        ("stdout $.a", "stdout", False),
        ("stdoutx", "stdout", False),
    ],
)
def test_a_path_is_matched_as_a_whole(path: str, pattern: str, fits: bool) -> None:
    one = DeclaredDifference("x", ("ls-*",), (pattern,), "engines", {"a": "1", "b": "2"}, "why")
    assert one.covers("ls-x", path, (("a",), "1"), (("b",), "2")) is fits
    assert one.covers("ls-x", path, (("b",), "2"), (("a",), "1")) is fits
    assert not one.covers("ls-x", path, (("b",), "1"), (("a",), "2"))
    assert not one.covers("ls-x", path, (("a",), "11"), (("b",), "2"))
    assert not one.covers("rm-x", path, (("a",), "1"), (("b",), "2"))
