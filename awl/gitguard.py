"""Git in repositories that an agent has worked in: nothing that they name is run (SEC-2, SEC-3).

A repository can name programs in many places: hooks, a monitor of files, filters, commands to reach
a remote. In a container these could do no more than the agent itself; on the host they would run in
the name of the person who types `rm` or `reset`. So hooks and monitors are off, and of all else
that is run the person's own settings count. What cannot be had that way is refused.

The parts are POSIX shell: git is run where the workspace is, in one go.
"""

from __future__ import annotations

__all__ = ["INSIDE", "LINKS", "OUTSIDE", "PROGRAMS", "SETTINGS", "TAME_FILTERS", "refusal"]

#: The exit code of `INSIDE` for a repository that leads out of the workspace.
OUTSIDE = 65
#: The exit code of `refusal`, which names the settings on standard error.
PROGRAMS = 66

_CONFIG = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.quotePath": "false",
    # Nothing shall go on in the background once the launcher has ended.
    "gc.auto": "0",
    "http.saveCookies": "false",
    "maintenance.auto": "false",
    # In a container the files may have come with another owner.
    "safe.directory": "*",
    "submodule.recurse": "false",
}
#: As an environment these hold in submodules, too; it may hold settings of the person's already.
SETTINGS = """set_() {
  n=${GIT_CONFIG_COUNT:-0}
  export GIT_CONFIG_COUNT=$((n + 1)) "GIT_CONFIG_KEY_$n=$1" "GIT_CONFIG_VALUE_$n=$2"
}
""" + "".join(f"set_ {key} '{value}'\n" for key, value in _CONFIG.items())

#: Ends with `OUTSIDE` where git keeps files outside of the folders in $AWL_INSIDE, one a line:
#: `.git` may lead anywhere.
INSIDE = rf"""
for name in --git-dir --git-common-dir; do
  dir=$(realpath -- "$(git rev-parse --path-format=absolute $name)") || exit 1
  ok=; set -f; IFS="
"
  for base in $AWL_INSIDE; do case $dir/ in "$base"/*) ok=1;; esac; done
  [ "$ok" ] || {{ echo "git keeps its files outside the workspace: in $dir" >&2; exit {OUTSIDE}; }}
done
unset IFS; set +f
"""

# $0 is the folders of the workspace, one a line; the rest are links. Prints those that leave them.
_LEAVING = """
set -f; IFS="
"
for link do
  to=$(realpath -m -- "$link") ok=
  for base in $0; do case $to/ in "$base"/*) ok=1;; esac; done
  [ "$ok" ] || echo "$link leads to $to"
done"""
#: Ends with `OUTSIDE` where a link among git's own files leaves the folders in $AWL_INSIDE: git
#: writes through links, to its index, its settings and its logs (of which a line may hold whatever
#: a branch is called). Hooks are left out: they are neither run nor written.
LINKS = rf"""
leaving=$(find "$(git rev-parse --path-format=absolute --git-dir)" \
  "$(git rev-parse --path-format=absolute --git-common-dir)" \
  -name hooks -prune -o -type l -exec sh -c '{_LEAVING}' "$AWL_INSIDE" {{}} +) || exit 1
[ -z "$leaving" ] ||
  {{ echo "git would write outside the workspace: $leaving" >&2; exit {OUTSIDE}; }}
"""

#: Has the person's filters (of large files, say) stand, and no others: `git status` runs them.
TAME_FILTERS = r"""
while IFS= read -r key; do
  [ -z "$key" ] || set_ "$key" "$(unset GIT_DIR GIT_WORK_TREE; cd / && git config --get "$key")"
done <<EOF
$(git config --name-only --get-regexp '^filter\..*\.(clean|smudge|process|required)$')
EOF
"""

_PROGRAMS = "|".join(
    (
        # Whatever they bring in may depend on who is asking.
        r"include(if)?\.",
        r"core\.(alternaterefscommand|askpass|gitproxy|sshcommand)$",
        r"credential\.(.*\.)?helper$",
        r"filter\..*\.(clean|smudge|process)$",
        # No programs, but as bad: the person's own credentials would go to whoever answers.
        r"http\.(.*\.)?(proxy)?ssl(backend|cainfo|capath|verify)$",
        r"remote\..*\.(uploadpack|vcs)$",
    )
)
# $0 is the pattern of names.
_NAMED = """
for file do
  [ ! -e "${file%/*}/HEAD" ] ||
    timeout --foreground 60 git config --file "$file" --no-includes --name-only --get-regexp "$0" ||
    [ $? = 1 ] || echo "$file, which is unreadable"
done"""
_REFUSE = rf"""
named=$(find -L "$(git rev-parse --path-format=absolute --git-dir)" \
  "$(git rev-parse --path-format=absolute --git-common-dir)" \
  -name objects ! -path "*/modules/*" -prune -o \
  \( -name config -o -name config.worktree \) -exec sh -c '{_NAMED}' '^({_PROGRAMS})' {{}} + |
  sort -u)
[ -z "$named" ] ||
  {{ echo "its own settings name programs to run, or whom to trust: $named" >&2; exit {PROGRAMS}; }}
"""
# $AWL_SETTINGS is the file and $AWL_KNOWN the pattern of what the launcher puts there.
_REFUSE_SETTINGS = rf"""
if [ -e "$AWL_SETTINGS" ] && named=$(
  timeout --foreground 60 \
    git config --file "$AWL_SETTINGS" --no-includes --get-regexp '^({_PROGRAMS})' |
    grep -Ev -e "$AWL_KNOWN")
then echo "$AWL_SETTINGS names programs that awl has not put there" >&2; exit {PROGRAMS}
fi
"""


def refusal(folder: str) -> dict[str, str]:
    """Return an environment whose `$AWL_REFUSE` is a script that ends with `PROGRAMS`, or well.

    It is run in a repository, and refuses where settings would have git run programs: its own, its
    submodules', or those in `folder`, the real folder of the workspace's credentials. Filters are
    refused, too: without them the files would not be what they should be.
    """
    token = f"'?{_escaped(folder)}/github/[A-Za-z0-9.:-]+'?"
    helper = (
        rf'!f\(\) \{{ test "\$1" = get && test -r {token} && echo username=x-access-token && '
        rf"printf password= && cat {token}; \}}; f"
    )
    return {
        "AWL_REFUSE": _REFUSE + _REFUSE_SETTINGS,
        "AWL_SETTINGS": f"{folder}/gitconfig",
        "AWL_KNOWN": rf"^credential\.https?://[a-z0-9.:-]+\.helper ?({helper})?$",
    }


def _escaped(text: str) -> str:
    return "".join(f"[{sign}]" if sign in ".*+?(){}|$" else sign for sign in text)
