"""Oracle on secrets: what was planted is seen nowhere (SEC-1)."""

from collections.abc import Iterator

from conformance.evidence import Evidence
from conformance.results import Check

__all__ = ["secret_seen"]


def secret_seen(evidence: Evidence) -> Iterator[Check]:
    """No planted secret on stdout, on stderr, or in the arguments of an engine call.

    A step whose own command line holds the secret may still not repeat it. Only a command told to
    print it (``exec … printenv``) names it in what it expects of stdout.
    """
    wanted = evidence.step.expect.stdout
    printed = (wanted.equals or "") + "".join(wanted.contains or ()) if wanted else ""
    places = {"stderr": evidence.stderr}
    places["engine call"] = "\n".join(" ".join(call.argv) for call in evidence.calls)
    places["stdout"] = evidence.stdout
    for secret in evidence.secrets:
        for place, text in places.items():
            if secret in text and not (place == "stdout" and secret in printed):
                shown = text.replace(secret, "<the planted secret>")[:400]
                yield Check("secrets", False, f"the planted secret is not in {place}", shown)
