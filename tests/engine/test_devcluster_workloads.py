"""As real as it can be without containers: volumes of claims, an operator's finalizers, sealed secrets."""

import base64
from functools import partial
from pathlib import Path

import pytest
import yaml

from fluxapps.devcluster import Cluster
from tests.engine.objects import Object, Objects, helm_release, is_ready, pod_template, source

REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.engine


def claim(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def named(version: str, kind: str, name: str, namespace: str | None = None) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def is_phase(phase: str, found: Object) -> bool:
    return bool(found.get("status", {}).get("phase") == phase)


def is_going(found: Object) -> bool:
    return "deletionTimestamp" in found["metadata"]


def test_a_claim_gets_a_volume_and_stays_while_a_pod_uses_it(flux_objects: Objects) -> None:
    data = claim("data")
    flux_objects.apply(data)
    bound = flux_objects.until(data, partial(is_phase, "Bound"))
    assert bound["spec"]["storageClassName"] == "standard"
    volume = named("v1", "PersistentVolume", bound["spec"]["volumeName"])
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    pod = {**named("v1", "Pod", "user", "default"), "spec": pod_template("user", volumes=volumes)["spec"]}
    flux_objects.apply(pod)
    flux_objects.until(pod, partial(is_phase, "Running"))

    flux_objects.ask_to_delete(data)
    going = flux_objects.until(data, is_going)
    assert going["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert flux_objects.until(volume, partial(is_phase, "Bound"))
    flux_objects.delete(pod)
    flux_objects.until_gone(data)
    flux_objects.until_gone(volume)


def test_an_operators_finalizer_is_cleared_only_while_the_operator_runs(
    flux_cluster: Cluster, flux_objects: Objects
) -> None:
    charts = source("HelmRepository", "operators", url=flux_cluster.charts_url)
    release = helm_release("queues", "queue-operator", "operators")
    queue = named("messaging.example.org/v1", "Queue", "orders", "default")
    beside = named("messaging.example.org/v1", "Queue", "letters", "default")
    for manifest in (charts, release):
        flux_objects.apply(manifest)
    flux_objects.until(release, is_ready)
    for manifest in (queue, beside):
        flux_objects.apply(manifest)
        found = flux_objects.until(manifest, lambda found: is_ready(found) and "finalizers" in found["metadata"])
        assert found["metadata"]["finalizers"] == ["queues.messaging.example.org/cleared"]
    flux_objects.delete(beside)

    # Without its operator it waits, and goes when one is there again.
    flux_objects.delete(release)
    flux_objects.ask_to_delete(queue)
    flux_objects.until(queue, is_going)
    flux_objects.apply(release | {"spec": {**release["spec"], "values": {"replicaCount": 0}}})
    flux_objects.until(release, is_ready)
    assert is_going(flux_objects.until(queue, bool))
    flux_objects.apply(release)
    flux_objects.until_gone(queue)
    flux_objects.delete(release)
    flux_objects.delete(charts)


def test_what_the_shipped_fleet_has_sealed_is_unsealed(flux_cluster: Cluster, flux_objects: Objects) -> None:
    sealed = [
        yaml.safe_load(file.read_text("utf-8")) for file in sorted(REPOSITORY.glob("apps/**/sealedsecret-*.yaml"))
    ]
    assert len(sealed) >= 3
    charts = source("HelmRepository", "sealing", url=flux_cluster.charts_url)
    release = helm_release("sealed-secrets", "sealed-secrets", "sealing", version="2.18.x")
    namespaces = [named("v1", "Namespace", name) for name in {each["metadata"]["namespace"] for each in sealed}]
    for manifest in (*namespaces, charts, release):
        flux_objects.apply(manifest)
    flux_objects.until(release, is_ready)
    for each in sealed:
        flux_objects.apply(each)
        metadata = each["metadata"]
        secret = flux_objects.until(named("v1", "Secret", metadata["name"], metadata["namespace"]), bool)
        assert secret["data"].keys() == each["spec"]["encryptedData"].keys()
        assert all(base64.b64decode(value).isascii() for value in secret["data"].values())
        flux_objects.until(each, is_synced)
    for manifest in (*namespaces, release, charts):
        # Nobody else's have these names: they may go at their leisure.
        flux_objects.ask_to_delete(manifest)


def is_synced(found: Object) -> bool:
    conditions = found.get("status", {}).get("conditions", [])
    return any(entry["type"] == "Synced" and entry["status"] == "True" for entry in conditions)
