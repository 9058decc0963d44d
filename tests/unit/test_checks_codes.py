"""Problem codes: each is documented, and each of the model's is caused by a fixture or by a test named here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.unit.fixture_repositories import cases, read_case

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fluxapps"

NO_CODES = {
    "before-first-apply",
    "flux-system",
    "fluxapps-removal-under-way",
    "helm-chart-value-overrides",
    "helm-controller",
    "kustomize-controller",
    "pulumi-kubernetes",
    "source-controller",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}
"""Words of the model that are written like codes."""

SHOWN_ELSEWHERE = {
    "dependency-too-deep": "test_checks.py::test_a_chain_of_more_apps_than_pulumi_takes_is_refused",
    "symlink-folder": "test_checks.py::test_links_within_the_repository",
    "symlink-unread": "test_checks.py::test_links_within_the_repository",
    "symlink-outside": "test_checks.py::test_a_link_out_of_the_repository_is_refused",
    "tree-edited": "test_tree.py",
    "tree-index": "test_tree.py",
    "tree-not-ours": "test_tree.py",
    "tree-path": "test_tree.py",
    "tree-unwritable": "test_tree.py",
    "values-large": "test_checks.py::test_values_are_weighed",
    "values-too-large": "test_checks.py::test_values_are_weighed",
}
"""Codes that need more than a few files, and the tests that cause them."""

_CODE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+")


def of_the_model() -> set[str]:
    words = {word for path in (PACKAGE / "model").rglob("*.py") for word in _literals(ast.parse(path.read_text()))}
    return {word for word in words if _CODE.fullmatch(word)} - NO_CODES


def _literals(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def said_outside_the_model() -> set[str]:
    """Return the codes that Problems are made with: what ``code=`` says, and what functions called ``_problem`` get."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            said = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if isinstance(node.func, ast.Name) and node.func.id == "_problem":
                said += [
                    word for word in node.args if isinstance(word, ast.Constant) and _CODE.fullmatch(str(word.value))
                ]
            found |= {str(word.value) for word in said if isinstance(word, ast.Constant)}
    return found


def documented() -> list[str]:
    return re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs" / "problems.md").read_text(), re.MULTILINE)


def test_the_page_of_problems_has_every_code_once() -> None:
    assert sorted(documented()) == sorted(of_the_model() | said_outside_the_model())


def test_every_code_of_the_model_is_caused_by_a_fixture_or_by_a_test() -> None:
    by_fixtures: set[str] = set()
    for name in cases("invalid"):
        by_fixtures |= {code for code, _, _ in read_case("invalid", name).expected}
    assert of_the_model() - by_fixtures == set(SHOWN_ELSEWHERE)


def test_the_tests_that_cause_other_codes_are_there() -> None:
    for code, test in SHOWN_ELSEWHERE.items():
        file, _, name = test.partition("::")
        text = (ROOT / "tests" / "unit" / file).read_text()
        assert code in text
        assert f"def {name}" in text
