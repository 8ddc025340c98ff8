from typing import Any

import pytest

from conformance.compare.difference import MISSING, Difference, differences


def _found(left: Any, right: Any) -> list[tuple[str, str, str]]:
    return [(d.path, d.left, d.right) for d in differences(left, right)]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"exit": 0}, {"exit": 0}, []),
        ({"exit": 0}, {"exit": 3}, [("exit", "0", "3")]),
        ({"stdout": {"a": 1}}, {"stdout": {"b": 1}},
         [("stdout $.a", "1", MISSING), ("stdout $.b", MISSING, "1")]),
        ({"stdout": {"rows": [{"path": "/x"}]}}, {"stdout": {"rows": [{"place": "/x"}]}},
         [("stdout $.rows[0].path", '"/x"', MISSING), ("stdout $.rows[0].place", MISSING, '"/x"')]),
        ({"stdout": {"a.b": 1}}, {"stdout": {"a.b": 2}}, [('stdout $["a.b"]', "1", "2")]),
        ({"stdout": {"a": 1}}, {"stdout": {"a": True}}, [("stdout $.a", "1", "true")]),
        ({"stdout": {"a": 1}}, {"stdout": {"a": "1"}}, [("stdout $.a", "1", '"1"')]),
        ({"stdout": {"a": 1}}, {"stdout": "no document"},
         [("stdout", '{"a": 1}', '"no document"')]),
        ({"stdout": {"a": {}}}, {"stdout": {"a": None}}, [("stdout $.a", "{}", "null")]),
        ({"workspaces": ["a"]}, {"workspaces": ["a", "b"]}, [("workspaces $.length", "1", "2")]),
        ({"workspaces": ["a", "c"]}, {"workspaces": ["b"]},
         [("workspaces $.length", "2", "1"), ("workspaces $[0]", '"a"', '"b"')]),
        # What is missing is no value that a program could print.
        ({"stdout": {"a": "missing"}}, {"stdout": {}}, [("stdout $.a", '"missing"', MISSING)]),
    ],
)  # fmt: skip
def test_every_difference_has_its_path_and_both_values(
    left: Any, right: Any, expected: list[tuple[str, str, str]]
) -> None:
    assert _found(left, right) == expected
    mirrored = [(path, b, a) for path, a, b in expected]
    assert sorted(_found(right, left)) == sorted(mirrored)


def test_the_order_of_keys_is_nobodys_promise() -> None:
    assert _found({"stdout": {"a": 1, "b": 2}}, {"stdout": {"b": 2, "a": 1}}) == []


def test_a_row_of_the_other_runtime_is_crossed() -> None:
    left = {"rows": [{"runtime": "<runtime>", "path": None}, {"runtime": "<other>", "path": "x"}]}
    right = {"rows": [{"runtime": "<runtime>", "path": "x"}, {"runtime": "<other>", "path": None}]}
    assert [*differences(left, right)] == [
        Difference("rows $[0].path", "null", '"x"'),
        Difference("rows $[1].path", '"x"', "null", crossed=True),
    ]
