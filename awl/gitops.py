"""Git in a workspace, written once over `Executor` (CREATE-2, CREATE-3, RM-4, SEC-1, SEC-2)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from awl import gitguard, proc
from awl.errors import AwlError, CloneFailed, NoSpace, RefNotFound, ToolMissing, WorkWouldBeLost
from awl.executor import Rooted, not_astray
from awl.model import RepoState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from awl.executor import Executor
    from awl.model import RepoSpec

__all__ = ["BASE", "CLONE_LIMIT", "LOOK_LIMIT", "at_risk", "clone"]

#: Seconds that a clone and a look at a repository may take.
CLONE_LIMIT = 1800.0
LOOK_LIMIT = 60.0
_HELPER = (
    '!f() { test "$1" = get && '
    'printf "username=%s\\npassword=%s\\n" "$AWL_GIT_USER" "$AWL_GIT_PASSWORD"; }; f'
)
#: The environment of git: what holds whoever calls it.
BASE = {
    # Never ask: there may be nobody, and a question would never end.
    "GIT_TERMINAL_PROMPT": "0",
    # What a repository names as a submodule may not run programs (`ext::`).
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    # A repository may hold other content under a commit's name; what counts is the commit's own.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C.UTF-8",
}
# Where a clone keeps which commits came with it on tags alone: nothing else tells these tags from
# those that were made here.
_KNOWN = "awl-known"
_LONE_TAGS = ("rev-list", "--no-walk", "--tags", "--not", "--remotes")
_UNREADABLE = "unreadable"
# Lines that say how far git is; what is left are its errors.
_PROGRESS = re.compile(
    rb"^(remote: )?(Total \d+ \(|[A-Z][a-z ]+: +\d+(%? \(|, done)).*\n?", re.MULTILINE
)
# Tells each repository below the given folders that holds work of its own, with the reason. `known`
# are commits that came from the remote, besides those in `_KNOWN`. The repository's own settings
# must neither hide anything nor run a program, and it must not lead out of the folders. A submodule
# is looked at as what it is, a repository. $AWL_LOOK looks at one, from inside.
_AT_RISK = r"""
known=$1; shift
for top do shift; [ -d "$top" ] && set -- "$@" "$top"; done
[ $# -gt 0 ] || exit 0
AWL_INSIDE=$(realpath -- "$@") || exit
export AWL_INSIDE
find "$@" -name .git -prune -exec sh -c '
known=$1; shift
for dot do
  repo=${dot%/.git}
  reason=$(cd -- "$repo" && sh -c "$AWL_LOOK" awl $known 2>/dev/null) || reason=unreadable
  [ -z "$reason" ] || printf "%s\t%s\0" "$reason" "$repo"
done' awl "$known" {} +
"""
_LOOK = (
    # Settings that come with the workspace's credentials lie where an agent can write.
    "unset GIT_CONFIG_COUNT\n"
    + gitguard.SETTINGS
    + r"""
# In our process group, so that it ends with us, where `timeout` can (that of BusyBox cannot).
bounded() { timeout --foreground 100 "$@"; }
bounded true 2>/dev/null || bounded() { timeout 100 "$@"; }
git() { bounded git "$@"; }
export GIT_DIR="$PWD/.git" GIT_WORK_TREE="$PWD" GIT_OPTIONAL_LOCKS=0
# What is not here is not fetched, wherever from.
export GIT_ALLOW_PROTOCOL=none GIT_NO_LAZY_FETCH=1
"""
    + gitguard.INSIDE
    + gitguard.TAME_FILTERS
    + r"""
changed=$(git status --porcelain --untracked-files=normal --ignore-submodules=dirty) || exit 1
[ -z "$changed" ] || { echo uncommitted; exit; }
known=$*; set --
for ref in HEAD refs/stash; do
  git rev-parse -q --verify "$ref^{commit}" >/dev/null && set -- "$@" "$ref"
done
file=$(git rev-parse --git-common-dir)/"""
    + _KNOWN
    + r"""
ahead=$({ printf '%s\n' $known; [ ! -f "$file" ] || bounded cat -- "$file"; } |
  git cat-file --batch-check='%(objecttype) %(objectname)' | sed -n 's/^commit /^/p' |
  git rev-list -n 1 --stdin "$@" --branches --tags --not --remotes --) || exit 1
[ -z "$ahead" ] || echo unpushed
"""
)


def clone(
    executor: Executor,
    spec: RepoSpec,
    kind: str,
    path: str,
    ref: str | None,
    told: Callable[[str], None] | None = None,
) -> RepoState:
    """Clone `spec` to `path` (relative to the workspace) and check out `ref` or its default branch.

    `told` hears how far git is, in git's words with a percentage, often. Raises `CloneFailed` with
    git's own words, and `RefNotFound`.
    """
    target = executor.path(path)
    source, bundle = spec.url, None
    if spec.local is not None and not executor.sees_host:
        bundle = f"{target}.bundle"
        _carry(executor, spec, bundle)
        source = bundle
    env = {**BASE, **_credentials(spec)}
    git = _Git(executor, target, env)
    quiet = ("--quiet", "--progress") if told else ("--quiet",)
    # Hard links into the person's repository would give the workspace a hand on it.
    made = executor.run(
        ("git", "clone", *quiet, "--no-hardlinks", "--", source, target),
        limit=CLONE_LIMIT,
        env=env,
        told=_percentages(told),
    )
    if told:
        made = made._replace(err=_PROGRESS.sub(b"", made.err))
    if made.code != 0 and _is_missing(executor):
        raise ToolMissing(
            "there is no git in the workspace, so nothing can be cloned into it",
            "install git where the workspace is (on this machine, or in its image)",
        )
    if made.code != 0 and git.ask("config", "--get", "remote.origin.url") == spec.url:
        # It lies in a volume that was kept (RM-2): taken up as it is, with the work in it.
        kept = _state(git, spec, kind, path, None)
        if ref is not None and ref not in {kept.ref, kept.commit}:
            raise WorkWouldBeLost(
                f"{path} was kept with its volume, on {kept.ref or kept.commit}, and may hold work:"
                f" it is not brought to {ref}",
                "leave --ref out to take it up as it is; check out what you want in there then",
                "or choose another name with --name for a clone of its own",
                details={"path": path, "ref": kept.ref, "commit": kept.commit},
            )
        return kept
    if made.code != 0:
        if made.is_full:
            raise NoSpace(f"cannot clone {spec.url}: {made.words}", "see what could go: df -h")
        raise CloneFailed(
            f"cannot clone {spec.url}: {made.words}",
            f"try it by hand: git clone -- {spec.url}",
        )
    if bundle is not None:
        git("remote", "set-url", "origin", spec.url)
        executor.run(("rm", "-f", "--", bundle), limit=LOOK_LIMIT)
    if ref is not None:
        _check_out(git, spec, ref)
    if alone := git.ask(*_LONE_TAGS):
        words = ("sh", "-c", 'cat >"$1"', "awl", f"{target}/.git/{_KNOWN}")
        executor.run(words, limit=LOOK_LIMIT, stdin=alone.encode() + b"\n")
    if git.ask("rev-parse", "--verify", "--quiet", "HEAD:.gitmodules"):
        if spec.local is None:
            # Only a repository that came from this machine may name others on it.
            env["GIT_ALLOW_PROTOCOL"] = "git:http:https:ssh"
        words = ("update", "--init", "--recursive", *quiet[1:])
        git("submodule", "--quiet", *words, limit=CLONE_LIMIT, told=_percentages(told))
        listed = f'git {" ".join(_LONE_TAGS)} >"$(git rev-parse --git-dir)/{_KNOWN}"'
        git("submodule", "--quiet", "foreach", "--recursive", listed)
    return _state(git, spec, kind, path, ref)


def _percentages(told: Callable[[str], None] | None) -> Callable[[str], None] | None:
    """Return what hears only how far git is, of all that it says."""
    if told is None:
        return None

    def hear(line: str) -> None:
        if "% (" in line:
            told(line.removeprefix("remote: "))

    return hear


def _is_missing(executor: Executor) -> bool:
    found = executor.run(("sh", "-c", "command -v git"), limit=LOOK_LIMIT)
    return found.code != 0


def at_risk(
    executor: Executor, folders: Sequence[str], known: Sequence[str]
) -> list[tuple[str, str]]:
    """Return (reason, path) of each repository below `folders` whose removal would lose work.

    Reasons: `uncommitted` (untracked files count), `unpushed`, `unreadable`. `known` are commits
    that the remotes are known to have. Where the workspace's user may not look everywhere, its root
    looks once more.
    """
    paths = [executor.path(folder) for folder in folders]
    words = ("sh", "-c", _AT_RISK, "awl", " ".join(known), *paths)
    looked, found = _look(executor, words)
    in_part = looked.code != 0 or any(reason == _UNREADABLE for reason, _ in found)
    if in_part and isinstance(executor, Rooted):
        looked, found = _look(executor.as_root(), words)
    if looked.code != 0 and not found:
        raise AwlError(f"cannot look for unsaved work: {looked.words}")
    return sorted(found, key=lambda pair: pair[1])


def _look(executor: Executor, words: Sequence[str]) -> tuple[proc.Completed, list[tuple[str, str]]]:
    looked = executor.run(words, limit=LOOK_LIMIT * 5, env={**BASE, "AWL_LOOK": _LOOK})
    lines = looked.out.decode(errors="surrogateescape").split("\0")
    pairs = (line.partition("\t") for line in lines if line)
    return looked, [(reason, path) for reason, _, path in pairs]


class _Git:
    """Git in one repository."""

    def __init__(self, executor: Executor, folder: str, env: Mapping[str, str]) -> None:
        self._executor = executor
        self._folder = folder
        self._env = env

    def __call__(
        self,
        *words: str,
        limit: float = LOOK_LIMIT,
        told: Callable[[str], None] | None = None,
    ) -> proc.Completed:
        done = self.run(*words, limit=limit, told=told)
        if done.code != 0:
            raise CloneFailed(f"git {words[0]} failed: {done.words}")
        return done

    def run(
        self,
        *words: str,
        limit: float = LOOK_LIMIT,
        told: Callable[[str], None] | None = None,
    ) -> proc.Completed:
        argv = ("git", "-C", self._folder, *words)
        done = self._executor.run(argv, limit=limit, env=self._env, told=told)
        return done._replace(err=_PROGRESS.sub(b"", done.err)) if told else done

    def ask(self, *words: str) -> str | None:
        done = self.run(*words)
        return done.text if done.code == 0 and done.text else None


def _state(git: _Git, spec: RepoSpec, kind: str, path: str, ref: str | None) -> RepoState:
    return RepoState(
        kind=kind,
        url=spec.url,
        path=path,
        ref=ref or git.ask("symbolic-ref", "--short", "--quiet", "HEAD"),
        commit=git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}"),
    )


def _check_out(git: _Git, spec: RepoSpec, ref: str) -> None:
    short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    if not ref.startswith("refs/tags/") and git.ask(
        "rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{short}^{{commit}}"
    ):
        git("checkout", "--quiet", "-B", short, "--track", f"refs/remotes/origin/{short}", "--")
        return
    tag = git.ask("rev-parse", "--verify", "--quiet", f"refs/tags/{short}^{{commit}}")
    commit = tag or (_commit(git, ref) if not ref.startswith("refs/") else None)
    if commit is None:
        raise RefNotFound(
            f"{spec.url} has no branch, tag or commit {ref}",
            f"see what it has: git ls-remote -- {spec.url}",
        )
    git("checkout", "--quiet", "--detach", commit, "--")


def _commit(git: _Git, ref: str) -> str | None:
    if not (4 <= len(ref) <= 64 and all(sign in "0123456789abcdefABCDEF" for sign in ref)):
        return None
    there = git.ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if there is None and len(ref) >= 40:
        # On no branch or tag; many servers hand it out when asked by its whole name.
        git.run("fetch", "--quiet", "origin", ref, limit=CLONE_LIMIT)
        there = git.ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    return there


def _credentials(spec: RepoSpec) -> dict[str, str]:
    """Return an environment in which git knows the user info of the URL, and nobody else does."""
    if not spec.user:
        return {}
    scheme, _, rest = spec.url.partition("://")
    scope = f"credential.{scheme}://{rest.partition('/')[0]}.helper"
    return {
        "AWL_GIT_USER": _decoded(spec.user),
        "AWL_GIT_PASSWORD": _decoded(spec.password),
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": scope,
        "GIT_CONFIG_VALUE_0": "",  # an empty one forgets the helpers before it
        "GIT_CONFIG_KEY_1": scope,
        "GIT_CONFIG_VALUE_1": _HELPER,
    }


def _decoded(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)


def _carry(executor: Executor, spec: RepoSpec, bundle: str) -> None:
    """Bring a repository of this machine to where the workspace is, as one stream.

    A remote engine sees no folder of this machine, so there is nothing to mount.
    """
    import tempfile  # dear, and most workspaces do without

    here = {**not_astray(os.environ), **BASE}
    with tempfile.TemporaryFile() as file:
        folder = _git_folder(spec.local or "/")
        if folder is None:
            raise CloneFailed(f"cannot clone {spec.url}: {spec.local} is not a repository")
        # The folder itself, since git would look for a repository further up.
        git = ("git", "-c", "safe.directory=*", f"--git-dir={folder}")
        has = proc.run((*git, "rev-parse", "--all"), env=here, limit=LOOK_LIMIT)
        if has.code != 0 or not has.out:
            raise CloneFailed(
                f"cannot clone {spec.url}: {has.words if has.code else 'it has no commits'}"
            )
        packed = proc.run(
            (*git, "bundle", "create", "--quiet", "-", "HEAD", "--branches", "--tags"),
            env=here,
            limit=CLONE_LIMIT,
            stdout=file,
        )
        if packed.code != 0:
            raise CloneFailed(f"cannot clone {spec.url}: {packed.words}")
        file.seek(0)
        sent = executor.run(
            ("sh", "-c", 'mkdir -p -- "${1%/*}" && cat >"$1"', "awl", bundle),
            limit=CLONE_LIMIT,
            stdin=file,
        )
    if sent.code != 0:
        if sent.is_full:
            raise NoSpace(f"cannot bring {spec.url} into the workspace: {sent.words}")
        raise CloneFailed(f"cannot bring {spec.url} into the workspace: {sent.words}")


def _git_folder(path: str) -> str | None:
    """Return what git-clone(1) takes `path` for: with or without `.git`, bare or not."""
    for suffix in ("/.git", "", ".git/.git", ".git"):
        folder = path.rstrip("/") + suffix
        if os.path.exists(f"{folder}/HEAD") or (  # noqa: PTH110 - text
            folder.endswith("/.git") and os.path.isfile(folder)  # noqa: PTH113 - text
        ):
            return folder
    return None
