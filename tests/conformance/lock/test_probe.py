"""The probe says whether the lock holds, and is right in both directions."""

from __future__ import annotations

import os
import sys

import pytest

from conformance.lock.client import LockError, NoLock, Zygote
from conformance.lock.probe import probe


def test_the_lock_holds_here(tmp_path):
    report = probe(tmp_path)
    assert (report.holds, report.reason) == (True, "")
    assert len(report.checks) >= 12
    assert list(tmp_path.iterdir()) == []


def test_each_way_of_having_the_lock_holds(locked, tmp_path):
    report = probe(tmp_path, locked)
    assert report.holds, report.reason


def test_without_the_lock_the_probe_sees_it_and_leaves_nothing(zygotes, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    report = probe(tmp_path, zygotes("none"))
    assert not report.holds
    assert "the lock does not hold here" in report.reason
    failed = {check.name for check in report.checks if not check.holds}
    assert {
        "change a file outside",
        "see an outside process",
        "signal an outside process",
        "an outside process lives on",
        f"write in {tmp_path}",
    } <= failed
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_had_is_a_report_not_an_exception(tmp_path, monkeypatch):
    monkeypatch.setattr(Zygote, "_modes", ("no-such-mode",))
    report = probe(tmp_path)
    assert not report.holds
    assert "this kernel does not give the lock" in report.reason


def test_the_reasons_of_the_kernel_are_passed_on(box):
    """Inside a locked case the lock cannot be had by root's own means: no capability for it."""

    class Plain(Zygote):
        _modes = ("plain",)

    if os.geteuid() == 0:
        program = (
            "from conformance.lock.client import Zygote; "
            "Zygote._modes = ('plain',); Zygote().start()"
        )
        with Zygote() as zygote, zygote.open_case(box) as case:
            reading, writing = os.pipe()
            root = __file__.rsplit("/tests/", 1)[0]
            child = case.spawn(
                [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); {program}"],
                env={},
                cwd=box,
                stderr=writing,
            )
            os.close(writing)
            assert child.wait(20) == 1
            with os.fdopen(reading) as words:
                assert "unshare <New.MOUNTS" in words.read()
    else:
        with pytest.raises(LockError, match="unshare"):
            Plain().start()


def test_a_user_without_a_home_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "~")
    with NoLock() as zygote:
        assert not probe(tmp_path, zygote).holds
