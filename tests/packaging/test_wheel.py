"""The wheel carries all that it needs and works outside the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as pip would lay it out."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
        for entry in archive.infolist():
            # Wheels keep the executable bit, and pip honours it.
            if entry.external_attr >> 16 & 0o111:
                (target / entry.filename).chmod(0o755)
    return target


def call(installed: Path, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "HOME": str(tmp_path)},
    )


def test_it_carries_data_and_fakes_and_no_tests(installed: Path) -> None:
    data = installed / "conformance/data"
    assert (data / "matrices/contract.yaml").exists()
    assert list((data / "matrices/cases").glob("*.yaml"))
    assert os.access(data / "stubs/docker", os.X_OK)
    assert {path.name for path in installed.iterdir() if not path.name.endswith("dist-info")} == {
        "awl",
        "conformance",
    }
    assert not list(installed.rglob("__pycache__"))


def test_its_commands_are_the_three(installed: Path) -> None:
    (text,) = (path.read_text() for path in installed.glob("*.dist-info/entry_points.txt"))
    assert "awl = awl.cli:main" in text
    assert "agent-workspace-launcher = awl.cli:main" in text
    assert "awl-conformance = conformance.cli:main" in text


def test_the_suite_runs_from_it(installed: Path, tmp_path: Path) -> None:
    words = ("run", "--select", "ls-names and container", "-n", "0", "--out", "results")
    done = call(installed, tmp_path, "conformance.cli", *words)
    assert "verdict: conformant" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_without_the_extra_the_suite_says_what_to_install(installed: Path, tmp_path: Path) -> None:
    blocker = tmp_path / "sitecustomize.py"
    blocker.write_text("import sys\nsys.modules['attrs'] = None\nsys.modules['yaml'] = None\n")
    done = subprocess.run(
        [sys.executable, "-m", "conformance.cli", "run"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}:{installed}"},
    )
    assert done.returncode == 3
    assert "pip install 'agent-workspace-launcher[conformance]'" in done.stderr
    assert "Traceback" not in done.stderr
