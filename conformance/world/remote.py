"""Real git remotes for the cases: bare repositories, and a smart HTTP server for them on loopback.

The repositories hold what launchers get wrong in practice: a default branch that is not ``main``
(beside a ``main`` that says something else), tags, a submodule, a file of several megabytes,
paths with unicode and spaces, the same repository name under two owners, and a deeper path.
They are written with ``git fast-import`` and fixed dates, so every run has the same commits.

``python -m conformance.world.remote ROOT ADDRESS…`` serves ROOT until its standard input closes and
prints one JSON line, ``{"ports": {"127.0.0.1": 40123}}``.
"""

import base64
import contextlib
import hmac
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

__all__ = ["BIG_FILE_SIZE", "RemoteServer", "build_repositories", "serve"]

BIG_FILE_SIZE = 4 * 1024 * 1024
_WHO = "Conformance <conformance@example.invalid> 1700000000 +0000"
# A request body larger than any fetch negotiation of these small repositories.
_MAX_BODY = 8 * 1024 * 1024
_BACKEND_SECONDS = 60

_GIT_ENV = {
    "PATH": os.defpath + ":/usr/local/bin",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


def _data(payload: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(payload), payload)


def _commit(ref: str, message: str, files: dict[str, bytes], parent: str | None = None) -> bytes:
    """One fast-import commit on ``ref``; a file's value ``b"link:SHA"`` makes it a submodule."""
    out = [f"commit refs/heads/{ref}\ncommitter {_WHO}\n".encode(), _data(message.encode())]
    if parent:
        out.append(f"from refs/heads/{parent}\n".encode())
    for name, content in files.items():
        if content.startswith(b"link:"):
            out.append(f"M 160000 {content[5:].decode()} {name}\n".encode())
        else:
            out.append(f'M 100644 inline "{name}"\n'.encode() + _data(content))
    return b"".join(out)


def _tag(name: str, branch: str) -> bytes:
    header = f"tag {name}\nfrom refs/heads/{branch}\ntagger {_WHO}\n"
    return header.encode() + _data(b"release " + name.encode())


def _repository(root: Path, name: str, head: str, stream: bytes) -> str:
    """Make the bare repository ``root/name.git`` from a stream; return HEAD's commit."""
    path = root / f"{name}.git"
    path.mkdir(parents=True)

    def git(*args: str, data: bytes = b"") -> str:
        done = subprocess.run(
            ["git", "-C", str(path), *args],
            input=data,
            capture_output=True,
            check=True,
            env=_GIT_ENV,
            timeout=60,
        )
        return done.stdout.decode().strip()

    git("init", "--quiet", "--bare", f"--initial-branch={head}", ".")
    if not stream:
        return ""
    git("fast-import", "--quiet", data=stream + b"done\n")
    # Commits may be asked for by id (create --ref COMMIT), as the large hosts allow.
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    git("config", "http.receivepack", "true")
    return git("rev-parse", f"refs/heads/{head}")


def build_repositories(root: Path) -> dict[str, str]:
    """Write the bare repositories below ``root``; return name -> commit of the default branch."""
    heads = {}
    tool = b"".join(
        [
            _commit("trunk", "start", {"README.md": b"tool\n", "src/app.py": b"print('tool')\n"}),
            _tag("v1", "trunk"),
            _commit("main", "a branch called main is not the default", {"MAIN": b"not default\n"}),
            _commit("trunk", "second", {"branch.txt": b"trunk\n", "ünï/cödé ✓.txt": b"unicode\n"}),
            _commit("feature/x", "feature", {"branch.txt": b"feature\n"}, parent="trunk"),
        ]
    )
    heads["acme/tool"] = _repository(root, "acme/tool", "trunk", tool)
    other = _commit("main", "other", {"README.md": b"other tool\n"})
    heads["other/tool"] = _repository(root, "other/tool", "main", other)
    library = _commit("main", "library", {"lib.txt": b"library\n"})
    heads["acme/lib"] = _repository(root, "acme/lib", "main", library)
    modules = b'[submodule "lib"]\n\tpath = lib\n\turl = ../lib.git\n'
    parent = _commit(
        "main", "super", {".gitmodules": modules, "lib": b"link:" + heads["acme/lib"].encode()}
    )
    heads["acme/super"] = _repository(root, "acme/super", "main", parent)
    block = bytes(range(256)) * 4096
    big = _commit("main", "big", {"big.bin": block * (BIG_FILE_SIZE // len(block))})
    heads["acme/big"] = _repository(root, "acme/big", "main", big)
    deep = _commit("main", "deep", {"deep.txt": b"deep\n"})
    heads["group/sub/deep"] = _repository(root, "group/sub/deep", "main", deep)
    # Behind basic authentication on the server: the password is the run's canary.
    secret = _commit("main", "secret", {"secret.txt": b"secret\n"})
    heads["private/secret"] = _repository(root, "private/secret", "main", secret)
    return heads


class _Handler(http.server.BaseHTTPRequestHandler):
    """Hands each request to ``git http-backend``; paths under /private/ want a password."""

    protocol_version = "HTTP/1.1"
    root: Path
    password: str

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stay silent: the server shares the run's standard error."""

    def _authorised(self) -> bool:
        if not self.path.startswith("/private/"):
            return True
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        with contextlib.suppress(ValueError):
            _, _, password = base64.b64decode(token).decode().partition(":")
            return hmac.compare_digest(password, self.password)
        return False

    def _serve(self) -> None:
        if not self._authorised():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="conformance"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self._body()
        if body is None:
            self.send_error(413)
            return
        environment = {
            **_GIT_ENV,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_USER": "conformance",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            # The repositories may belong to another user than the one who runs the suite.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        answer = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=False,
            env=environment,
            timeout=_BACKEND_SECONDS,
        ).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        fields = [line.partition(": ") for line in head.decode("latin-1").split("\r\n") if line]
        status = next((value for name, _, value in fields if name.lower() == "status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, _, value in fields:
            if name.lower() not in {"status", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts: list[bytes] = []
            while size := int(self.rfile.readline(64), 16):
                if sum(map(len, parts)) + size > _MAX_BODY:
                    return None
                parts.append(self.rfile.read(size))
                self.rfile.readline(8)
            return b"".join(parts)
        size = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(size) if size <= _MAX_BODY else None

    do_GET = _serve  # noqa: N815 - the base class looks the methods up by these names
    do_POST = _serve  # noqa: N815


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away: cases kill theirs on purpose."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def serve(root: Path, addresses: list[str], password: str) -> None:
    """Serve the repositories below ``root`` until standard input closes."""
    ports: dict[str, int] = {}
    for address in addresses:
        handler = type("Handler", (_Handler,), {"root": root, "password": password})
        server = _Server((address, 0), handler)
        ports[address] = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"ports": ports}) + "\n")
    sys.stdout.flush()
    while sys.stdin.read(4096):
        pass


class RemoteServer:
    """The git server of one run, in a process of its own.

    ``url(address)`` is the base URL, such as ``http://127.0.0.1:40123``.
    """

    def __init__(self, root: Path, addresses: tuple[str, ...], password: str) -> None:
        # The password goes by the environment: the command line is visible to everyone.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "conformance.world.remote", str(root), *addresses],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "AWL_CONFORMANCE_PASSWORD": password},
            cwd=Path(__file__).resolve().parents[2],
            # Ctrl-C is for the run, which closes the server when it ends.
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - PIPE was asked for
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"the git server did not start on {', '.join(addresses)}")
        self.ports: dict[str, int] = json.loads(line)["ports"]

    def url(self, address: str) -> str:
        """The base URL on one of the addresses given at the start."""
        return f"http://{address}:{self.ports[address]}"

    def close(self) -> None:
        """Stop the server; it ends by itself too when the run dies."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2:], os.environ["AWL_CONFORMANCE_PASSWORD"])
