"""Run shellcheck on every shell script that git knows, found by its first line or its name."""

import subprocess
import sys
from pathlib import Path

_SHELLS = {b"sh", b"bash", b"env sh", b"env bash"}


def main() -> int:
    """Return shellcheck's exit code, 1 where no script was found (a check of nothing is none)."""
    listing = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True, text=True)
    scripts = []
    for name in filter(None, listing.stdout.split("\0")):
        path = Path(name)
        if path.is_file():
            with path.open("rb") as file:
                first = file.readline(100)
            words = first.removeprefix(b"#!").strip().rpartition(b"/")[2]
            if path.suffix == ".sh" or (first.startswith(b"#!") and words in _SHELLS):
                scripts.append(name)
    if not scripts:
        print("shellcheck: no shell script found", file=sys.stderr)
        return 1
    print(f"shellcheck: {len(scripts)} scripts")
    return subprocess.run(["shellcheck", "-x", *scripts], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
