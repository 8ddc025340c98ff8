"""Bringing a secret to its place in a workspace: whole, private, and through no link (AUTH-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awl.credentials import AUTH, GIT_SETTINGS
from awl.errors import AwlError, ToolMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awl import proc
    from awl.executor import Executor

__all__ = ["Handed", "Setting", "deliver", "finish", "settle"]

#: Seconds that writing a file in a workspace may take.
_LIMIT = 60.0
_MISSING = 127
# A folder or file that somebody in the workspace has made a link would lead out of it (SEC-3); a
# file is put in place by one rename, so that it is there whole or not at all.
_BEGIN = """set -eu
umask 077
refuse() { echo "$1" >&2; exit 1; }
own() {
  [ ! -L "$1" ] || refuse "$1 is a link, and not followed"
  [ -d "$1" ] || mkdir -p -- "$1"
  chmod 700 "$1"
}
half() {
  half=$(mktemp "$1.XXXXXX")
  trap 'rm -f -- "$half"' EXIT
  trap 'exit 1' HUP INT TERM
}
place() { mv -fT -- "$half" "$1"; trap - EXIT; }
"""
# $1 is the folder, $2 the file in it (or in a folder of it), $3 its length: a launcher that dies
# half way ends the stream as well as one that is done.
_DELIVER = f"""{_BEGIN}own "$1"
case $2 in */*) own "$1/${{2%/*}}";; esac
half "$1/$2"
cat >"$half"
[ "$(wc -c <"$half")" -eq "$3" ] || refuse "only a part has arrived, so nothing was changed"
place "$1/$2"
"""
# $1 is the folder, $2 the file, $3 "global" where git is to read it from the home folder; then
# actions of git-config, three words each.
_SETTLE = f"""command -v git >/dev/null || exit {_MISSING}
{_BEGIN}own "$1"
file=$1/$2 scope=$3
shift 3
half "$file"
if [ -f "$file" ] && [ ! -L "$file" ]; then cat -- "$file" >"$half"; fi
while [ $# -gt 0 ]; do git config --file "$half" "$1" "$2" "$3"; shift 3; done
place "$file"
[ "$scope" = global ] || exit 0
git config --global --get-all include.path 2>/dev/null | grep -qxF -e "$file" ||
  git config --global --add include.path "$file"
"""


class Handed(NamedTuple):
    """What was handed over.

    `source` is gh, env, profile, file or keyring; `target` is a path inside the workspace.
    """

    provider: str
    source: str
    target: str


class Setting(NamedTuple):
    """A setting of git; with `more`, one further value of it."""

    key: str
    value: str
    more: bool = False


def deliver(executor: Executor, folder: str, file: str, secret: bytes) -> str:
    """Write `secret` to `folder/file` of the workspace, and return its path inside.

    The file has mode 0600 and its folders 0700; both belong to the workspace's user. `folder` is
    relative to the workspace and not followed where it is a link; `file` may stand in a folder of
    it. Raises `AwlError`; what was there before stays then.
    """
    place = executor.path(folder)
    words = ("sh", "-c", _DELIVER, "awl", place, file, str(len(secret)))
    finish(executor.run(words, limit=_LIMIT, stdin=secret), "write credentials", "sh")
    return f"{place}/{file}"


def settle(executor: Executor, settings: Sequence[Setting]) -> str:
    """Set `settings` for git in the workspace and return the path of their file inside.

    Nothing else of the file changes, and all of them change at once. Raises `AwlError`.
    """
    folder = executor.path(AUTH)
    scope = "own" if executor.sees_host else "global"
    actions = [
        word
        for setting in settings
        for word in ("--add" if setting.more else "--replace-all", setting.key, setting.value)
    ]
    file = GIT_SETTINGS.removeprefix(f"{AUTH}/")
    words = ("sh", "-c", _SETTLE, "awl", folder, file, scope, *actions)
    finish(executor.run(words, limit=_LIMIT), "set up git", "git")
    return f"{folder}/{file}"


def finish(done: proc.Completed, what: str, program: str) -> proc.Completed:
    """Return `done` where it went well.

    Raises `ToolMissing` where `program` is not in the workspace, else `AwlError`.
    """
    if done.code == _MISSING:
        raise ToolMissing(
            f"there is no {program} in the workspace, so the launcher cannot {what}",
            f"install {program} where the workspace is (on this machine, or in its image)",
        )
    if done.code != 0:
        raise AwlError(
            f"the launcher cannot {what}: {done.words}",
            "see that the user of the workspace may write to its home: awl exec WORKSPACE -- id",
        )
    return done
