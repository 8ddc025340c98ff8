"""The scripts in the shells themselves: a terminal, a line, and TAB."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from awl.completion.wrappers import WRAPPERS
from conformance.catalogue.schema import check_schema
from conformance.catalogue.yamlstrict import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.awl.conftest import World

_PATIENCE = 20
_TABLE = Path(__file__).resolve().parents[2] / "matrices/wrappers.yaml"
# Each shell: how it starts without the machine's own settings, and a key (Ctrl-G) that shows the
# line as it stands. Zsh's own TAB expands `$(…)` before it completes; here it only completes.
_SHELLS = {
    "bash": (
        ["--noprofile", "--norc", "-i"],
        (
            "PS1='ready> '; bind 'set enable-bracketed-paste off'; bind 'set bell-style none';"
            " bind 'set page-completions off';"
            """ bind -x '"\\C-g": printf "\\nline<%s>\\n" "$READLINE_LINE"'"""
        ),
    ),
    "zsh": (
        ["-f", "-i"],
        (
            "PS1='ready> '; unsetopt zle_bracketed_paste beep prompt_cr prompt_sp;"
            " show() { print -r -- $'\\n'\"line<$BUFFER>\" }; zle -N show;"
            " bindkey '^G' show; bindkey '^I' complete-word"
        ),
    ),
    "fish": (
        ["--no-config", "-i"],
        (
            "function fish_prompt; echo 'ready> '; end; function fish_greeting; end;"
            " bind \\cg 'printf \"\\nline<%s>\\n\" (commandline)'"
        ),
    ),
}
_LOAD = {
    "bash": 'eval "$(awl completion bash)"',
    "zsh": 'eval "$(awl completion zsh)"',
    "fish": "awl completion fish | source",
}


class Shell:
    """A shell on a terminal, with the script loaded."""

    def __init__(self, name: str, world: World, load: str = "") -> None:
        options, setup = _SHELLS[name]
        env = {**world.env, "TERM": "dumb" if name != "fish" else "xterm", "INPUTRC": "/dev/null",
               "LC_ALL": "C.UTF-8", "fish_features": "no-query-term"}  # fmt: skip
        self.name = name
        self.child: Any = pexpect.spawn(
            shutil.which(name) or name, options, env=env, cwd=str(world.folder), encoding="utf-8",
            codec_errors="replace", timeout=_PATIENCE, dimensions=(60, 200), echo=True,
        )  # fmt: skip
        self.child.delayafterclose = self.child.ptyproc.delayafterclose = 0.05
        self.child.delayafterterminate = self.child.ptyproc.delayafterterminate = 0.05
        self.child.delaybeforesend = None
        self.child.sendline(f"{setup}; {load or _LOAD[name]}; echo lo''aded")
        self.child.expect("loaded")

    def close(self) -> None:
        self.child.close(force=True)

    def complete(self, typed: str) -> str:
        """Return the line that TAB makes of what was typed."""
        self.child.send(f"{typed}\t")
        self.child.send("\x07")
        self.child.expect(r"line<([^\n]*)>\r?\n")
        line = str(self.child.match.group(1))
        self.child.send("\x15")
        return line

    def offered(self, typed: str, *names: str) -> None:
        """Expect every name to be offered."""
        self.child.send(f"{typed}\t\t")
        self.child.expect(r"[\s\S]*".join(map(re.escape, names)))
        self.child.send("\x07")
        self.child.expect(r"line<[^\n]*>\r?\n")
        self.child.send("\x15")

    def run(self, line: str) -> str:
        """Run a command and return what it prints."""
        self.child.sendline(f"{line}; echo do''ne")
        self.child.expect(r"([\s\S]*)\bdone")
        return str(self.child.match.group(1))


def _program(world: World) -> None:
    (world.bin / "awl").symlink_to(Path(sys.executable).parent / "awl")


@pytest.fixture(params=list(_SHELLS))
def shell(request: pytest.FixtureRequest, host: World) -> Iterator[Shell]:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    _program(host)
    opened = Shell(name, host)
    yield opened
    opened.close()


def test_commands_options_values_and_workspaces_are_completed(shell: Shell, host: World) -> None:
    host.awl("create", "--name", "alpha", "--no-work-repos")
    assert shell.complete("awl doc") == "awl doctor "
    assert shell.complete("awl rm al") == "awl rm alpha "
    assert shell.complete("awl rm --keep") == "awl rm --keep-volumes "
    assert shell.complete("awl --output j") == "awl --output json "
    assert shell.complete("awl --output=j") == "awl --output=json "
    assert shell.complete("awl --runtime=host rm al") == "awl --runtime=host rm alpha "
    assert shell.complete("awl --runtime container rm al") == "awl --runtime container rm al"
    host.awl("create", "--name", "beta", "--no-work-repos")
    shell.offered("awl rm ", "alpha", "beta")


def test_names_with_odd_characters_arrive_as_they_are(shell: Shell, host: World) -> None:
    host.env["CODEX_SECRET_DIR"] = ""  # what the shell has counts
    secrets = host.folder / "secrets"
    secrets.mkdir()
    names = {
        "sp": "sp ace",
        "dol": "dol$HOME",
        "quo": "quo'te\"s",
        "un": "unïcode",
        "sem": "sem;i&",
    }
    for name in (*names.values(), "new\nline"):
        (secrets / f"{name}.json").write_text("{}")
    set_ = "set -gx CODEX_SECRET_DIR" if shell.name == "fish" else "export CODEX_SECRET_DIR="
    shell.run(f"{set_}{' ' if shell.name == 'fish' else ''}{secrets}")
    for typed, name in names.items():
        line = shell.complete(f"awl auth codex --profile {typed}").rstrip()
        said = shell.run(line.replace("awl auth codex --profile", "printf '<%s>'"))
        assert f"<{name}>" in said, (typed, line)
    line = shell.complete("awl auth codex --profile 'sp").rstrip()
    assert "<sp ace>" in shell.run(line.replace("awl auth codex --profile", "printf '<%s>'"))


def test_nothing_that_is_typed_is_run(shell: Shell, host: World) -> None:
    shell.complete("awl rm '$(touch pwned)'`touch pwned`$(touch pwned) al")
    shell.complete('awl rm "$(touch pwned)')
    shell.run("true")
    assert not (host.folder / "pwned").exists()


def test_without_an_engine_nothing_is_said_and_static_candidates_stay(
    shell: Shell, host: World
) -> None:
    image = "awl --runtime container create --image agent-w"
    assert "agent-workspace/agent-env" in shell.complete(image)
    assert shell.complete("awl --runtime container rm a") == "awl --runtime container rm a"
    assert shell.complete("awl --runtime nonsense rm a") == "awl --runtime nonsense rm a"
    assert "error" not in shell.run("true")


def test_files_are_left_to_the_shell(shell: Shell, host: World) -> None:
    (host.folder / "a file.txt").touch()
    line = shell.complete("awl sync push alpha ./a").rstrip()
    assert "<./a file.txt>" in shell.run(line.replace("awl sync push alpha", "printf '<%s>'"))


def test_short_commands_stand_for_what_the_table_says(shell: Shell, host: World) -> None:
    document = load_yaml(_TABLE)
    check_schema(document, "wrappers")
    table = {row["name"]: tuple(row["words"]) for row in document.data["rows"]}
    assert table == WRAPPERS
    echo = host.bin / "awl"
    echo.unlink()
    echo.write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    echo.chmod(0o755)
    for name, words in table.items():
        said = shell.run(f"{name} 'x y' --json")
        assert "".join(f"<{word}>" for word in (*words, "x y", "--json")) in said, name


def test_short_commands_are_completed_as_what_they_stand_for(shell: Shell, host: World) -> None:
    host.awl("create", "--name", "alpha", "--no-work-repos")
    assert shell.complete("awm al") == "awm alpha "
    assert shell.complete("awe al") == "awe alpha "
    assert shell.complete("awrr al") == "awrr alpha "
    assert shell.complete("awac al") == "awac alpha "
    assert shell.complete("aw doc") == "aw doctor "
    assert shell.complete("awr opt") == "awr opt-repos "


def test_several_hundred_workspaces_are_offered(shell: Shell, host: World) -> None:
    host.awl("create", "--name", "ws-0", "--no-work-repos")
    document = (host.root / "0/.awl/workspace.json").read_text()
    for number in range(1, 400):
        own = host.root / f"w{number:03}/.awl"
        own.mkdir(parents=True)
        (own / "workspace.json").write_text(document.replace('"0"', f'"w{number:03}"'))
    assert shell.complete("awl rm w39") == "awl rm w39"
    assert shell.complete("awl rm w399") == "awl rm w399 "
    shell.offered("awl rm w39", "w390", "w395", "w399")


@pytest.mark.parametrize("name", list(_SHELLS))
def test_what_install_writes_works_in_a_new_shell(host: World, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    _program(host)
    path = host.awl("completion", "install", name).out.strip()
    opened = Shell(name, host, f"source {path}")
    try:
        assert opened.complete("awl doc") == "awl doctor "
    finally:
        opened.close()
