"""What an agent may leave behind in a repository, and what becomes of it: nothing.

Everything runs in the suite's lock: only the test's own folder can be written, whatever goes wrong.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pexpect
import pytest

if TYPE_CHECKING:
    from tests.awl.conftest import Locked, World


# ---------------------------------------------------------------- repositories

# Each makes git run $P, in the repository where it stands.
_PROGRAMS = {
    "monitor": "git config core.fsmonitor $P",
    "hook": "cp $P .git/hooks/post-index-change; touch -d '1 hour ago' file",
    "hooks-path": "git config core.hooksPath $H; touch -d '1 hour ago' file",
    "filter": "git config filter.x.clean $P; echo '* filter=x' >.git/info/attributes; touch file",
    "process": "git config filter.x.process $P; git config filter.x.required true;"
    " echo '* filter=x' >.git/info/attributes; touch file",
    "own-filter": "git config --global filter.x.clean cat; git config filter.x.clean $P;"
    " echo '* filter=x' >.git/info/attributes; touch file",
    "include": "printf '[filter \"x\"]\\nclean = %s\\n' $P >.git/more;"
    " git config include.path more; echo '* filter=x' >.git/info/attributes;"
    " printf '[core]\\nfsmonitor = %s\\n' $P >>.git/more; touch file",
    "promised": "git config extensions.partialClone origin; git config remote.origin.promisor true;"
    " git config remote.origin.uploadpack $P; git rm -q --cached file; touch file;"
    " rm -rf .git/objects/??",
    "workspace-settings": "mkdir -p ../../../auth;"
    " printf '[core]\\nfsmonitor = %s\\n[filter \"x\"]\\nclean = %s\\n' $P $P"
    " >../../../auth/gitconfig; echo '* filter=x' >.git/info/attributes; touch file",
    "submodule": "git -c protocol.file.allow=always submodule --quiet add $R sub 2>/dev/null;"
    " git -C sub config core.fsmonitor $P; git -C sub config filter.x.clean $P;"
    " echo '* filter=x' >.git/modules/sub/info/attributes; touch sub/file",
}  # fmt: skip


def _prepare(locked: Locked, spoil: str) -> None:
    """A workspace `tool` with a clone of a repository, and something nasty done to it."""
    remote = locked.world.remote()
    program = locked.world.folder / "program"
    program.write_text(f"#!/bin/sh\ntouch {locked.ran}\nexec cat 2>/dev/null\n")
    program.chmod(0o755)
    hooks = locked.world.folder / "hooks"
    hooks.mkdir()
    shutil.copy(program, hooks / "post-index-change")
    assert locked.awl("create", str(remote)).code == 0
    given = f"P={program} H={hooks} R={remote} D={locked.decoy}; export GIT_ALLOW_PROTOCOL=file; "
    locked.sh(given + spoil, locked.world.root / "tool/work/acme/tool")
    locked.ran.unlink(missing_ok=True)


@pytest.mark.parametrize("spoil", _PROGRAMS.values(), ids=_PROGRAMS)
def test_looking_for_work_runs_nothing_that_a_repository_names(locked: Locked, spoil: str) -> None:
    _prepare(locked, spoil)
    assert locked.awl("rm", "tool", "--yes").code in {0, 5}
    assert not locked.ran.exists()
    assert locked.awl("rm", "tool", "--yes", "--force").code in {0, 3}
    assert not locked.ran.exists()


@pytest.mark.parametrize(
    "name", ["monitor", "hook", "hooks-path", "filter", "process", "submodule"]
)
def test_git_by_itself_would_run_it(locked: Locked, name: str) -> None:
    _prepare(locked, _PROGRAMS[name])
    locked.sh("git status >/dev/null 2>&1 || true", locked.world.root / "tool/work/acme/tool")
    assert locked.ran.exists()


# Each would make `reset` run $P, or would lead it to $D.
_AT_RESET = {
    **{name: _PROGRAMS[name] for name in ("monitor", "hook", "hooks-path")},
    "filter": "git config filter.x.smudge $P; echo '* filter=x' >.git/info/attributes; rm file",
    "include": "printf '[core]\\nsshCommand = %s\\n' $P >.git/more; git config include.path more",
    "ssh": "git config core.sshCommand $P; git remote set-url origin git@127.0.0.1:a/b",
    "trust": "git config http.https://github.com.sslVerify false",
    "upload-pack": "git config remote.origin.uploadpack $P",
    "helper": 'git config credential.helper "!$P"',
    "proxy": "git config core.gitProxy $P; git remote set-url origin git://127.0.0.1/a/b",
    "alternates": "git config core.alternateRefsCommand $P;"
    " echo $R/objects >.git/objects/info/alternates",
    "remote-helper": 'git remote set-url origin "ext::$P"; git config protocol.ext.allow always',
    "workspace-settings": "mkdir -p ../../../auth;"
    " git config --file ../../../auth/gitconfig core.sshCommand $P;"
    " git remote set-url origin git@127.0.0.1:a/b",
    "workspace-helper": "mkdir -p ../../../auth;"
    ' git config --file ../../../auth/gitconfig credential.https://github.com.helper "!$P"',
    "submodule": "git -c protocol.file.allow=always submodule --quiet add $R sub 2>/dev/null;"
    " git commit -qm sub; git push -q origin HEAD:trunk; git -C sub config filter.x.smudge $P;"
    " echo '* filter=x' >.git/modules/sub/info/attributes; rm sub/file",
    "submodule-update": "git -c protocol.file.allow=always submodule --quiet add $R sub"
    " 2>/dev/null; git commit -qm sub; git push -q origin HEAD:trunk;"
    ' git config submodule.sub.update "!$P"; git -C sub checkout -q HEAD^0',
    "elsewhere": "git init -q $D; git config core.worktree $D",
    "linked": "git init -q $D; rm -rf .git; ln -s $D/.git .git",
    "work-linked": "git clone -q $R $D/acme/tool; echo mine >$D/acme/tool/file; cd ../../..;"
    " rm -rf work; ln -s $D work",
}


@pytest.mark.parametrize("spoil", _AT_RESET.values(), ids=_AT_RESET)
def test_reset_runs_nothing_that_a_repository_names(locked: Locked, spoil: str) -> None:
    _prepare(locked, spoil)
    shown = locked.awl("reset", "work-repos", "tool", "--ref", "origin/trunk", "--yes")
    assert shown.code in {0, 1, 2}
    assert not locked.ran.exists()
    mine = locked.decoy / "acme/tool/file"
    assert not mine.exists() or mine.read_text() == "mine\n"


# Each leads what git writes by itself to $D.
_WRITTEN = {
    # What is appended is a line with the branch's name in it: a shell would run it.
    "log": "git checkout -qb 'x;touch${IFS}ran;'; echo '# mine' >$D/rc;"
    " ln -sf $D/rc .git/logs/HEAD",
    "log-of-branch": "mkdir -p .git/logs/refs/heads; touch $D/rc;"
    " ln -sf $D/rc .git/logs/refs/heads/trunk",
    "logs": "mkdir $D/logs; mv .git/logs .git/old; ln -s $D/logs .git/logs",
    "index": "ln -sf $D/index .git/index",
    "settings": "cp .git/config $D/config; git checkout -qb other; git branch -qD trunk;"
    " ln -sf $D/config .git/config; git config --file $D/config --remove-section branch.trunk",
    "branches": "cp -r .git/refs/heads $D/heads; rm -r .git/refs/heads;"
    " ln -s $D/heads .git/refs/heads",
    "packed": "git pack-refs --all; mv .git/packed-refs $D/refs; ln -s $D/refs .git/packed-refs",
    "submodule-index": "git -c protocol.file.allow=always submodule --quiet add $R sub 2>/dev/null;"
    " git commit -qm sub; git push -q origin HEAD:trunk; ln -sf $D/index .git/modules/sub/index",
}


@pytest.mark.parametrize("spoil", _WRITTEN.values(), ids=_WRITTEN)
def test_reset_writes_nothing_through_links_that_lead_outside(locked: Locked, spoil: str) -> None:
    _prepare(locked, spoil)
    look = f"cd {locked.decoy}; find . -printf '%p %y %s %T@\\n' | sort; grep -r . . || true"
    locked.sh("git commit -q --allow-empty -m more || true; git update-ref -d refs/heads/gone",
              locked.world.folder / "work-acme-tool")  # fmt: skip
    before = locked.sh(look)
    shown = locked.awl("reset", "repo", "tool", "acme/tool", "--ref", "origin/feature", "--yes")
    assert locked.sh(look) == before
    assert shown.error == "path-invalid"
    assert str(locked.decoy) in shown.err


@pytest.mark.parametrize(
    "name", ["filter", "include", "ssh", "helper", "trust", "workspace-helper"]
)
def test_reset_says_which_settings_it_refuses(locked: Locked, name: str) -> None:
    _prepare(locked, _AT_RESET[name])
    shown = locked.awl("reset", "repo", "tool", "acme/tool", "--ref", "origin/trunk", "--yes")
    assert shown.error == "operation-failed"
    assert "program" in shown.err


def test_a_variable_of_git_does_not_hide_what_a_repository_names(locked: Locked) -> None:
    _prepare(locked, _PROGRAMS["filter"])
    (locked.world.folder / "empty").touch()
    locked.world.env["GIT_CONFIG"] = str(locked.world.folder / "empty")
    assert locked.awl("rm", "tool", "--yes").code in {0, 5}
    assert not locked.ran.exists()


@pytest.mark.parametrize("entry", [".", "", "bin"])
def test_programs_of_a_workspace_are_not_found_by_an_entry_of_path(
    locked: Locked, entry: str
) -> None:
    # For each program that the launcher's own scripts call, one in each folder that they enter.
    _prepare(locked, "for d in . bin ../../.. ../../../bin; do mkdir -p $d;"
             " for n in git find realpath timeout sed; do cp $P $d/$n; done; done")  # fmt: skip
    locked.world.env["PATH"] = f"{entry}:{locked.world.env['PATH']}"
    words = ("reset", "repo", "tool", "acme/tool", "--ref", "origin/trunk", "--yes")
    locked.awl(*words)
    locked.awl("rm", "tool", "--yes")
    assert not locked.ran.exists()


def test_work_is_not_hidden_by_what_replaces_a_commit(locked: Locked) -> None:
    _prepare(locked, "git commit -q --allow-empty -m mine;"
             " git replace --graft refs/remotes/origin/HEAD HEAD")  # fmt: skip
    assert locked.awl("rm", "tool", "--yes").error == "work-would-be-lost"


def test_reset_brings_what_the_remote_has_and_not_what_replaces_it(locked: Locked) -> None:
    _prepare(locked, "echo other >file; git commit -qam other;"
             " git replace -f refs/remotes/origin/trunk HEAD")  # fmt: skip
    words = ("reset", "repo", "tool", "acme/tool", "--ref", "origin/trunk", "--yes")
    assert locked.awl(*words).code == 0
    assert (locked.world.root / "tool/work/acme/tool/file").read_text() == "one\n"


def test_names_of_files_do_not_steer_a_terminal(host: World) -> None:
    host.awl("create", "--name", "a", "--no-work-repos")
    (host.root / "a/work/d").mkdir()
    (host.root / "a/work/d/\x1b]0;owned\x07").touch()
    words = ("sync", "pull", "a", "d", str(host.folder / "back"), "-n")
    done = subprocess.run(host.argv(*words), env=host.env, capture_output=True, check=True)
    assert b"copy \x1b]0;owned\x07\n" in done.stdout
    argv = host.argv(*words)
    seen = pexpect.run(" ".join(argv), env=host.env, timeout=60).decode()
    assert "\\x1b]0;owned\\x07" in seen
    assert "\x1b" not in seen
