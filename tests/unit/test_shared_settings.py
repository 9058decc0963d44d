"""What several objects share is said once, and an object may be called otherwise than its app or repository."""

from pathlib import Path
from typing import Any

from fluxapps.model import Severity, check, tree_files
from tests.unit.written import BASE, cluster, declared, resolved

GIT = (
    "git: {url: https://example.org/fleet.git, name: flux-system, kustomization: {interval: 1h, deletionPolicy: null}}"
)


def _named(root: Path, files: dict[str, str | None], kind: str) -> dict[str, dict[str, Any]]:
    found = {one.id: one.manifest for one in declared(root, files).objects()}
    return {f"{identity.namespace}/{identity.name}": made for identity, made in found.items() if identity.kind == kind}


def test_a_pattern_names_the_values_of_every_release(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "fleet.yaml": f'{BASE["fleet.yaml"]}defaults: {{valuesName: "values-of-{{release}}"}}\n',
        "apps/podinfo/values.yaml": "a: 1\n",
        "apps/two/app.yaml": "releases:\n  one: {chart: a, repository: podinfo, values: {b: 2}}\n"
        "  two: {chart: b, repository: podinfo, valuesIn: inline, values: {c: 3}}\n",
    }
    assert set(_named(tmp_path, files, "ConfigMap")) == {"podinfo/values-of-podinfo", "two/values-of-one"}


def test_sources_share_fields_and_may_take_them_back(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "fleet.yaml": "repositories:\n  podinfo: https://example.org/charts\n"
        "  own: {url: https://example.org/own, interval: null, timeout: 2m}\n"
        "defaults:\n  preset: none\n  source: {interval: 15m, timeout: 1m}\n  release: {interval: 1h}\n"
        "  kustomization: {interval: 1h, prune: true}\n",
    }
    made = _named(tmp_path, files, "HelmRepository")
    assert made["flux-system/podinfo"]["spec"] == {
        "url": "https://example.org/charts",
        "interval": "15m",
        "timeout": "1m",
    }
    assert made["flux-system/own"]["spec"] == {"url": "https://example.org/own", "timeout": "2m"}


def test_objects_may_have_names_of_their_own(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "Pulumi.dev.yaml": cluster("context: dev", "delivery: git", GIT),
        "fleet.yaml": "repositories:\n  a: {url: https://example.org/a, namespace: a, metadata: {name: charts}}\n"
        "  b: {url: https://example.org/b, namespace: b, metadata: {name: charts}}\n",
        "apps/podinfo/app.yaml": "kustomization: {metadata: {name: main, namespace: a}}\nreleases:\n"
        "  a-db: {namespace: a, chart: db, repository: a, release: {metadata: {name: db}, releaseName: a}}\n"
        "  b-db: {namespace: b, chart: db, repository: b, release: {metadata: {name: db}, releaseName: b}}\n",
        "apps/web/app.yaml": "chart: web\nrepository: a\ndependsOn: [podinfo]\n",
    }
    releases = _named(tmp_path, files, "HelmRelease")
    assert set(releases) == {"a/db", "b/db", "web/web"}
    source = releases["b/db"]["spec"]["chart"]["spec"]["sourceRef"]
    assert source == {"kind": "HelmRepository", "name": "charts", "namespace": "b"}
    kustomizations = _named(tmp_path, files, "Kustomization")
    assert kustomizations["a/main"]["spec"]["sourceRef"]["namespace"] == "flux-system"
    assert kustomizations["flux-system/web"]["spec"]["dependsOn"] == [{"name": "main", "namespace": "a"}]
    fleet = resolved(tmp_path, files)
    paths = tree_files(fleet, declared(tmp_path, files))
    # Neither takes the other's place.
    assert {"podinfo/helmrelease-db.yaml", "podinfo/b.helmrelease-db.yaml"} <= set(paths)
    assert {"bootstrap/helmrepositories/helmrepository-charts.yaml"} < {
        path for path in paths if "helmrepositories" in path
    }


def test_the_stacks_own_kustomization_may_say_its_fields(tmp_path: Path) -> None:
    files: dict[str, str | None] = {"Pulumi.dev.yaml": cluster("context: dev", "delivery: git", GIT)}
    spec = _named(tmp_path, files, "Kustomization")["flux-system/flux-system"]["spec"]
    assert spec["interval"] == "1h"
    assert "deletionPolicy" not in spec


def test_a_chart_reference_stands_alone(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "apps/podinfo/app.yaml": "releases:\n  podinfo:\n    release:\n"
        "      chartRef: {kind: OCIRepository, name: podinfo}\n",
    }
    fleet = resolved(tmp_path, files)
    assert [problem for problem in check(fleet) if problem.severity is Severity.ERROR] == []
    spec = _named(tmp_path, files, "HelmRelease")["podinfo/podinfo"]["spec"]
    assert spec["chartRef"] == {"kind": "OCIRepository", "name": "podinfo"}
    assert "chart" not in spec
