"""Flux is alive on the local cluster: workloads get pods; releases and folders get Ready, and go when deleted."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from fluxapps.devcluster import Cluster, ClusterError

pytestmark = pytest.mark.engine

Object = dict[str, Any]


class Objects:
    """The objects of a cluster."""

    def __init__(self, connection: DynamicClient) -> None:
        self._connection = connection

    def apply(self, manifest: Object) -> Object:
        metadata = manifest["metadata"]
        kind = self._connection.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        applied: Object = kind.server_side_apply(
            body=manifest,
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            field_manager="test",
            force_conflicts=True,
        ).to_dict()
        return applied

    def find(self, manifest: Object) -> Object | None:
        metadata = manifest["metadata"]
        kind = self._connection.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        try:
            found: Object = kind.get(name=metadata["name"], namespace=metadata.get("namespace")).to_dict()
        except NotFoundError:
            return None
        return found

    def delete(self, manifest: Object, within: float = 60) -> None:
        """Delete an object and wait until it is gone."""
        metadata = manifest["metadata"]
        kind = self._connection.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        kind.delete(name=metadata["name"], namespace=metadata.get("namespace"))
        self.until_gone(manifest, within)

    def until_gone(self, manifest: Object, within: float = 60) -> None:
        """Wait until there is no such object."""
        deadline = time.monotonic() + within
        while (found := self.find(manifest)) is not None:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    def until(self, manifest: Object, is_so: Callable[[Object], bool], within: float = 90) -> Object:
        """Wait until an object is as wanted, and return it."""
        deadline = time.monotonic() + within
        while not ((found := self.find(manifest)) and is_so(found)):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found


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


def pod_template(name: str, **spec: Any) -> Object:
    containers = [{"name": "main", "image": "registry.example.org/none"}]
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers, **spec}}


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


SOURCE = "source.toolkit.fluxcd.io/v1"


class Repository:
    """A git repository in a folder, served to Flux."""

    def __init__(self, folder: Path, cluster: Cluster, name: str) -> None:
        folder.mkdir()
        self._folder = folder
        self._git("init", "--quiet", "--initial-branch=main")
        self.url = cluster.repository_url(name, folder)

    def commit(self, files: dict[str, str]) -> str:
        """Write files, empty ones are removed, and return the commit."""
        for path, text in files.items():
            file = self._folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if text:
                file.write_text(text, "utf-8")
            else:
                file.unlink()
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message=change")
        return self._git("rev-parse", "HEAD")

    def tag(self, name: str) -> None:
        self._git("tag", name)

    def _git(self, *arguments: str) -> str:
        named = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        command = ("git", "-C", str(self._folder), *named, *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603  our own


@pytest.fixture
def repository(tmp_path: Path, alive: Cluster, request: pytest.FixtureRequest) -> Repository:
    return Repository(tmp_path / "repository", alive, request.node.name)


def source(kind: str, name: str, **spec: Any) -> Object:
    metadata = {"name": name, "namespace": "flux-system"}
    return {"apiVersion": SOURCE, "kind": kind, "metadata": metadata, "spec": {"interval": "1h", **spec}}


def git_repository(name: str, repository: Repository, **spec: Any) -> Object:
    return source("GitRepository", name, **{"url": repository.url, "ref": {"branch": "main"}, **spec})


def kustomization(name: str, path: str, **spec: Any) -> Object:
    usual = {"interval": "1h", "prune": True, "path": path, "deletionPolicy": "WaitForTermination", "timeout": "1m"}
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {**usual, "sourceRef": {"kind": "GitRepository", "name": name}, **spec},
    }


def helm_release(name: str, chart: str, repository: str, **spec: Any) -> Object:
    origin = {"kind": "HelmRepository", "name": repository, "namespace": "flux-system"}
    wanted = {"chart": chart, "version": spec.pop("version", "*"), "sourceRef": origin}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"interval": "1h", "timeout": "1m", "chart": {"spec": wanted}, **spec},
    }


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def ready(found: Object) -> Object:
    """Return the Ready condition, if it is of the present generation."""
    conditions: list[Object] = found.get("status", {}).get("conditions", [])
    generation = found["metadata"]["generation"]
    now = (entry for entry in conditions if entry["type"] == "Ready" and entry.get("observedGeneration") == generation)
    return next(now, {"status": "Unknown", "reason": "", "message": ""})


def is_ready(found: Object) -> bool:
    return bool(
        ready(found)["status"] == "True" and found["status"]["observedGeneration"] == found["metadata"]["generation"]
    )


def is_failing(found: Object) -> bool:
    return bool(ready(found)["status"] == "False")


def says(told: str, found: Object) -> bool:
    return told in ready(found)["message"]


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
    for manifest, told in ((git, "secretRef of a GitRepository"), (chart, "kind of a OCIRepository")):
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
