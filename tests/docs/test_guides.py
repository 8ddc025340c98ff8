"""Every example of the guides and of the README's first minute is run, and prints what it shows.

A guide is one session of a shell (`conftest.py`): its commands run in order, in one home.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance import resources
from conformance.catalogue.matrix import expand, load_suite, select
from tests.docs.examples import examples, fences, matches

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
REQUIRED = (
    *("install", "quickstart", "create", "exec", "rm", "reset", "auth", "tunnel", "sync"),
    *("lifecycle", "shell", "troubleshooting", "reference", "migration", "your-launcher"),
)
#: What a guide lists and does not run: files to write, not commands.
LISTINGS = frozenset({"ini", "yaml", "json"})
ENGINE = "console engine"

Play = Callable[..., list[str]]


def check(text: str, play: Play, **more: str) -> None:
    """Run the examples of a document; the first that prints something else fails."""
    found = examples(text)
    # The suite locks its cases itself, which inside a lock it could not.
    lock = "$ awl-conformance" not in text
    for (command, expected), seen in zip(
        found, play([one.command for one in found], lock=lock, **more), strict=True
    ):
        assert matches(expected, seen), f"$ {command}expected:\n{expected}\nprinted:\n{seen}"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_prints_what_it_says(
    guide: Path, play: Play, request: pytest.FixtureRequest
) -> None:
    text = guide.read_text()
    more = request.getfixturevalue("package_index") if "$ pip " in text else {}
    check(text, play, **more)


def test_the_first_minute_of_the_readme_is_as_it_says(
    play: Play, package_index: dict[str, str]
) -> None:
    readme = (ROOT / "README.md").read_text()
    (section,) = re.findall(r"^## A first workspace.*?(?=^## )", readme, re.MULTILINE | re.DOTALL)
    # What stands for a repository of the reader's is one of the test's server.
    text = section.replace("OWNER/REPO", "acme/tool")
    assert len(examples(text)) > 5
    check(text, play, **package_index)


def test_the_sample_of_a_run_in_the_readme_is_as_it_says(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (sample,) = [text for _, text in fences(readme) if "verdict: " in text]
    (selection,) = re.findall(r"^  chosen  (.*): \d+ of", sample, re.MULTILINE)
    assert f"`awl-conformance run --select '{selection}'`" in readme
    tool = Path(sys.executable).parent / "awl-conformance"
    done = subprocess.run(
        [tool, "run", "--select", selection, "-n", "2", "--out", "conformance-results"],
        env=os.environ | {"PATH": f"{tool.parent}:{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout.replace(f"{tool.parent}/", "").replace(f"{tmp_path}/", "")
    assert matches(sample.strip() + "\n", said.strip() + "\n"), done.stdout + done.stderr


def test_every_selection_in_the_reports_guide_selects() -> None:
    text = (ROOT / "docs/REPORTS.md").read_text()
    (section,) = re.findall(
        r"^## The language of selections.*?(?=^## )", text, re.MULTILINE | re.DOTALL
    )
    table = re.findall(r"`([^`…]+)`", "".join(re.findall(r"^\| .*", section, re.MULTILINE)))
    found = [*re.findall(r"--select '(.*)'", section), *table]
    assert len(found) > 10
    cells = list(expand(load_suite(resources.matrices())))
    assert [one for one in found if not any(select(one, cells))] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_no_example_escapes(guide: Path) -> None:
    """What looks like a command stands in a block that is run."""
    text = guide.read_text()
    assert {words for words, _ in fences(text)} <= {"console", ENGINE, *LISTINGS}
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"^ *(\$ |```)", outside, re.MULTILINE)


def test_every_guide_is_there_and_is_linked() -> None:
    assert {path.stem for path in GUIDES} >= set(REQUIRED)
    reference = (ROOT / "docs/guides/reference.md").read_text()
    unlinked = [path.name for path in GUIDES if f"({path.name})" not in reference]
    assert unlinked == ["reference.md"]


@pytest.mark.engine
@pytest.mark.skipif(not os.environ.get("DOCKER_HOST"), reason="no DOCKER_HOST")
def test_what_needs_a_real_engine_runs_on_one() -> None:
    found = [one for guide in GUIDES for one in examples(guide.read_text(), ENGINE)]
    assert found
    for command, _ in found:
        # A base that needs no registry; see scripts/engines.
        local = command.replace("debian:bookworm-slim", "agent-env-base:bookworm")
        local = local.replace("agent-workspace/agent-env:v0.1.0", "awl-guide-test:latest")
        argv = ["bash", "-c", local]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, timeout=900, check=False)
        assert done.returncode == 0, done.stderr.decode()
    subprocess.run(["docker", "image", "rm", "awl-guide-test:latest"], check=False, timeout=60)


def test_there_are_examples_and_they_can_fail() -> None:
    assert sum(len(examples(guide.read_text())) for guide in GUIDES) > 100
    assert matches("a…c\n…\nend\n", "abc\nx\ny\nend\n")
    assert not matches("a…c\n", "abd\n")
    assert not matches("", "said\n")
    with pytest.raises(ValueError, match="without a command"):
        examples("```console\nsaid\n```\n")
