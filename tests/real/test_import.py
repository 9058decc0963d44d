"""Every published repository comes in as app files, and renders its objects: seen by another reader than ours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fluxapps.importing.lift import lift
from fluxapps.model.objects import ObjectId, object_id
from fluxapps.model.problems import Severity
from tests.real.import_page import PAGE, renewed
from tests.real.imported import ImportedRepository, bring_in, names
from tests.real.working_tree import published_files

pytestmark = pytest.mark.corpus

_SYSTEM = {
    ObjectId("source.toolkit.fluxcd.io", "GitRepository", "flux-system", "flux-system"),
    ObjectId("kustomize.toolkit.fluxcd.io", "Kustomization", "flux-system", "flux-system"),
}
"""What Pulumi declares: it is not in the tree."""


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ImportedRepository]:
    return {name: bring_in(name, tmp_path_factory.mktemp(name)) for name in names()}


@pytest.fixture(params=names() or ["none"])
def brought(request: pytest.FixtureRequest, every: dict[str, ImportedRepository]) -> ImportedRepository:
    return every[request.param]


def _objects(files: dict[str, bytes]) -> Iterator[tuple[ObjectId, dict[str, Any], str]]:
    for path, content in files.items():
        for manifest in yaml.load_all(content, yaml.CSafeLoader) if path.endswith((".yaml", ".yml")) else ():
            if manifest and "kustomize.config" not in manifest.get("apiVersion", "") and "name" in manifest["metadata"]:
                lifted = lift(manifest).manifest
                yield object_id(lifted), lifted, path


def test_there_are_published_repositories(every: dict[str, ImportedRepository]) -> None:
    assert len(every) >= 5


def test_all_is_equal_or_explained(brought: ImportedRepository) -> None:
    assert [str(one) for one in brought.proof.unexplained] == []
    assert "all equal" in brought.proof.summary


def test_nothing_keeps_it_from_being_rendered(brought: ImportedRepository) -> None:
    assert [problem for problem in brought.checked if problem.severity is Severity.ERROR] == []


def test_releases_become_app_files(every: dict[str, ImportedRepository]) -> None:
    said, there = sum(one.said for one in every.values()), sum(one.releases for one in every.values())
    assert said >= 0.97 * there
    assert said == there


@pytest.mark.parametrize("name", names() or ["none"])
def test_all_of_it_can_be_delivered_by_pulumi(name: str, tmp_path: Path) -> None:
    brought = bring_in(name, tmp_path, delivery="apply")
    assert [str(one) for one in brought.proof.unexplained] == []
    assert [problem for problem in brought.checked if problem.severity is Severity.ERROR] == []
    assert brought.said == brought.releases


def test_every_object_that_flux_applied_is_rendered(brought: ImportedRepository) -> None:
    rendered = {identity for identity, _, _ in _objects(brought.rendered)} | _SYSTEM
    idle = set(brought.found.not_applied)
    missing = {
        str(identity)
        for identity, _, path in _objects(published_files(brought.name))
        if path not in idle and identity not in rendered
    }
    assert missing == set()


def test_other_yaml_arrives_byte_for_byte(brought: ImportedRepository) -> None:
    published = set(published_files(brought.name).values())
    fleet_files = {path for path in brought.found.files if path.startswith(("apps/", "bootstrap/"))}
    ours = ("app.yaml", "kustomization.yaml")
    other = {path for path in fleet_files if path.rpartition("/")[2] not in ours and "/values" not in path}
    assert other
    lifted = [one["file"].rpartition("/")[2] for one in brought.report["lifted"]]
    for path in other:
        if path.rpartition("/")[2] not in lifted:
            assert brought.found.files[path] in published, path


def test_comments_of_values_are_kept(brought: ImportedRepository) -> None:
    for _, manifest, _ in _objects(published_files(brought.name)):
        text = (manifest.get("data") or {}).get("values.yaml") if manifest["kind"] == "ConfigMap" else None
        if text is not None:
            assert any(text.encode() in content for content in brought.found.files.values())


def test_the_page_says_what_was_measured(every: dict[str, ImportedRepository]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page, list(every.values())), "python -m tests.real.import_page writes docs/import.md anew"
