"""What stands between a client and standard error."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

_HEAD = b"Error response from daemon: "
_SIGN = b"\1sign\n"
# Writes the parts given to it one after the other; says what was held and whether the sign came.
_SCRIPT = """
import os, sys, time
from awl.supervise import Gate
parts = [os.fsencode(word) for word in sys.argv[1:]]
gate = Gate((b"Error response from daemon: ",), b"\\1sign\\n")
child = os.dup(gate.entrance)
gate.open()
for part in parts:
    os.write(child, part)
    time.sleep(0.05)
os.close(child)
held = gate.close()
print(repr((held, gate.passed)))
"""


@pytest.mark.parametrize(
    ("parts", "shown", "held", "passed"),
    [
        ([], b"", b"", False),
        ([_SIGN, b"err"], b"err", b"", True),
        ([_SIGN[:3], _SIGN[3:], b"err"], b"err", b"", True),
        ([b"WARNING: x\n" + _SIGN[:2], _SIGN[2:] + b"err"], b"WARNING: x\nerr", b"", True),
        ([_SIGN + _HEAD + b"mine"], _HEAD + b"mine", b"", True),
        ([_SIGN, _SIGN], _SIGN, b"", True),
        ([_HEAD + b"no\n"], b"", _HEAD + b"no\n", False),
        ([b"plain \1", b"si"], b"plain \1si", b"", False),
        ([_SIGN[:3]], b"", _SIGN[:3], False),
    ],
)
def test_the_sign_is_taken_out_and_the_clients_words_are_held(
    parts: list[bytes], shown: bytes, held: bytes, passed: bool
) -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT, *parts], capture_output=True, timeout=30)
    assert (done.stderr, done.stdout.decode().strip()) == (shown, repr((held, passed)))


def test_other_words_are_not_kept_waiting() -> None:
    argv = [sys.executable, "-c", _SCRIPT.replace("0.05", "3"), b"at once"]
    started = time.monotonic()
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as call:
        assert call.stderr is not None
        assert os.read(call.stderr.fileno(), 100) == b"at once"
        assert time.monotonic() - started < 2.5
        call.kill()
