"""The local cluster is a real one: it serves Flux's kinds strictly, deletes, heals, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import BadRequestError, NotFoundError
from kubernetes.dynamic.resource import Resource

from fluxapps.devcluster import Cluster, ClusterError, watchdog
from tests.engine.watched import runs, until

Connect = Callable[[Cluster], AbstractContextManager[DynamicClient]]

pytestmark = pytest.mark.engine

FLUX_KINDS = {
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
    ("source.toolkit.fluxcd.io/v1", "HelmChart"),
    ("source.toolkit.fluxcd.io/v1", "HelmRepository"),
    ("source.toolkit.fluxcd.io/v1", "OCIRepository"),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
}


def helm_repositories(client: DynamicClient) -> Resource:
    return client.resources.get(api_version="source.toolkit.fluxcd.io/v1", kind="HelmRepository")


def helm_repository(name: str, **spec: object) -> dict[str, object]:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmRepository",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {"url": "https://charts.example.org", "interval": "1h", **spec},
    }


def test_serves_flux_kinds(kubernetes_client: DynamicClient) -> None:
    for version, kind in FLUX_KINDS:
        assert kubernetes_client.resources.get(api_version=version, kind=kind).namespaced
    assert kubernetes_client.resources.get(api_version="v1", kind="Namespace").get(name="flux-system")


def test_strict_dry_run_refuses_an_unknown_field(kubernetes_client: DynamicClient) -> None:
    kind = helm_repositories(kubernetes_client)
    strictly = {"query_params": [("fieldValidation", "Strict"), ("dryRun", "All")]}
    assert kind.create(helm_repository("right"), **strictly).spec.interval == "1h"
    with pytest.raises(BadRequestError) as refused:
        kind.create(helm_repository("wrong", intervall="1h"), **strictly)
    assert 'unknown field "spec.intervall"' in refused.value.summary()
    with pytest.raises(NotFoundError):
        kind.get(name="right", namespace="flux-system")


def test_deletes_a_namespace_and_what_is_in_it(kubernetes_client: DynamicClient) -> None:
    namespaces = kubernetes_client.resources.get(api_version="v1", kind="Namespace")
    releases = kubernetes_client.resources.get(api_version="helm.toolkit.fluxcd.io/v2", kind="HelmRelease")
    namespaces.create({"metadata": {"name": "to-be-deleted"}})
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "podinfo", "namespace": "to-be-deleted"},
        "spec": {"interval": "30m", "chartRef": {"kind": "OCIRepository", "name": "podinfo"}},
    }
    releases.create(release)
    namespaces.delete(name="to-be-deleted", propagation_policy="Foreground")

    def is_gone() -> bool:
        return all(item.metadata.name != "to-be-deleted" for item in namespaces.get().items)

    assert until(is_gone)
    assert not releases.get(namespace="to-be-deleted").items


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of the test's own, to be started like the one of ``make up``."""
    cluster = Cluster(tmp_path / "dev")
    with watchdog.watch(cluster.folder):
        try:
            yield cluster
        finally:
            cluster.stop()


def test_heals_keeps_its_ports_and_leaves_nothing_behind(own_cluster: Cluster, connect: Connect) -> None:
    own_cluster.start()
    pids, ports = own_cluster.pids, own_cluster.ports
    with connect(own_cluster) as client:
        helm_repositories(client).create(helm_repository("kept"))

    assert not own_cluster.start()
    assert own_cluster.pids == pids

    os.kill(pids["kube-apiserver"], signal.SIGKILL)
    assert until(lambda: "kube-apiserver" not in own_cluster.pids)
    assert not own_cluster.is_ready
    own_cluster.start()
    assert own_cluster.is_ready
    assert own_cluster.ports == ports
    assert own_cluster.pids["etcd"] == pids["etcd"]
    assert own_cluster.pids["kube-apiserver"] != pids["kube-apiserver"]
    with connect(own_cluster) as client:
        assert helm_repositories(client).get(name="kept", namespace="flux-system")

    every_pid = {*pids.values(), *own_cluster.pids.values()}
    own_cluster.stop()
    assert own_cluster.pids == {}
    assert not any(runs(pid) for pid in every_pid)

    with (
        socket.create_server(("127.0.0.1", ports["kube-apiserver"])),
        socket.create_server(("127.0.0.1", ports["etcd"])),
    ):
        own_cluster.start()
        assert own_cluster.ports["kube-apiserver"] != ports["kube-apiserver"]
        assert own_cluster.ports["etcd"] != ports["etcd"]
        assert own_cluster.ports["etcd-peer"] == ports["etcd-peer"]
        assert own_cluster.server in own_cluster.kubeconfig.read_text("utf-8")
        with connect(own_cluster) as client:
            assert helm_repositories(client).get(name="kept", namespace="flux-system")

    own_cluster.reset()
    assert not own_cluster.folder.exists()


def test_ends_with_a_killed_owner(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "dev")
    program = f"""
import pathlib, sys, fluxapps.devcluster as devcluster
with devcluster.Cluster(pathlib.Path({str(cluster.folder)!r})):
    print("up", flush=True)
    sys.stdin.read()
"""
    command = (sys.executable, "-c", program)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:  # noqa: S603  our own
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        pids = cluster.pids
        assert len(pids) == 3
        owner.kill()
    assert until(lambda: cluster.pids == {})


def test_says_why_a_process_ended(own_cluster: Cluster) -> None:
    data = own_cluster.folder / "etcd" / "member" / "snap"
    data.mkdir(parents=True)
    (data / "db").write_text("damaged")
    (own_cluster.folder / "ports.json").write_text("{}")
    with pytest.raises(ClusterError, match=r"etcd has ended; the end of .*etcd\.log") as told:
        own_cluster.start()
    assert "invalid database" in told.value.what.partition("\n")[2]
    assert "reset" in told.value.fix
