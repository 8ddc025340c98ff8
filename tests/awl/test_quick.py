from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awl import group, quick
from awl.commands import create_command, exec_command, ls_command, version_command
from awl.errors import AwlError
from awl.session import Session

_WORDS = st.lists(
    st.sampled_from(
        ["ls", "exec", "a", "b c", "", "-", "--", "-e", "--env", "K=V", "-eK=V", "--cwd", "--cwd=x",
         "--root", "--user", "--all", "--json", "--output", "text", "--runtime", "--runtime=host",
         "host", "docker", "-h", "-v", "--ro", "rm", "version", "--version",
         "create", "--name", "--no-clone", "--no-work-repos", "--private-repo", "--ref", "x",
         "--dry-run", "--image=i", "--no-pull", "--engine", "--engine=auto"]
    ),
    max_size=9,
)  # fmt: skip


def _by_click(words: list[str]) -> Any:
    """What click calls, with which values: the command itself is not run."""
    call = Session("awl", list(words))
    seen: list[Any] = []

    def note(name: str) -> Any:
        def work(session: Session, **values: Any) -> int:
            flags = session.runtime_flag, session.engine_flag
            seen.append(quick.Line(name, *flags, session.console.json, values))
            return 0

        return work

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exec_command, "execute", note("exec"))
        patch.setattr(create_command, "create", note("create"))
        patch.setattr(ls_command, "ls", note("ls"))
        patch.setattr(version_command, "version", note("version"))
        try:
            group.run(call)
        except AwlError:
            return None
    return seen[0] if seen else None


@given(st.sampled_from([[], ["create"], ["exec"], ["ls"]]), _WORDS)
def test_a_plain_line_is_read_as_click_reads_it(start: list[str], words: list[str]) -> None:
    words = start + words
    line = quick.read(words)
    # What is no runtime click refuses while it reads, and the quick way when it looks for it.
    if line is not None and line.runtime in {None, "host", "container", "docker", "native"}:
        assert line == _by_click(words)


@pytest.mark.parametrize(
    "words",
    [
        ["exec", "a", "true"],
        ["--runtime", "host", "exec", "--cwd", "x", "-e", "K=V", "a", "--", "--json", "-h"],
        ["exec", "--runtime=docker", "--root", "a"],
        ["--engine", "podman", "exec", "--engine=docker", "a"],
        ["ls", "--engine", "podman"],
        ["ls"],
        ["--json", "ls", "--all", "--runtime", "host"],
        ["create", "--name", "a", "--no-work-repos", "--runtime", "host", "--json"],
        ["create", "x/y", "--private-repo", "p/q", "--ref", "v1", "z/y", "--private-repo", "r/s"],
        ["version"],
        ["--json", "version", "--runtime=host"],
        ["--version"],
        ["--json", "--version"],
    ],
)
def test_the_plain_forms_are_read_without_click(words: list[str]) -> None:
    line = quick.read(words)
    assert line is not None
    assert line == _by_click(words)


@pytest.mark.parametrize("words", [[], ["ls", "x"], ["exec"], ["exec", "-e"], ["ls", "--bogus"]])
def test_mistakes_are_left_to_click(words: list[str]) -> None:
    assert quick.read(words) is None
