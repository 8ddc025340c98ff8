"""Bringing repositories back to a branch of their remote, over `Executor` (RESET-1 to RESET-3).

An agent has worked in these repositories: whatever they say of themselves may be wrong on purpose.
So none of their hooks run, and a repository whose files lie elsewhere is refused.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from awl import gitguard, repospec
from awl.credentials import AUTH
from awl.errors import AwlError, NoSpace, PathInvalid, RefInvalid, RepoNotFound
from awl.gitops import BASE, CLONE_LIMIT, LOOK_LIMIT
from awl.places import Place

if TYPE_CHECKING:
    from awl.executor import Executor

__all__ = ["Ref", "Reset", "find", "only", "reset"]

# Prints every repository below $1, with `.git` at most $2 deep; a submodule is part of another one.
_FIND = (
    gitguard.SETTINGS
    + r"""
find "$1" -mindepth 1 -maxdepth "$2" -name .git -prune -exec sh -c '
for dot do
  repo=${dot%/.git}
  [ -d "$dot" ] || [ -z "$(git -C "$repo" rev-parse --show-superproject-working-tree)" ] || continue
  printf "%s\0" "$repo"
done' awl {} +
"""
)
# Each `timeout` leaves git in the launcher's process group, so that it ends with it.
# Whether git, started here, works on files here, and keeps its own in the workspace: `.git` may
# lead anywhere, and so may `core.worktree`.
_CHECK = (
    r"""
top=$(timeout --foreground 60 git rev-parse --show-toplevel) || exit 1
[ "$(realpath -- "$top")" = "$(pwd -P)" ] || { echo "git works elsewhere: in $top" >&2; exit 65; }
"""
    + gitguard.INSIDE
    + gitguard.LINKS
)
# $1 the repository, $2 the remote, $3 the branch. Ends with the ref used, the commit, and whether
# the remote's default branch stands in.
_RESET = (
    gitguard.SETTINGS
    + r"""
exec 3>&1 >&2
fail() { echo "$1" >&2; exit 1; }
cd -- "$1" || exit 1
remote=$2 branch=$3 fallback=
tab=$(printf '\t')
sh -c "$AWL_CHECK" || exit
sh -c "${AWL_REFUSE-}" || exit
git config --get "remote.$remote.url" >/dev/null ||
  fail "it has no remote $remote, only: $(git remote | tr '\n' ' ')"

said=$(timeout --foreground 60 git ls-remote --symref -- "$remote" HEAD "refs/heads/$branch")
case $? in 0) ;; 124) fail "the remote has not answered in 60 s";; *) exit 1;; esac
if ! echo "$said" | cut -f 2 | grep -Fqx -e "refs/heads/$branch"; then
  fallback=1
  branch=$(echo "$said" | sed -n "s,^ref: refs/heads/\(.*\)${tab}HEAD\$,\1,p")
  [ "$branch" ] || fail "the remote has no branch $3, and no default branch"
fi
# A clone of one branch stays one: the rest may be large.
one="+refs/heads/$branch:refs/remotes/$remote/$branch"
all="+refs/heads/*:refs/remotes/$remote/*"
[ "$(git config --get-all "remote.$remote.fetch")" = "$all" ] || all=$one
git fetch --quiet --prune --no-recurse-submodules -- "$remote" "$all" || exit 1

# What is going on here ends; each of these complains where there is nothing to end.
for what in am rebase cherry-pick revert merge; do git $what --quit 2>/dev/null; done
# Files marked as not to be looked at would keep their changes.
git update-index -q --really-refresh >/dev/null
[ "$(git config --type=bool core.sparseCheckout)" = true ] ||
  git ls-files -tz | sed -zn 's/^S //p' | git update-index -z --no-skip-worktree --stdin
modules() { git ls-files --stage | sed -n "s/^160000 [^$tab]*$tab//p"; }
before=$(modules)
git checkout --quiet --force -B "$branch" "refs/remotes/$remote/$branch" -- &&
  git reset --quiet --hard "refs/remotes/$remote/$branch" -- || exit 1
[ ! -f "$(git rev-parse --git-path BISECT_LOG)" ] || git bisect reset HEAD || exit 1

after=$(modules)
if [ "$after" ]; then
  # Only a repository that came from this machine may name others on it.
  case $(git ls-remote --get-url "$remote") in /*|.*|file:*) ;;
  *) export GIT_ALLOW_PROTOCOL=git:http:https:ssh;; esac
  git submodule --quiet foreach --recursive "$AWL_CHECK" || exit 65
  git submodule --quiet sync --recursive &&
    git submodule --quiet update --init --force --checkout --recursive &&
    git submodule --quiet foreach --recursive 'git reset --quiet --hard && git clean -dfq' || exit 1
fi
# A submodule that is none any more is a repository of its own to `clean`, which leaves those alone.
echo "$before" | while IFS= read -r path; do
  [ ! -d "$path" ] || echo "$after" | grep -Fqx -e "$path" ||
    GIT_LITERAL_PATHSPECS=1 git clean -dffq -- "$path" || exit
done &&
  git clean -dfq || exit 1
printf '%s\0%s\0%s' "$remote/$branch" "$(git rev-parse HEAD)" "$fallback" >&3
"""
)


class Ref(NamedTuple):
    """A branch of a remote: `origin/main`."""

    remote: str
    branch: str

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read `REMOTE/BRANCH` (a branch may hold slashes); raises `RefInvalid`."""
        remote, slash, branch = text.partition("/")
        if not slash:
            raise RefInvalid(
                f"--ref {text!r} is not of the form REMOTE/BRANCH",
                f"such as --ref origin/{text or 'main'}",
            )
        for part in (remote, branch):
            repospec.check_ref(part)
        return cls(remote, branch)


class Reset(NamedTuple):
    """What a repository was brought to; `fallback`: its remote has not what was asked for."""

    ref: str
    commit: str
    fallback: bool


def find(executor: Executor, below: Place, depth: int) -> list[Place]:
    """Return the repositories at most `depth` folders below a place, in order of their paths.

    Raises `AwlError` where the folder cannot be searched.
    """
    return [one for one in _find(executor, below, depth + 1) if one.path != below.path]


def only(executor: Executor, place: Place) -> Place:
    """Return the repository at a place; raises `RepoNotFound`."""
    if place.kind != "folder" or not _find(executor, place, 1):
        raise RepoNotFound(
            f"{place.shown or place.path} is not a repository",
            "reset work-repos lists the repositories below work, and asks before it does anything",
        )
    return place


def reset(executor: Executor, repo: Place, ref: Ref) -> Reset:
    """Bring a repository to `ref`: all that is not committed and not ignored is lost.

    Raises `AwlError` with git's words, and `PathInvalid` where git would work outside the
    workspace.
    """
    env = {
        **BASE,
        "AWL_CHECK": _CHECK,
        "AWL_INSIDE": "\n".join(repo.inside),
    }
    if executor.sees_host:  # in a container of its own an agent may run what it likes
        env |= gitguard.refusal(executor.path(AUTH))
    words = ("sh", "-c", _RESET, "awl", repo.path, *ref)
    done = executor.run(words, limit=CLONE_LIMIT, env=env)
    if done.code == gitguard.OUTSIDE:
        raise PathInvalid(done.words)
    if done.code == gitguard.PROGRAMS:
        raise AwlError(
            done.words,
            f"see them: git -C {repo.path} config --list --show-origin",
            "take them out with git config --unset, or reset it by hand",
        )
    if done.code != 0:
        raise (NoSpace if done.is_full else AwlError)(done.words)
    answer = done.text.split("\0")
    if len(answer) != 3:
        raise AwlError(f"{repo.shown} was reset, and its answer cannot be read: {done.text!r}")
    used, commit, fallback = answer
    return Reset(used, commit, bool(fallback))


def _find(executor: Executor, below: Place, depth: int) -> list[Place]:
    if below.kind != "folder":
        return []
    words = ("sh", "-c", _FIND, "awl", below.path, str(depth))
    found = executor.run(words, limit=LOOK_LIMIT, env=BASE)
    paths = [path for path in os.fsdecode(found.out).split("\0") if path]
    if found.code != 0 and not paths:
        raise AwlError(f"cannot look for repositories in {below.shown}: {found.words}")
    return sorted(
        Place(path, "folder", below.shown + path[len(below.path) :], below.inside) for path in paths
    )
