"""`auth gpg`: a secret key where the workspace is, and git there that signs with it (AUTH-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awl import proc
from awl.auth.delivery import Handed, Setting, finish, settle
from awl.errors import AwlError, CredentialsMissing, ToolMissing, ValueInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awl.executor import Executor

__all__ = ["hand"]

#: Seconds for a look at the keyring, and for an export that asks a person for a passphrase.
_LOOK_LIMIT = 30.0
_EXPORT_LIMIT = 120.0
_GPG = ("gpg", "--batch", "--no-tty")
# $1 is the fingerprint; the key itself comes by standard input. The agent that gpg starts for it is
# not needed any more, and would outlive this call.
_IMPORT = """command -v gpg >/dev/null || exit 127
umask 077
home=${GNUPGHOME:-$HOME/.gnupg}
mkdir -p -- "$home" && chmod 700 "$home" || exit 1
gpg --batch --no-tty --quiet --import &&
  printf '%s:6:\\n' "$1" | gpg --batch --no-tty --quiet --import-ownertrust &&
  gpg --batch --no-tty --list-secret-keys -- "$1" >/dev/null
code=$?
gpgconf --kill gpg-agent
exit $code
"""


class _Key(NamedTuple):
    fingerprint: str
    signing: str  # as git is to name it


def hand(executor: Executor, environment: Mapping[str, str], key: str | None) -> Handed:
    """Have git in the workspace sign commits and tags with a secret key of the person.

    The key is `key`, else `AGENT_WORKSPACE_GPG_KEY`, else git's `user.signingkey`. It is exported
    and imported where the workspace is; a workspace of the host has the person's own keyring, so
    that there is nothing to carry. Raises `CredentialsMissing`, `ToolMissing` and `ValueInvalid`.
    """
    source, wanted = _wanted(environment, key)
    if proc.on_path("gpg", environment) is None:
        raise ToolMissing("gpg is not installed on this machine", "install gpg (GnuPG)")
    found = _look_up(environment, wanted)
    if not executor.sees_host:
        secret = _export(environment, wanted, found)
        words = ("sh", "-c", _IMPORT, "awl", found.fingerprint)
        done = executor.run(words, limit=_EXPORT_LIMIT, stdin=secret)
        finish(done, "import the key", "gpg")
    target = settle(
        executor,
        (
            Setting("gpg.format", "openpgp"),
            Setting("user.signingkey", found.signing),
            Setting("commit.gpgsign", "true"),
            Setting("tag.gpgsign", "true"),
        ),
    )
    return Handed("gpg", source, target)


def _wanted(environment: Mapping[str, str], key: str | None) -> tuple[str, str]:
    if key is not None:
        if not key.strip() or not key.isprintable():
            raise ValueInvalid(
                f"--key is {key!r}, which is not a key", "such as --key me@example.org"
            )
        return "keyring", key
    if named := environment.get("AGENT_WORKSPACE_GPG_KEY"):
        return "keyring", named
    try:
        format_ = _git_setting(environment, "gpg.format")
        named = _git_setting(environment, "user.signingkey")
    except proc.ProgramMissing as error:
        raise ToolMissing(error.message, *error.hint) from None
    if named and format_ in {"", "openpgp"}:
        return "keyring", named
    reason = f"is for {format_}" if named else "is not set"
    raise CredentialsMissing(
        "no key was named: there is neither --key nor AGENT_WORKSPACE_GPG_KEY,"
        f" and git's user.signingkey {reason}",
        "see which there are: gpg --list-secret-keys",
        "then: awl auth gpg WORKSPACE --key FINGERPRINT",
    )


def _git_setting(environment: Mapping[str, str], name: str) -> str:
    return proc.run(("git", "config", "--get", name), env=environment, limit=_LOOK_LIMIT).text


def _look_up(environment: Mapping[str, str], wanted: str) -> _Key:
    words = (*_GPG, "--with-colons", "--fixed-list-mode", "--list-secret-keys", "--", wanted)
    done = proc.run(words, env={**environment, "LC_ALL": "C.UTF-8"}, limit=_LOOK_LIMIT)
    rows = [line.split(":") for line in done.out.decode(errors="replace").splitlines()]
    # The first fingerprint after each `sec` is the primary key's (doc/DETAILS of GnuPG).
    primary = [
        next(after[9] for after in rows[at:] if after[0] == "fpr")
        for at, row in enumerate(rows)
        if row[0] == "sec"
    ]
    if done.code != 0 or not primary:
        raise CredentialsMissing(
            f"the keyring has no secret key {wanted}",
            "see which there are: gpg --list-secret-keys",
        )
    if len(primary) > 1:
        raise ValueInvalid(
            f"{wanted!r} is not one key but {len(primary)}: {', '.join(primary)}",
            f"say which one: --key {primary[0]}",
            details={"keys": primary},
        )
    # `KEY!` means exactly this subkey, to git as to gpg.
    return _Key(primary[0], wanted if wanted.endswith("!") else primary[0])


def _export(environment: Mapping[str, str], wanted: str, key: _Key) -> bytes:
    exact = wanted if wanted.endswith("!") else key.fingerprint
    try:
        done = proc.run(
            (*_GPG, "--export-secret-keys", "--", exact), env=environment, limit=_EXPORT_LIMIT
        )
    except proc.TimeLimitReached:
        raise AwlError(
            f"gpg has waited {_EXPORT_LIMIT:g} s for the passphrase of {key.fingerprint}",
            "give it once where gpg can ask, then again:"
            f" gpg --export-secret-keys {key.fingerprint} >/dev/null",
        ) from None
    if done.code != 0 or not done.out:
        said = " ".join(done.err.decode(errors="replace").split())
        raise CredentialsMissing(
            f"gpg does not export the secret key {key.fingerprint}: {said or 'it gave nothing'}",
            f"try it by hand: gpg --export-secret-keys {key.fingerprint} >/dev/null",
        )
    return done.out
