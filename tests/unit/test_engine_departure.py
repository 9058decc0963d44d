"""What a run says first of what it takes from the cluster, and leaves there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluxapps.engine.adoption import survey
from fluxapps.engine.cluster import Cluster
from fluxapps.engine.departure import belonging, helm_releases, known_controllers, removals
from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.engine.lookup import DELIVERED_KINDS, FEW
from fluxapps.model import declare
from fluxapps.model.live.departure import HelmName
from fluxapps.model.problems import Severity
from tests.unit.fake_api import FakeApi, manifest, serving, write_kubeconfig
from tests.unit.written import cluster as stack_file
from tests.unit.written import resolved

HELM = "helm.toolkit.fluxcd.io/v2"
KUSTOMIZE = "kustomize.toolkit.fluxcd.io/v1"
LABEL = "fleet.dev"
LABELS = {"fluxapps/stack": LABEL}


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving(FakeApi()) as made:
        yield made


@pytest.fixture
def cluster(api: FakeApi, tmp_path: Path) -> Iterator[Cluster]:
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", api.address, "dev")
    with Cluster(ClusterChoice(context="dev", files=(kubeconfig,), kubeconfig=None)) as connected:
        yield connected


def add(api: FakeApi, api_version: str, kind: str, name: str, namespace: str | None = None, **body: Any) -> None:
    metadata = body.pop("metadata", {"labels": LABELS})
    api.add({**manifest(api_version, kind, name, namespace, **metadata), **body})


def add_claim(api: FakeApi, name: str, namespace: str, **annotations: str) -> None:
    named = {key.replace("__", "/").replace("_", "."): value for key, value in annotations.items()}
    add(api, "v1", "PersistentVolumeClaim", name, namespace, metadata={"annotations": named})


def applied(*entries: str) -> dict[str, Any]:
    return {"inventory": {"entries": [{"id": entry, "v": "v1"} for entry in entries]}}


def said_of(tmp_path: Path, cluster: Cluster, *lines: str) -> str:
    fleet = resolved(tmp_path, {"Pulumi.dev.yaml": stack_file("context: dev", *lines)})
    found = survey(cluster, declare(fleet).for_pulumi().objects(), LABEL)
    problems = removals(cluster, fleet, found)
    assert {one.severity for one in problems} <= {Severity.WARNING}
    return "\n".join(one.what for one in problems)


def test_nothing_is_said_where_all_is_declared(tmp_path: Path, api: FakeApi, cluster: Cluster) -> None:
    add(api, HELM, "HelmRelease", "podinfo", "podinfo")
    add(api, "v1", "Namespace", "left-before")
    assert said_of(tmp_path, cluster) == ""


def test_one_sentence_says_all_that_goes_and_stays(tmp_path: Path, api: FakeApi, cluster: Cluster) -> None:
    add(api, "v1", "Namespace", "identity")
    add(api, HELM, "HelmRelease", "keycloak", "identity", spec={})
    add(api, HELM, "HelmRelease", "paused", "identity", spec={"suspend": True})
    inventory = applied("identity_kept__PersistentVolumeClaim", "identity_pruned__PersistentVolumeClaim")
    add(api, KUSTOMIZE, "Kustomization", "keycloak", "flux-system", spec={"prune": True}, status=inventory)
    suspended = {"prune": True, "suspend": True}
    add(api, KUSTOMIZE, "Kustomization", "paused", "flux-system", spec=suspended, status=applied("a_b__ConfigMap"))
    add_claim(api, "kept", "identity", kustomize_toolkit_fluxcd_io__prune="Disabled")
    add_claim(api, "pruned", "identity")
    add_claim(api, "of-a-pod", "identity")
    add_claim(api, "elsewhere", "other")
    assert said_of(tmp_path, cluster) == (
        "no longer declared, so this run uninstalls identity/keycloak; "
        "deletes with its data the volume claim identity/pruned (Flux prunes it); "
        "leaves running, because suspended, identity/paused; "
        "leaves what was applied by Kustomization flux-system/paused; "
        "keeps the namespace identity; "
        "keeps the volume claims identity/kept, identity/of-a-pod"
    )


def test_claims_of_a_chart_go_unless_helm_is_told_to_keep_them(tmp_path: Path, api: FakeApi, cluster: Cluster) -> None:
    add(api, "v1", "Namespace", "web")
    add(api, HELM, "HelmRelease", "web", "web", spec={"releaseName": "site"})
    of_release = {"meta.helm.sh/release-name": "site", "meta.helm.sh/release-namespace": "web"}
    metadata = {"annotations": of_release}
    add(api, "v1", "PersistentVolumeClaim", "lost", "web", metadata=metadata)
    metadata = {"annotations": {**of_release, "helm.sh/resource-policy": "keep"}}
    add(api, "v1", "PersistentVolumeClaim", "kept", "web", metadata=metadata)
    said = said_of(tmp_path, cluster)
    assert "deletes with its data the volume claim web/lost (its chart has it, so Helm uninstalls it)" in said
    assert "keeps the volume claim web/kept" in said


def test_what_helm_has_and_helm_controller_has_not_written_down_runs_on(
    tmp_path: Path, api: FakeApi, cluster: Cluster
) -> None:
    """It takes such a release for one that was never installed."""
    for name in ("stopped", "never"):
        add(api, HELM, "HelmRelease", name, "web", spec={})
    add(api, HELM, "HelmRelease", "known", "web", spec={}, status={"history": [{"name": "known", "version": 1}]})
    for name in ("stopped", "known"):
        labels = {"owner": "helm", "name": name, "version": "1", "status": "deployed"}
        add(api, "v1", "Secret", f"sh.helm.release.v1.{name}.v1", "web", metadata={"labels": labels})
    said = (
        "no longer declared, so this run uninstalls web/known, web/never; "
        "leaves running, because helm-controller has not written down yet that it installed it, web/stopped"
    )
    assert said_of(tmp_path, cluster) == said
    api.failures["/secrets"] = (403, "forbidden")
    assert said_of(tmp_path, cluster) == "no longer declared, so this run uninstalls web/known, web/never, web/stopped"


def test_a_namespace_that_is_to_go_takes_its_claims(tmp_path: Path, api: FakeApi, cluster: Cluster) -> None:
    add(api, "v1", "Namespace", "web")
    add(api, HELM, "HelmRelease", "web", "web", spec={})
    add_claim(api, "data", "web")
    said = said_of(tmp_path, cluster, "deleteNamespaces: true")
    assert "deletes with its data the volume claim web/data (with its namespace); deletes the namespace web" in said


def test_who_may_not_see_claims_is_told_the_rest(tmp_path: Path, api: FakeApi, cluster: Cluster) -> None:
    add(api, HELM, "HelmRelease", "web", "web", spec={})
    api.failures["persistentvolumeclaims"] = (403, "forbidden")
    assert said_of(tmp_path, cluster) == "no longer declared, so this run uninstalls web/web"


def test_releases_that_flux_applied_from_a_tree_belong_to_the_stack(api: FakeApi, cluster: Cluster) -> None:
    inventory = applied("flux-system_web_kustomize.toolkit.fluxcd.io_Kustomization")
    add(api, KUSTOMIZE, "Kustomization", "fleet", "flux-system", status=inventory)
    inventory = applied("web_web_helm.toolkit.fluxcd.io_HelmRelease", "web_x__ConfigMap")
    add(api, KUSTOMIZE, "Kustomization", "web", "flux-system", metadata={}, status=inventory)
    add(api, HELM, "HelmRelease", "web", "web", metadata={})
    add(api, HELM, "HelmRelease", "somebodys", "web", metadata={})
    assert sorted(str(one) for one in belonging(cluster, LABEL)) == [
        "HelmRelease web/web",
        "Kustomization flux-system/fleet",
        "Kustomization flux-system/web",
    ]


def test_many_objects_of_a_kind_take_one_list(api: FakeApi, cluster: Cluster) -> None:
    entries = [f"flux-system_app-{number}_kustomize.toolkit.fluxcd.io_Kustomization" for number in range(FEW + 1)]
    add(api, KUSTOMIZE, "Kustomization", "fleet", "flux-system", status=applied(*entries))
    for number in range(FEW):
        add(api, KUSTOMIZE, "Kustomization", f"app-{number}", "flux-system", metadata={})
    api.requests.clear()
    assert len(belonging(cluster, LABEL)) == FEW + 1
    assert len(api.requests) == len(DELIVERED_KINDS) + 1


def test_helm_is_asked_by_its_latest_version(api: FakeApi, cluster: Cluster) -> None:
    for version, status in ((9, "superseded"), (10, "deployed")):
        labels = {"owner": "helm", "name": "web", "version": str(version), "status": status}
        add(api, "v1", "Secret", f"sh.helm.release.v1.web.v{version}", "site", metadata={"labels": labels})
    assert helm_releases(cluster) == {HelmName("site", "web"): "deployed"}
    api.failures["/secrets"] = (403, "forbidden")
    assert helm_releases(cluster) is None


def test_controllers_are_known_to_run_or_not_by_their_deployments(api: FakeApi, cluster: Cluster) -> None:
    assert known_controllers(cluster) == {}
    labels = {"labels": {"app.kubernetes.io/part-of": "flux"}}
    running = {"availableReplicas": 1}
    add(api, "apps/v1", "Deployment", "source-controller", "flux-system", metadata=labels, status=running)
    add(api, "apps/v1", "Deployment", "helm-controller", "flux-system", metadata=labels, status={})
    expected = {"source-controller": True, "helm-controller": False, "kustomize-controller": False}
    assert known_controllers(cluster) == expected
    add(api, "apps/v1", "Deployment", "helm-controller", "flux-system", metadata=labels, status=running)
    assert known_controllers(cluster) == {**expected, "helm-controller": True}
    api.failures["deployments"] = (403, "forbidden")
    assert known_controllers(cluster) == {}
