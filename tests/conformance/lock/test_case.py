"""What an open case does for the suite, the same with the lock and without it."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from conformance.lock.client import LockError, Zygote

ENV = {"PATH": "/usr/bin:/bin"}


def test_a_program_gets_exactly_its_environment_folder_and_streams(case, box):
    reading, writing = os.pipe()
    child = case.spawn(
        ["env"], env={"PATH": "/usr/bin:/bin", "A": "é\udcff"}, cwd=box, stdout=writing
    )
    os.close(writing)
    assert child.wait(10) == 0
    with os.fdopen(reading, "rb") as seen:
        lines = set(seen.read().split(b"\n"))
    assert lines - {b"", b"PATH=/usr/bin:/bin"} == {b"A=\xc3\xa9\xff"}


def test_a_program_starts_with_default_signals_no_mask_and_no_other_descriptors(case, box, sh):
    seen = sh(case, "ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status; umask")
    count, _, blocked, _, ignored, mask = seen.stdout.split()
    # 0, 1, 2 and the one with which ls reads the folder
    assert (count, int(blocked, 16), mask) == (b"4", 0, b"0022")
    # The C library's posix_spawn ignores its own two, 32 and 33, which no program may use.
    assert int(ignored, 16) & ~(0b11 << 31) == 0


def test_exit_codes_and_signals_come_back(case, box):
    assert case.spawn(["sh", "-c", "exit 7"], env=ENV, cwd=box).wait(10) == 7
    child = case.spawn(["sleep", "60"], env=ENV, cwd=box)
    assert child.poll() is None
    assert child.signal(signal.SIGTERM)
    assert child.wait(10) == -signal.SIGTERM
    assert child.poll() == -signal.SIGTERM


def test_waiting_is_bounded(case, box):
    child = case.spawn(["sleep", "60"], env=ENV, cwd=box)
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="still runs after"):
        child.wait(0.05)
    assert time.monotonic() - started < 5


def test_a_signal_to_an_ended_program_reaches_nobody(case, box):
    child = case.spawn(["true"], env=ENV, cwd=box)
    child.wait(10)
    assert not child.signal(signal.SIGTERM)


def test_an_unknown_scope_is_refused(case, box):
    child = case.spawn(["sleep", "60"], env=ENV, cwd=box)
    with pytest.raises(ValueError, match="one, group or tree"):
        child.signal(signal.SIGTERM, "all")


@pytest.mark.parametrize("scope", ["one", "group", "tree"])
def test_a_signal_reaches_its_scope_and_no_more(case, box, scope):
    # A child in the same group, and one that is a session of its own.
    script = "sleep 61 & setsid sleep 62 & echo; wait; wait"
    reading, writing = os.pipe()
    child = case.spawn(["sh", "-c", script], env=ENV, cwd=box, stdout=writing)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    expected = {"one": {"61", "62"}, "group": {"62"}, "tree": set()}[scope]

    def sleeping() -> set[str]:
        return {process.argv[-1] for process in case.ps() if process.argv[0] == "sleep"}

    until(lambda: sleeping() == {"61", "62"})
    child.signal(signal.SIGKILL, scope)
    assert child.wait(10) == -signal.SIGKILL
    until(lambda: sleeping() == expected)


@pytest.mark.parametrize(
    ("argv", "cwd", "code"),
    [
        (["no-such-program"], None, errno.ENOENT),
        (["./missing"], None, errno.ENOENT),
        (["./plain"], None, errno.EACCES),
        (["plain"], None, errno.EACCES),
        (["./empty-format"], None, errno.ENOEXEC),
        (["true"], "missing", errno.ENOENT),
        (["true", "a\0b"], None, errno.EINVAL),
        (["true", "x" * 3_000_000], None, errno.E2BIG),
        ([""], None, errno.ENOENT),
    ],
)
def test_a_program_that_cannot_start_gives_the_errno_of_exec(case, box, argv, cwd, code):
    (box / "plain").write_text("not executable")
    (box / "empty-format").write_text("no format")
    (box / "empty-format").chmod(0o755)
    with pytest.raises(OSError, match=r".") as caught:
        case.spawn(argv, env={"PATH": f"/nowhere:{box}:/usr/bin:/bin"}, cwd=box / (cwd or ""))
    assert caught.value.errno == code
    # and the case goes on
    assert case.spawn(["true"], env=ENV, cwd=box).wait(10) == 0


def test_without_a_path_no_name_is_found(case, box):
    with pytest.raises(FileNotFoundError):
        case.spawn(["true"], env={}, cwd=box)


def test_an_empty_argv_is_refused(case, box):
    with pytest.raises(ValueError, match="empty argv"):
        case.spawn([], env=ENV, cwd=box)


def test_a_request_beyond_the_limit_is_refused_and_the_case_goes_on(case, box):
    with pytest.raises(ValueError, match="at most"):
        case.spawn(["true", "x" * 9_000_000], env=ENV, cwd=box)
    assert case.spawn(["true"], env=ENV, cwd=box).wait(10) == 0


def test_a_daemon_is_seen_and_dies_with_the_case(door, box):
    mark = f"6{os.getpid()}.5"
    script = f"setsid sh -c 'sleep {mark} >/dev/null 2>&1 &' >/dev/null 2>&1 &"
    with door.open_case(box) as case:
        assert case.spawn(["sh", "-c", script], env=ENV, cwd=box).wait(10) == 0
        until(lambda: [p.argv for p in case.ps()] == [("sleep", mark)])
        until(lambda: running(mark))
    assert not running(mark)


def test_kill_all_empties_the_case_and_leaves_it_open(case, box):
    child = case.spawn(["sleep", "60"], env=ENV, cwd=box)
    case.kill_all()
    assert case.ps() == ()
    assert child.poll() == -signal.SIGKILL
    assert case.spawn(["true"], env=ENV, cwd=box).wait(10) == 0


def test_a_program_that_forks_away_from_its_killer_does_not_get_away(door, box):
    if not door.locked:
        pytest.skip("only a pid namespace can be killed at one stroke")
    runner = "import os\nwhile True:\n    if os.fork():\n        os._exit(0)\n    os.setsid()\n"
    with door.open_case(box) as case:
        case.spawn([sys.executable, "-IS", "-c", runner], env=ENV, cwd=box).wait(10)
        case.kill_all()
        assert case.ps() == ()


def test_cases_of_one_zygote_do_not_see_each_other(locked, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with locked.open_case(one) as first, locked.open_case(two) as second:
        first.spawn(["sleep", "60"], env=ENV, cwd=one)
        assert len(first.ps()) == 1
        assert second.ps() == ()
        code = second.spawn(["touch", f"{one}/x"], env=ENV, cwd=two).wait(10)
        assert code == 1
    assert not any(one.iterdir())


def test_closing_twice_is_fine_and_a_closed_case_says_so(door, box):
    case = door.open_case(box)
    case.close()
    case.close()
    with pytest.raises(LockError, match="open the case anew"):
        case.spawn(["true"], env=ENV, cwd=box)


def test_a_zygote_that_is_not_started_says_so(box):
    with pytest.raises(LockError, match="call start"):
        Zygote().open_case(box)


@pytest.mark.parametrize(
    ("place", "words"),
    [("/", "the whole machine"), ("/dev/shm", "made anew"), ("/etc/passwd", "not a folder")],
)
def test_a_sandbox_in_the_wrong_place_is_refused(locked, place, words):
    with pytest.raises(ValueError, match=words):
        locked.open_case(Path(place))


def test_a_sandbox_that_would_be_covered_is_refused(locked, box):
    with pytest.raises(ValueError, match="would be covered"):
        locked.open_case(box, hidden=[box.parent])


def test_a_missing_sandbox_is_an_error(locked, box):
    with pytest.raises(FileNotFoundError):
        locked.open_case(box / "missing")


def test_a_further_folder_can_be_writable_and_others_hidden(locked, tmp_path, box, sh):
    extra, secret, file = tmp_path / "extra", tmp_path / "secret", tmp_path / "file"
    extra.mkdir()
    secret.mkdir()
    (secret / "key").write_text("k")
    file.write_text("hidden words")
    with locked.open_case(box, writable=[extra], hidden=[secret, file, tmp_path / "no"]) as case:
        seen = sh(case, f"echo x > {extra}/x; ls -A {secret}; cat {file}; echo y > {secret}/y")
    assert seen.stdout == b""
    assert (extra / "x").read_text() == "x\n"
    assert sorted(path.name for path in secret.iterdir()) == ["key"]


def test_the_zygote_survives_a_case_that_cannot_be_opened(locked, box, tmp_path, sh):
    gone = tmp_path / "gone"
    with pytest.raises(LockError, match="mount"):
        locked._open([gone], [])
    with locked.open_case(box) as case:
        assert sh(case, "echo fine").stdout == b"fine\n"


def until(condition, seconds: float = 10) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come true in time"
        time.sleep(0.01)


def running(mark: str) -> list[int]:
    """Pids of this machine whose arguments hold ``mark``."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
