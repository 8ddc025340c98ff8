"""dockerd is killed in the middle of a call: a clear error, nothing lost, `ls` tells the truth."""

from __future__ import annotations

import json
import subprocess

import pytest

from .conftest import Daemon, Person

pytestmark = pytest.mark.engine

# Kills the daemon, once, where the client is called with $word: before it, or while it runs.
BEFORE = """case " $* " in *" {word} "*)
  [ -e {mark} ] || {{ : >{mark}; kill -KILL {pid}; sleep 0.3; }};;
esac
exec "$docker" "$@"
"""
WITHIN = """case " $* " in *" {word} "*)
  if [ ! -e {mark} ]; then
    : >{mark}
    "$docker" "$@" & client=$!
    sleep {after}; kill -KILL {pid}
    wait $client; exit $?
  fi;;
esac
exec "$docker" "$@"
"""


def kill_at(person: Person, daemon: Daemon, form: str, word: str, after: str = "0") -> None:
    assert daemon.process is not None
    mark = person.home.parent / "mark"
    mark.unlink(missing_ok=True)
    person.stand_in(form.format(word=word, mark=mark, pid=daemon.process.pid, after=after))


def test_a_daemon_that_dies_in_create_and_in_exec(daemon: Daemon) -> None:
    """One story, since a daemon takes ten seconds to start with its image."""
    person = Person(daemon.folder / "p", daemon)
    made = person.awl("create", "--name", "keep", "--no-work-repos", "--no-pull")
    assert made.code == 0, made.err
    assert person.awl("exec", "keep", "sh", "-c", "echo precious >/work/x; sync").code == 0

    for form, word, after in (
        (WITHIN, "run", "0.05"),
        (WITHIN, "run", "0.3"),
        (BEFORE, "exec", ""),
    ):
        kill_at(person, daemon, form, word, after)
        words = ("create", "--name", "new", "--no-pull", "--json")
        said = person.awl(*words, *_repository(person))
        assert (said.code, said.out) == (7, ""), said
        assert json.loads(said.err)["error"]["code"] == "engine-unreachable"
        assert "Traceback" not in said.err
        person.stand_aside()
        assert person.awl("ls").code == 7
        daemon.kill()
        daemon.start()
        listed = person.awl("ls", "--json")
        names = [row["name"] for row in json.loads(listed.out)["workspaces"]]
        assert names == ["keep"], listed
        # What was half made is named, or there is nothing of it; either way the name is free.
        left = daemon.docker("ps", "-aq", "--filter", "label=awl.workspace=new").out.split()
        assert ("half made" in listed.err) == bool(left)
        again = person.awl("create", "--name", "new", "--no-pull", "--no-work-repos")
        assert again.code == 0, again.err
        assert person.awl("rm", "new", "--yes").code == 0
        assert person.awl("exec", "keep", "cat", "/work/x").out == "precious\n"
        assert daemon.docker("volume", "ls", "-q").out.count("-new-") == 0

    child = subprocess.Popen(
        person.argv("exec", "keep", "sh", "-c", "echo on; exec sleep 60"),
        env=person.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "on\n"
        daemon.kill()
        _, err = child.communicate(timeout=30)
    assert child.returncode == 125, err
    assert "error[engine-unreachable]" in err
    daemon.start()
    status = json.loads(person.awl("ls", "--json").out)["workspaces"][0]["status"]
    running = daemon.docker("ps", "--format", "{{.Names}}").out.split()
    assert status == ("running" if running else "stopped")
    assert person.awl("exec", "keep", "cat", "/work/x").out == "precious\n"


def _repository(person: Person) -> list[str]:
    """A repository of this machine: it is carried in by several calls of exec."""
    path = person.home / "repo"
    if not path.exists():
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(path)]
        subprocess.run(["git", "init", "-q", str(path)], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    return [str(path)]
