"""Published Flux repositories, said as app files: what we render must be their objects, lifted to today's Flux."""

from collections import Counter

import pytest

from fluxapps.model.problems import Severity
from tests.real.comparison import unexplained
from tests.real.measure import REPOSITORIES, Measured, expected_problems, measure
from tests.real.objects import read_objects
from tests.real.page import PAGE, renewed

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def all_measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measured]:
    return {repository: measure(repository, tmp_path_factory.mktemp(repository)) for repository in REPOSITORIES}


@pytest.fixture(params=REPOSITORIES)
def repository(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def measured(repository: str, all_measured: dict[str, Measured]) -> Measured:
    return all_measured[repository]


def test_every_difference_is_in_the_table_and_every_row_of_it_occurs(measured: Measured) -> None:
    assert unexplained(measured.differences, measured.table) == []


def test_other_yaml_arrives_byte_for_byte(measured: Measured) -> None:
    assert measured.tree.copied
    for name in measured.tree.copied:
        for identity in read_objects({name: measured.published[name]}):
            assert measured.rendered[measured.ours[identity].file] == measured.published[name], name


def test_every_published_file_has_its_place(measured: Measured) -> None:
    """A published ConfigMap or other file that nobody laid into the tree would go missing without a word."""
    taken = {*measured.tree.copied, *measured.tree.values}
    kinds = {found.id.kind for found in measured.original.values() if found.file not in taken}
    assert kinds == {"GitRepository", "HelmRelease", "HelmRepository", "Kustomization", "Namespace"} & kinds
    assert len(measured.tree.values) == sum(identity.kind == "HelmRelease" for identity in measured.original)


def test_the_checks_find_what_they_are_known_to_find(measured: Measured, repository: str) -> None:
    found = Counter((problem.severity.value, problem.code, problem.file) for problem in measured.problems)
    rows = expected_problems(repository)
    assert found == Counter((row["severity"], row["code"], file) for row in rows for file in row["files"])


def test_nothing_keeps_it_from_being_rendered(measured: Measured) -> None:
    assert [problem for problem in measured.problems if problem.severity is Severity.ERROR] == []


def test_the_page_says_what_was_measured(all_measured: dict[str, Measured]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page, all_measured), "python -m tests.real.page writes docs/real-input.md anew"
