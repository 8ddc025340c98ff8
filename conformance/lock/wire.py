"""The messages between suite, zygote and keeper: one JSON object each, with descriptors beside it.

A message is a length (4 bytes, big endian, at most ``LIMIT``) and UTF-8 JSON; descriptors travel
with the length. Both ends trust each other: no program of a case ever holds such a socket.
"""

from __future__ import annotations

import array
import json
import os
import socket
from typing import Any

__all__ = ["LIMIT", "Message", "receive", "send"]

Message = dict[str, Any]

LIMIT = 8 * 1024 * 1024
_FDS_MAX = 8


def send(channel: socket.socket, message: Message, fds: list[int] | None = None) -> None:
    """Send ``message`` with ``fds``. ``ValueError`` if it is too large, OSError from the socket."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    if len(body) > LIMIT:
        raise ValueError(f"a message of {len(body)} bytes: the lock takes at most {LIMIT}")
    head = len(body).to_bytes(4, "big")
    if fds:
        socket.send_fds(channel, [head], fds)
        channel.sendall(body)
    else:
        channel.sendall(head + body)


def receive(channel: socket.socket) -> tuple[Message, list[int]]:
    """The next message and its descriptors (the caller owns them; close-on-exec).

    ``EOFError`` where the other side has gone, ``TimeoutError`` after the socket's own time limit.
    """
    fds = array.array("i")
    space = socket.CMSG_SPACE(_FDS_MAX * fds.itemsize)
    head, extra, _, _ = channel.recvmsg(4, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    try:
        message = _body(channel, head)
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise
    return message, list(fds)


def _body(channel: socket.socket, head: bytes) -> Message:
    if not head:
        raise EOFError("the other side of the lock has gone")
    length = int.from_bytes(head + _exactly(channel, 4 - len(head)), "big")
    if length > LIMIT:
        raise ValueError(f"a message of {length} bytes: the lock takes at most {LIMIT}")
    message: Message = json.loads(_exactly(channel, length))
    return message


def _exactly(channel: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = channel.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise EOFError("the other side of the lock has gone in the middle of a message")
        parts += part
    return bytes(parts)
