"""`fluxapps detach` and `attach`: what is refused before anything is written or asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli_run import Ended, base_repository, environment, fluxapps, situation
from tests.unit.fake_api import FakeApi, manifest, serving, write_kubeconfig

API = "helm.toolkit.fluxcd.io/v2"


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving(FakeApi()) as served:
        served.install_flux()
        yield served


@pytest.fixture
def repository(tmp_path: Path, api: FakeApi) -> Path:
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", api.address, "dev")
    root = base_repository(tmp_path / "repository")
    (root / "Pulumi.dev.yaml").write_text(
        f"config:\n  fluxapps:cluster:\n    context: dev\n    kubeconfig: {kubeconfig}\n", "utf-8"
    )
    return root


def run(root: Path, *words: str) -> Ended:
    before = (root / "Pulumi.dev.yaml").read_bytes()
    with situation(root, environment()):
        ended = fluxapps(*words, "--stack", "dev")
    assert (root / "Pulumi.dev.yaml").read_bytes() == before
    return ended


@pytest.mark.parametrize("verb", ["detach", "attach"])
class TestBoth:
    def test_apps_or_all_must_be_said(self, verb: str, repository: Path) -> None:
        for words in ((verb,), (verb, "podinfo", "--all")):
            ended = run(repository, *words)
            assert ended.code == 1
            assert "say which apps, or --all" in ended.err

    def test_an_app_that_is_not_there_is_told_with_those_that_are(self, verb: str, repository: Path) -> None:
        ended = run(repository, verb, "podinfos", "--yes")
        assert ended.code == 1
        assert "no app 'podinfos' in stack dev" in ended.err
        assert "podinfo" in ended.err.partition("fix:")[2]

    def test_nobody_can_be_asked(self, verb: str, repository: Path) -> None:
        ended = run(repository, verb, "podinfo")
        assert ended.code == 1
        assert f"fluxapps {verb} podinfo --stack dev --yes" in ended.err


def test_an_app_that_others_need_is_not_detached_alone(repository: Path) -> None:
    (repository / "apps" / "site").mkdir()
    (repository / "apps" / "site" / "app.yaml").write_text(
        "chart: site\nrepository: podinfo\nversion: 1.x\ndependsOn: [podinfo]\n"
    )
    ended = run(repository, "detach", "podinfo", "--yes")
    assert "apps that stay depend on what is to be detached: site needs podinfo" in ended.err
    assert "name site too" in ended.err


def test_what_flux_delivers_is_not_pulumis_to_let_go_of(repository: Path) -> None:
    file = repository / "Pulumi.dev.yaml"
    file.write_text(f"{file.read_text()}    delivery: git\n    git: {{url: https://example.org/fleet.git}}\n")
    ended = run(repository, "detach", "--all", "--yes")
    assert ended.code == 1
    assert "in Flux's hands, not in Pulumi's" in ended.err


def test_a_stale_tree_is_refused_before_anything_is_taken(repository: Path, api: FakeApi) -> None:
    file = repository / "Pulumi.dev.yaml"
    file.write_text(f"{file.read_text()}    delivery: git\n    git: {{url: https://example.org/fleet.git}}\n")
    ended = run(repository, "attach", "--all", "--yes")
    assert "fluxapps render --stack dev" in ended.err
    assert not any("helmreleases" in one for one in api.requests)


def taken_by(name: str, **labels: str) -> dict[str, Any]:
    made = manifest(API, "HelmRelease", name, "podinfo", labels=labels)
    return {**made, "spec": {"interval": "1h", "chart": {"spec": {"chart": "podinfo"}}}}


def test_another_stack_is_named_with_the_command_that_lets_go(repository: Path, api: FakeApi) -> None:
    api.add(taken_by("podinfo", **{"fluxapps/stack": "fluxapps.old", "fluxapps/app": "site"}))
    ended = run(repository, "attach", "podinfo", "--yes")
    assert ended.code == 1
    assert "another stack, fluxapps.old, has HelmRelease podinfo/podinfo" in ended.err
    assert "fluxapps detach site --stack old" in ended.err


def test_what_would_be_reinstalled_is_refused(repository: Path, api: FakeApi) -> None:
    found = taken_by("podinfo")
    found["status"] = {
        "history": [{"name": "other", "namespace": "podinfo", "chartName": "podinfo", "status": "deployed"}]
    }
    api.add(found)
    ended = run(repository, "attach", "podinfo", "--yes")
    assert ended.code == 1
    assert "releaseName 'other' becomes 'podinfo'" in ended.err
    assert "allowReinstall: true" in ended.err


def test_what_is_being_deleted_is_left_to_go(repository: Path, api: FakeApi) -> None:
    found = taken_by("podinfo")
    found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    api.add(found)
    assert "being deleted" in run(repository, "attach", "podinfo", "--yes").err


def test_a_dry_run_says_what_would_be_made(repository: Path) -> None:
    ended = run(repository, "attach", "podinfo", "--dry-run")
    assert ended.code == 0
    assert "create Namespace podinfo" in ended.out
