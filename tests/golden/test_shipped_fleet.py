"""The shipped fleet's trees, byte for byte: a change of output shows as a diff.

``UPDATE_GOLDEN=1 pytest tests/golden`` writes them anew.
"""

import os
import shutil
from pathlib import Path

import pytest

from fluxapps.model import Severity, check, declare, load, resolve, tree_files

ROOT = Path(__file__).parents[2]
EXPECTED = Path(__file__).parent / "expected"
STACKS = ("dev", "prod")
DELIVERIES = ("apply", "git")


def rendered(stack: str, delivery: str) -> dict[str, bytes]:
    sources = load(ROOT)
    fleet = resolve(sources, stack, cluster={**sources.stack_files[stack].cluster, "delivery": delivery})
    errors = [problem for problem in check(fleet) if problem.severity is Severity.ERROR]
    assert errors == []
    return tree_files(fleet, declare(fleet))


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("stack", STACKS)
def test_tree_is_as_expected(stack: str, delivery: str) -> None:
    folder = EXPECTED / f"{stack}-{delivery}"
    files = rendered(stack, delivery)
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(folder, ignore_errors=True)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files.keys() == found.keys()
    for path, content in files.items():
        assert content.decode() == found[path].decode(), path


@pytest.mark.parametrize("stack", STACKS)
def test_same_input_gives_the_same_bytes(stack: str) -> None:
    assert rendered(stack, "git") == rendered(stack, "git")
