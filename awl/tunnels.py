"""Editor tunnels into a workspace, in the foreground or detached (TUNNEL-1 to TUNNEL-3).

A detached tunnel is found again by a variable that everything it starts inherits, not by a file
that may be stale: whoever carries the mark of this workspace belongs to its tunnel, and nothing
else is ever stopped. Its log stands in the workspace, in the launcher's own folder.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from awl.errors import AwlError, ToolMissing, TunnelNotFound, TunnelRunning, ValueInvalid
from awl.model import ExecSpec
from awl.paths import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awl import proc
    from awl.executor import Executor

__all__ = ["LOG", "Tunnel", "attend", "detach", "service_name", "stop"]

#: The log, relative to the workspace.
LOG = f"{OWN}/tunnel.log"
#: Seconds that a detached tunnel has to say where to log in, or that it is there.
PATIENCE = 15.0
_LIMIT = 60.0
_LONGEST = 20
_NOT_THERE, _MISSING, _RUNS = 3, 127, 5
_OTHER = re.compile(r"[^a-z0-9]+")
_LOGIN = re.compile(r"/login/device|devicelogin")
_PROGRAM = 'code tunnel --accept-server-license-terms --name "$name"'
# $1 is the launcher's folder in the workspace. `marked` prints what belongs to the tunnel, `facts`
# its process and name as its own environment has them, if its first process still runs.
_BEGIN = """set -u
umask 077
of=$1 log=$1/tunnel.log mark=AWL_TUNNEL_OF=$1
marked() {
  grep -lzxF -e "$mark" /proc/[0-9]*/environ 2>/dev/null |
    sed 's,^/proc/\\([0-9]*\\)/.*,\\1,'
}
facts() {
  for p in $(marked); do
    tr '\\0' '\\n' <"/proc/$p/environ" 2>/dev/null |
      sed -n -e 's/^AWL_TUNNEL_PID=/pid /p' -e 's/^AWL_TUNNEL_NAME=/name /p'
  done | sort -u
}
runs() {
  pid=$(facts | sed -n 's/^pid //p' | head -n 1)
  [ -n "$pid" ] && marked | grep -qxF -e "$pid"
}
finish() {
  n=0
  while [ $n -lt 20 ] && p=$(marked) && [ -n "$p" ]; do kill -TERM $p; sleep 0.1; n=$((n + 1)); done
  n=0
  while [ $n -lt 20 ] && p=$(marked) && [ -n "$p" ]; do kill -KILL $p; sleep 0.1; n=$((n + 1)); done
} 2>/dev/null
own() {
  [ ! -L "$of" ] || { echo "$of is a link, and not followed" >&2; exit 1; }
  mkdir -p -- "$of" && chmod 700 "$of" && rm -f -- "$log" && : >"$log" || exit 1
  # A host's workspaces share one home, where the program keeps one tunnel and no more.
  [ "$1" = shared ] && export VSCODE_CLI_DATA_DIR="$of/code"
}
"""
_LOOK = f"""{_BEGIN}command -v code >/dev/null || exit {_MISSING}
if runs; then facts; exit {_RUNS}; fi
"""
# $2 the name, $3 whether the home is shared, $4 the work folder, $5 tenths of a second to wait.
_DETACH = f"""{_LOOK}own "$3"
name=$2
finish  # what a tunnel has left whose first process is gone
cd -- "$4" || exit 1
export AWL_TUNNEL_OF="$of" AWL_TUNNEL_NAME="$name"
setsid sh -c 'name=$1; export AWL_TUNNEL_PID=$$; exec {_PROGRAM}' awl "$name" \
  </dev/null >>"$log" 2>&1 &
first=$!
unset AWL_TUNNEL_OF AWL_TUNNEL_NAME
n=0
while [ $n -lt "$5" ]; do
  # It may fail right after these words.
  grep -q -e /login/device -e devicelogin -e vscode.dev/tunnel "$log" && {{ sleep 0.2; break; }}
  read -r line <"/proc/$first/stat" || break
  case $line in *") Z "*) break;; esac
  sleep 0.1
  n=$((n + 1))
done 2>/dev/null
read -r line <"/proc/$first/stat" 2>/dev/null || line=') Z '
case $line in
*") Z "*) wait $first; code=$?; finish; echo "ended $code";;
*) echo "pid $first";;
esac
cat -- "$log"
"""
# $2, where given: the mark of one call, whose tunnel and no other is meant.
_STOP = f"""{_BEGIN}[ $# -lt 2 ] || mark=AWL_TUNNEL_ID=$2
[ -n "$(marked)" ] || exit {_NOT_THERE}
facts
finish
[ -z "$(marked)" ]
"""
# $2 the name, $3 whether the home is shared, $4 the descriptor that shows what the program says.
# `tee` lets the interrupt pass, or the last words would be lost.
_ATTEND = f"""{_BEGIN}own "$3"
name=$2
eval "exec 3>&$4"
code=$({{ {{ {_PROGRAM} 2>&1 3>&- 4>&-; echo $? >&4; }} | tee -i -- "$log" >&3 4>&-; }} 4>&1)
exit "$code"
"""


class Tunnel(NamedTuple):
    """A tunnel: `status` is running, stopped or ended; `pid`, `log` and `login` are of the inside.

    `login` is the line of the log that says how to log in; `None` where there is none.
    """

    name: str
    status: str
    pid: int | None
    log: str
    login: str | None


def service_name(raw: str, source: str) -> str:
    """Return `raw` as the service takes it: at most 20 characters of `[a-z0-9-]`.

    Raises `ValueInvalid` where nothing is left.
    """
    name = _OTHER.sub("-", raw.lower()).strip("-")[:_LONGEST].strip("-")
    if not name:
        raise ValueInvalid(
            f"{source} {raw!r} leaves nothing of a tunnel's name",
            "a name is made of a-z, 0-9 and -; give one with --name, such as --name my-tunnel",
        )
    return name


def detach(executor: Executor, name: str, *, patience: float = PATIENCE) -> Tunnel:
    """Start a tunnel that goes on in the background, and wait until it says how to log in.

    Raises `TunnelRunning`, `ToolMissing`, and `AwlError` where it ends at once. Whatever
    interrupts this leaves no tunnel.
    """
    work, tenths = executor.path("work"), str(max(1, round(patience * 10)))
    words = (name, _home(executor), work, tenths)
    mark = os.urandom(12).hex()
    env = {"AWL_TUNNEL_ID": mark}
    try:
        done = _run(executor, _DETACH, *words, limit=patience + _LIMIT, env=env)
    except BaseException:
        with contextlib.suppress(AwlError):  # the error that led here is the one to report
            _run(executor, _STOP, mark)
        raise
    _refuse(executor, done)
    first, _, said = done.out.decode(errors="replace").partition("\n")
    word, _, number = first.partition(" ")
    if done.code != 0 or word not in {"pid", "ended"}:
        raise AwlError(f"the tunnel cannot be started: {done.words}")
    log = executor.path(LOG)
    if word == "ended":
        lines = [line for line in said.splitlines() if line.strip() and not line.startswith("*")]
        last = " ".join(lines[-2:]) or "it said nothing"
        raise AwlError(
            f"code tunnel ended with exit code {number}: {last}",
            f"read all that it said: {log}, in the workspace",
            details={"exit": int(number), "log": log},
        )
    return Tunnel(name, "running", int(number), log, _login(said))


def stop(executor: Executor) -> Tunnel:
    """End the detached tunnel with all that it started.

    Raises `TunnelNotFound`, and `AwlError` where something will not go.
    """
    done = _run(executor, _STOP)
    if done.code == _NOT_THERE:
        raise TunnelNotFound("no detached tunnel of this workspace runs")
    facts = _facts(done)
    pid = int(facts["pid"]) if "pid" in facts else None
    if done.code != 0:
        raise AwlError(f"the tunnel cannot be ended: {done.words}", "look for what is left: ps -ef")
    return Tunnel(facts.get("name", ""), "stopped", pid, executor.path(LOG), None)


def attend(executor: Executor, name: str, *, aside: bool) -> tuple[int, Tunnel]:
    """Run a tunnel on the launcher's own streams to its end; return its exit code and the rest.

    With `aside`, what it says goes to standard error. Raises as `detach` does.
    """
    _refuse(executor, _run(executor, _LOOK))
    shown = "2" if aside else "1"
    words = ("sh", "-c", _ATTEND, "awl", executor.path(OWN), name, _home(executor), shown)
    code = executor.execute(ExecSpec(command=words))
    log = executor.path(LOG)
    said = executor.run(("cat", "--", log), limit=_LIMIT).out.decode(errors="replace")
    return code, Tunnel(name, "ended", None, log, _login(said))


def _run(
    executor: Executor,
    script: str,
    *words: str,
    limit: float = _LIMIT,
    env: Mapping[str, str] | None = None,
) -> proc.Completed:
    argv = ("sh", "-c", script, "awl", executor.path(OWN), *words)
    return executor.run(argv, limit=limit, env=env)


def _home(executor: Executor) -> str:
    return "shared" if executor.sees_host else "own"


def _refuse(executor: Executor, done: proc.Completed) -> None:
    if done.code == _MISSING:
        raise ToolMissing(
            "there is no code in the workspace, so there can be no tunnel",
            "install the command line of Visual Studio Code where the workspace is:"
            " https://code.visualstudio.com/docs/remote/tunnels",
        )
    if done.code == _RUNS:
        facts = _facts(done)
        raise TunnelRunning(
            f"tunnel {facts.get('name', '?')} of this workspace runs already"
            f" (process {facts.get('pid', '?')}, log {executor.path(LOG)})",
            "end it: awl tunnel WORKSPACE --stop",
            details={"tunnel": facts},
        )


def _facts(done: proc.Completed) -> dict[str, str]:
    rows = (line.partition(" ") for line in done.text.splitlines())
    return {key: value for key, _, value in rows if key in {"pid", "name"}}


def _login(said: str) -> str | None:
    lines = (line.strip() for line in said.splitlines())
    return next((line for line in lines if _LOGIN.search(line)), None)
