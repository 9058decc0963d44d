"""Flux is alive on the local cluster: workloads get pods; releases and folders get Ready, and go when deleted."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from fluxapps.devcluster import Cluster

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


def test_a_lean_start_ends_flux_and_keeps_its_ports(tmp_path: Path) -> None:
    with Cluster(tmp_path / "dev", flux=True) as alive:
        ports = alive.ports
        lean = Cluster(tmp_path / "dev")
        lean.start()
        assert set(lean.pids) == {"etcd", "kube-apiserver", "kube-controller-manager"}
        assert lean.ports == ports
