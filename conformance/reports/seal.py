"""Signatures: a detached HMAC over a report, for those who share a secret.

A digest shows that a report agrees with itself. That it comes from whom it says takes a key: the
signer's CI has it, and so has whoever verifies. The signature stands beside the report
(``report.json.sig``), so that the report itself stays reproducible.
"""

import hashlib
import hmac
from pathlib import Path

__all__ = ["SignatureError", "check", "read_key", "sign"]

_FORM = "hmac-sha256"
_SHORTEST = 16


class SignatureError(ValueError):
    """A key or a signature that cannot be used, or that does not fit."""


def read_key(path: Path) -> bytes:
    """The key in a file, outer white space taken off; SignatureError where it is too short."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise SignatureError(f"--key {path}: {error.strerror}") from error
    if len(key) < _SHORTEST:
        raise SignatureError(f"--key {path}: {len(key)} bytes, expected {_SHORTEST} or more")
    return key


def signature_of(report: Path) -> Path:
    """Where the signature of a report stands."""
    return report.with_name(f"{report.name}.sig")


def sign(report: Path, key: bytes) -> Path:
    """Write the signature of a report beside it; its path."""
    path = signature_of(report)
    path.write_text(f"{_FORM} {_mac(report, key)}\n", encoding="ascii")
    return path


def check(report: Path, key: bytes) -> None:
    """Raise SignatureError unless the signature beside a report is that of this key."""
    path = signature_of(report)
    try:
        form, _, found = path.read_text(encoding="ascii").strip().partition(" ")
    except (OSError, UnicodeDecodeError) as error:
        raise SignatureError(f"no signature: {path}: {error}") from error
    if form != _FORM:
        raise SignatureError(f"{path}: a signature of another form than {_FORM}")
    if not hmac.compare_digest(found, _mac(report, key)):
        raise SignatureError(f"{path}: not the signature of this report with this key")


def _mac(report: Path, key: bytes) -> str:
    return hmac.new(key, report.read_bytes(), hashlib.sha256).hexdigest()
