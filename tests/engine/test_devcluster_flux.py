"""Flux is alive on the local cluster: workloads get pods; releases and folders get Ready, and go when deleted."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient

from fluxapps.devcluster import Cluster, ClusterError
from tests.engine.objects import (
    Object,
    Objects,
    Repository,
    config_map,
    git_repository,
    helm_release,
    is_failing,
    is_ready,
    kustomization,
    pod_template,
    ready,
    says,
    source,
)

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def alive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster") / "dev", flux=True, say=print) as started:
        yield started
        pids = started.pids.values()
    assert started.pids == {}
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    started.reset()


@pytest.fixture(scope="module")
def objects(alive: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    settings = client.Configuration()
    config.load_kube_config(str(alive.kubeconfig), context=alive.context, client_configuration=settings)
    with client.ApiClient(settings) as connection:
        yield Objects(DynamicClient(connection, cache_file=str(tmp_path_factory.mktemp("discovery") / "cache.json")))


def test_workloads_get_ready_pods(objects: Objects) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "served", "namespace": "default"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "served"}}, "template": pod_template("served")},
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "done", "namespace": "default"},
        "spec": {"template": pod_template("done", restartPolicy="Never")},
    }
    objects.apply(deployment)
    objects.apply(job)
    objects.until(deployment, lambda found: found.get("status", {}).get("availableReplicas") == 2)
    objects.until(job, lambda found: found.get("status", {}).get("succeeded") == 1)
    objects.delete(deployment)
    objects.delete(job)


@pytest.fixture
def repository(tmp_path: Path, alive: Cluster, request: pytest.FixtureRequest) -> Repository:
    return Repository(tmp_path / "repository", alive, request.node.name)


def test_a_chart_is_installed_upgraded_and_uninstalled(alive: Cluster, objects: Objects) -> None:
    charts = source("HelmRepository", "stand-ins", url=alive.charts_url)
    release = helm_release("podinfo", "podinfo", "stand-ins", version="6.x", values={"replicaCount": 2})
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "podinfo", "namespace": "default"},
    }
    objects.apply(charts)
    objects.apply(release)
    first = objects.until(release, is_ready)
    assert ready(first)["reason"] == "InstallSucceeded"
    assert objects.until(deployment, bool)["status"]["readyReplicas"] == 2
    chart = source("HelmChart", "default-podinfo")
    found = objects.until(chart, is_ready)
    assert ready(found)["message"] == "pulled 'podinfo' chart with version '6.99.0'"
    assert ready(objects.until(charts, is_ready))["message"].startswith("stored artifact: revision 'sha256:")

    release["spec"]["values"] = {"replicaCount": 3}
    objects.apply(release)
    objects.until(release, lambda found: is_ready(found) and found["status"]["history"][0]["version"] == 2)
    assert objects.until(deployment, bool)["status"]["readyReplicas"] == 3

    objects.delete(release)
    assert objects.find(deployment) is None
    # Its own finalizer, which another controller takes away.
    objects.until_gone(chart)
    objects.delete(charts)


def test_a_release_says_what_its_chart_lacks(alive: Cluster, objects: Objects) -> None:
    charts = source("HelmRepository", "lacking", url=alive.charts_url)
    objects.apply(charts)
    for name, chart, version, told in (
        ("no-version", "podinfo", "7.x", "no 'podinfo' chart with version matching '7.x' found"),
        ("no-chart", "nothing", "1.x", "no chart name found"),
    ):
        release = helm_release(name, chart, "lacking", version=version)
        objects.apply(release)
        found = objects.until(source("HelmChart", f"default-{name}"), is_failing)
        expected = f"invalid chart reference: failed to get chart version for remote reference: {told}"
        assert (ready(found)["reason"], ready(found)["message"]) == ("InvalidChartReference", expected)
        held = objects.until(release, partial(says, told))
        assert ready(held)["reason"] == "SourceNotReady"
        objects.delete(release)
    objects.delete(charts)

    nowhere = source("HelmRepository", "nowhere", url=alive.charts_url.replace("stand-ins", "nothing"))
    objects.apply(nowhere)
    found = objects.until(nowhere, is_failing)
    assert ready(found)["reason"] == "Failed"
    assert "404 Not Found" in ready(found)["message"]
    assert found["status"]["observedGeneration"] == -1
    objects.delete(nowhere)


@pytest.mark.parametrize(
    ("chart", "values", "told"),
    [
        ("told-to-fail", {"failAt": "install"}, "told to fail at install"),
        ("told-to-fail", {"failAt": "hook"}, "failed pre-install"),
        ("told-to-fail", {"failAt": "readiness"}, "Helm install failed for release default/failing-readiness"),
        ("strict-values", {"greetings": "hi"}, "additional properties 'greetings' not allowed"),
    ],
    ids=["install", "hook", "readiness", "values"],
)
def test_a_failing_release_says_why_and_heals(
    chart: str, values: Object, told: str, alive: Cluster, objects: Objects
) -> None:
    name = f"failing-{next(iter(values.values()))}"
    charts = source("HelmRepository", name, url=alive.charts_url)
    retried = {"strategy": {"name": "RetryOnFailure", "retryInterval": "5m"}}
    release = helm_release(name, chart, name, values=values, install=retried, upgrade=retried, timeout="10s")
    objects.apply(charts)
    objects.apply(release)
    found = objects.until(release, partial(says, told))
    assert (ready(found)["status"], ready(found)["reason"]) == ("False", "InstallFailed")

    release["spec"] |= {"values": {}, "timeout": "1m"}
    objects.apply(release)
    objects.until(release, is_ready)
    objects.delete(release)
    objects.delete(charts)


def test_a_failing_upgrade_says_why(alive: Cluster, objects: Objects) -> None:
    charts = source("HelmRepository", "upgrade", url=alive.charts_url)
    release = helm_release("upgrade", "told-to-fail", "upgrade", values={"failAt": "upgrade"})
    objects.apply(charts)
    objects.apply(release)
    objects.until(release, is_ready)
    release["spec"]["values"]["more"] = 1
    objects.apply(release)
    found = objects.until(release, partial(says, "told to fail at upgrade"))
    assert ready(found)["reason"] == "UpgradeFailed"
    objects.delete(release)
    objects.delete(charts)


def test_a_folder_of_a_repository_is_applied_and_pruned(repository: Repository, objects: Objects) -> None:
    def text(name: str) -> str:
        head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: default, name: "
        return f"{head}{name}}}\n"

    first = repository.commit(
        {
            "apps/web/app.yaml": "chart: web\n",
            "apps/web/kept.yaml": text("kept"),
            "apps/web/gone.yaml": text("gone"),
            "apps/web/stacks/dev/dev.yaml": text("dev"),
            "apps/web/stacks/prod/prod.yaml": text("prod"),
            "apps/bare/app.yaml": "chart: bare\n",
        }
    )
    ignore = "apps/**/app.yaml\napps/**/stacks/*/\n!apps/**/stacks/dev/\n"
    git = git_repository("folder", repository, ignore=ignore)
    web = kustomization("folder", "./apps/web")
    bare = {**kustomization("folder", "./apps/bare"), "metadata": {"name": "bare", "namespace": "flux-system"}}
    for manifest in (git, web, bare):
        objects.apply(manifest)
    assert objects.until(git, is_ready)["status"]["artifact"]["revision"] == f"main@sha1:{first}"
    assert objects.until(web, is_ready)["status"]["lastAppliedRevision"] == f"main@sha1:{first}"
    objects.until(bare, is_ready)
    assert [name for name in ("kept", "gone", "dev", "prod") if objects.find(config_map(name))] == [
        "kept",
        "gone",
        "dev",
    ]

    second = repository.commit({"apps/web/gone.yaml": ""})
    git["spec"]["ref"] = {"branch": "main", "commit": first}
    objects.apply(git)
    objects.until(git, is_ready)
    assert objects.find(config_map("gone"))
    git["spec"]["ref"] = {"branch": "main", "commit": second}
    objects.apply(git)
    objects.until(web, lambda found: found["status"].get("lastAppliedRevision") == f"main@sha1:{second}")
    objects.until(web, is_ready)
    assert objects.find(config_map("gone")) is None

    third = repository.commit({"apps/web/later.yaml": text("later")})
    git["spec"]["ref"] = {"branch": "main"}
    git["metadata"]["annotations"] = {"reconcile.fluxcd.io/requestedAt": "1"}
    objects.apply(git)
    objects.until(web, lambda found: found["status"].get("lastAppliedRevision") == f"main@sha1:{third}")
    assert objects.until(git, is_ready)["status"]["lastHandledReconcileAt"] == "1"

    git["spec"]["ref"] = {"branch": "nothing"}
    objects.apply(git)
    failing = objects.until(git, is_failing)
    assert ready(failing)["reason"] == "GitOperationFailed"
    assert "failed to checkout and determine revision: unable to clone" in ready(failing)["message"]
    assert failing["status"]["artifact"]["revision"] == f"main@sha1:{third}"

    objects.delete(web)
    assert objects.find(config_map("kept")) is None
    objects.delete(bare)
    objects.delete(git)


def test_a_repository_is_followed_as_its_ref_says(repository: Repository, objects: Objects) -> None:
    commits = {}
    for tag in ("v1.0.0", "v1.1.0", "v2.0.0"):
        commits[tag] = repository.commit({"file.yaml": f"# {tag}\n"})
        repository.tag(tag)
    git = git_repository("refs", repository)
    for ref, revision in (
        ({"tag": "v1.0.0"}, f"v1.0.0@sha1:{commits['v1.0.0']}"),
        ({"semver": "1.x"}, f"v1.1.0@sha1:{commits['v1.1.0']}"),
        ({"name": "refs/heads/main"}, f"refs/heads/main@sha1:{commits['v2.0.0']}"),
        ({"commit": commits["v1.1.0"]}, f"sha1:{commits['v1.1.0']}"),
    ):
        git["spec"]["ref"] = ref
        objects.apply(git)
        found = objects.until(git, is_ready)
        assert found["status"]["artifact"]["revision"] == revision
        assert ready(found)["message"] == f"stored artifact for revision '{revision}'"

    git["spec"] |= {"ref": {"branch": "main"}, "suspend": True}
    generation = objects.apply(git)["metadata"]["generation"]
    beside = source("GitRepository", "beside", url=repository.url, ref={"branch": "main"})
    objects.apply(beside)
    objects.until(beside, is_ready)
    found = objects.until(git, bool)
    assert found["status"]["observedGeneration"] == generation - 1
    objects.delete(git)
    objects.delete(beside)


def test_what_the_stand_in_lacks_is_refused(repository: Repository, objects: Objects) -> None:
    git = git_repository("lacking", repository, secretRef={"name": "credentials"})
    chart = source("OCIRepository", "lacking", url="oci://registry.example.org/charts/web")
    for manifest, told in (
        (git, "secretRef of a GitRepository"),
        (chart, "layerSelector.operation other than copy of a OCIRepository"),
    ):
        objects.apply(manifest)
        found = objects.until(manifest, is_failing)
        assert ready(found)["reason"] == "UnknownToStandIn"
        assert told in ready(found)["message"]
        objects.delete(manifest)


def test_one_process_is_ended_and_goes_on_where_it_was(alive: Cluster, objects: Objects) -> None:
    charts = source("HelmRepository", "outlasting", url=alive.charts_url)
    objects.apply(charts)
    before = objects.until(charts, is_ready)
    pids, ports = alive.pids, alive.ports
    alive.stop_process("source-controller", kill=True)
    assert alive.pids == {name: pid for name, pid in pids.items() if name != "source-controller"}
    assert not alive.is_ready
    alive.start_process("source-controller")
    assert alive.is_ready
    assert alive.ports == ports
    charts["metadata"]["annotations"] = {"reconcile.fluxcd.io/requestedAt": "again"}
    objects.apply(charts)
    objects.until(charts, lambda found: found["status"].get("lastHandledReconcileAt") == "again")
    after = objects.until(charts, is_ready)
    assert after["status"]["artifact"] == before["status"]["artifact"]
    objects.delete(charts)

    # Nothing but the API server ends with the API server, and what uses it finds it again.
    for name in ("helm-controller", "kube-apiserver"):
        alive.stop_process(name)
    beside = alive.pids
    for name in ("kube-apiserver", "helm-controller"):
        alive.start_process(name)
    assert beside.items() < alive.pids.items()
    release = helm_release("outlasting", "strict-values", "outlasting")
    objects.apply(charts)
    objects.apply(release)
    objects.until(release, is_ready)
    objects.delete(release)
    objects.delete(charts)
    with pytest.raises(ClusterError, match="this cluster has no process 'helm-controler'"):
        alive.stop_process("helm-controler")


def test_a_lean_start_ends_flux_and_keeps_its_ports(tmp_path: Path) -> None:
    with Cluster(tmp_path / "dev", flux=True) as alive:
        ports = alive.ports
        lean = Cluster(tmp_path / "dev")
        lean.start()
        assert set(lean.pids) == {"etcd", "kube-apiserver", "kube-controller-manager"}
        assert lean.ports == ports
