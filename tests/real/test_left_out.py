"""A clone without published repositories beside it leaves their tests out, and says so; CI doesn't let them go."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real.working_tree import HERE

_ROOT = HERE.parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone with these tests and nothing beside it."""
    clone = tmp_path / "clone"
    shutil.copytree(HERE, clone / "tests" / "real", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_ROOT / "pyproject.toml", clone)
    return clone


def _pytest(clone: Path, *, ci: bool) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST", "COV"))}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/real/test_published.py",
            "tests/real/test_comparison.py",
        ],
        cwd=clone,
        env=environment | ({"CI": "true"} if ci else {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("ci", [False, True])
def test_a_clone_alone_leaves_them_out_and_says_so(clone: Path, ci: bool) -> None:
    run = _pytest(clone, ci=ci)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "left out: 11 tests on published repositories (no ../shared/corpus beside this one)" in run.stdout
    assert " passed, 11 deselected" in run.stdout


def test_ci_refuses_a_shared_folder_without_them(clone: Path) -> None:
    (clone.parent / "shared").mkdir()
    run = _pytest(clone, ci=True)
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert "../shared is there, but ../shared/corpus is not" in run.stderr + run.stdout
