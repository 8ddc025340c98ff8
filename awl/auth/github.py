"""`auth github`: a token, and git in the workspace that uses it (AUTH-1, AUTH-5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from awl import config, proc
from awl.auth.delivery import Handed, Setting, deliver, settle
from awl.credentials import AUTH
from awl.errors import AwlError, CredentialsMissing, ValueInvalid
from awl.redact import remember

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awl.executor import Executor

__all__ = ["POLICIES", "Host", "hand", "parse_host"]

#: What `AGENT_WORKSPACE_AUTH` may say.
POLICIES = ("auto", "gh", "env", "none")
_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
_GH_LIMIT = 20.0
_HOST = re.compile(
    r"(?:(?P<scheme>https?)://)?"
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(?P<port>[0-9]{1,5}))?/?"
)
_TOKEN = re.compile(r"[\x21-\x7e]+")
# GitHub takes any user name with a token; this is the one that it uses for its own.
_HELPER = (
    '!f() {{ test "$1" = get && test -r {path} && echo username=x-access-token &&'
    " printf password= && cat {path}; }}; f"
)


class Host(NamedTuple):
    """A host as git has it: `http` only where the person has said so."""

    scheme: str
    name: str

    @property
    def url(self) -> str:
        """The beginning of the URLs of its repositories."""
        return f"{self.scheme}://{self.name}"


def hand(executor: Executor, environment: Mapping[str, str], host: str | None) -> Handed:
    """Find the token of `host` and have git in the workspace use it there.

    Raises `ValueInvalid` for a bad host or policy and `CredentialsMissing` where no token is found.
    """
    wanted = parse_host(host, environment)
    source, token = _find(wanted, environment)
    target = deliver(executor, AUTH, f"github/{wanted.name}", f"{token}\n".encode())
    key = f"credential.{wanted.url}.helper"
    helper = _HELPER.format(path=_quoted(target))
    # The empty helper forgets those before it: none of the person's is told the token.
    settle(executor, (Setting(key, ""), Setting(key, helper, more=True)))
    return Handed("github", source, target)


def parse_host(given: str | None, environment: Mapping[str, str]) -> Host:
    """Return the host that was given, else that of `OWNER/REPO`; raises `ValueInvalid`."""
    text = config.github_host(environment) if given is None else given
    origin = "GITHUB_HOST" if given is None else "--host"
    found = _HOST.fullmatch(text)
    if found is None or not 0 < int(found["port"] or 443) < 65536:
        raise ValueInvalid(
            f"{origin} is {text!r}, which is not a host",
            "a host is NAME or NAME:PORT, such as github.com; http://NAME only without encryption",
        )
    port = f":{found['port']}" if found["port"] else ""
    return Host(found["scheme"] or "https", f"{found['name'].lower()}{port}")


def _find(host: Host, environment: Mapping[str, str]) -> tuple[str, str]:
    policy = _policy(environment)
    reasons = []
    if policy in {"auto", "gh"}:
        token, reason = _from_gh(host, environment)
        if token:
            return "gh", _checked(token, "gh")
        reasons.append(reason)
    if policy in {"auto", "env"}:
        for name in _TOKENS:
            if token := environment.get(name, "").strip():
                return "env", _checked(token, name)
        reasons.append(f"{' and '.join(_TOKENS)} are not set")
    if policy == "none":
        reasons.append("AGENT_WORKSPACE_AUTH is none, so none was looked for")
    raise CredentialsMissing(
        f"no token for {host.name}: {'; '.join(reasons)}",
        f"log in, then again: gh auth login --hostname {host.name}",
        "or put a token in GH_TOKEN (with AGENT_WORKSPACE_AUTH=auto or env)",
    )


def _policy(environment: Mapping[str, str]) -> str:
    text = environment.get("AGENT_WORKSPACE_AUTH") or POLICIES[0]
    if (policy := text.strip().lower()) in POLICIES:
        return policy
    import difflib

    near = difflib.get_close_matches(policy, POLICIES, 1)
    raise ValueInvalid(
        f"AGENT_WORKSPACE_AUTH is {text!r}, which is none of {', '.join(POLICIES)}",
        *(f"did you mean {match}?" for match in near),
    )


def _from_gh(host: Host, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the token that gh keeps, or nothing and the reason."""
    # gh prefers these to what it keeps itself, and then the answer would not be its own.
    own = {name: value for name, value in environment.items() if name not in _TOKENS}
    if proc.on_path("gh", own) is None:
        return "", "gh is not installed"
    try:
        done = proc.run(("gh", "auth", "token", "--hostname", host.name), env=own, limit=_GH_LIMIT)
    except AwlError as error:
        return "", error.message
    token = done.text.strip()
    remember(token)  # also where gh has failed: nobody knows what it said then
    if done.code != 0 or not token:
        said = " ".join(done.err.decode(errors="replace").split())
        return "", f"gh has none ({said or f'exit code {done.code}'})"
    return token, ""


def _checked(token: str, source: str) -> str:
    remember(token)
    if not _TOKEN.fullmatch(token):
        raise CredentialsMissing(
            f"what {source} holds is not a token: it has white space or odd characters in it",
            "see what you have put there; a token is one word",
        )
    return token


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)
