"""Fixtures: what is wrong is said with its code, file and line, and what is right is not found fault with."""

from collections import Counter
from pathlib import Path

import pytest

from fluxapps.model import declare, tree_files
from tests.unit.fixture_repositories import cases, lay_out, problems, resolved


@pytest.mark.parametrize("name", cases("invalid"))
def test_an_invalid_repository_causes_exactly_the_problems_it_says(name: str, tmp_path: Path) -> None:
    case = lay_out("invalid", name, tmp_path)
    found = problems(tmp_path, case.stack)
    assert Counter((problem.code, problem.file, problem.line) for problem in found) == case.expected
    assert case.expected


@pytest.mark.parametrize("name", cases("invalid"))
def test_every_problem_says_what_is_wrong_and_what_would_be_right(name: str, tmp_path: Path) -> None:
    case = lay_out("invalid", name, tmp_path)
    for problem in problems(tmp_path, case.stack):
        assert problem.what, problem
        assert not problem.what.endswith("."), problem
        assert problem.fix, problem
        assert "None" not in problem.what + problem.fix, problem
        if problem.line is not None:
            lines = (tmp_path / problem.file).read_bytes().splitlines()
            assert 1 <= problem.line <= len(lines), problem


@pytest.mark.parametrize("name", cases("valid"))
def test_a_valid_repository_causes_no_problem_and_can_be_rendered(name: str, tmp_path: Path) -> None:
    case = lay_out("valid", name, tmp_path)
    assert problems(tmp_path, case.stack) == []
    fleet = resolved(tmp_path, case.stack)
    assert tree_files(fleet, declare(fleet))
