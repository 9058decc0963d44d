"""Tenants: apps that no file says, declared by code as the objects that the components take."""

from typing import Any

from fluxapps.model import DeclaredObject, Manifest, ObjectId, Role

PODINFO = ObjectId("source.toolkit.fluxcd.io", "HelmRepository", "flux-system", "podinfo")


def shared() -> tuple[DeclaredObject, ...]:
    """Return what all tenants share: the repository that hosts their chart."""
    manifest = _manifest("source.toolkit.fluxcd.io/v1", PODINFO)
    manifest["spec"] = {"interval": "5m", "url": "https://stefanprodan.github.io/podinfo"}
    return (DeclaredObject(manifest=manifest, role=Role.SOURCE, logical_name="flux-system/podinfo"),)


def tenant(name: str, replicas: int) -> tuple[DeclaredObject, ...]:
    """Return the objects of the tenant *name*, in order: a namespace of its own, and podinfo in it."""
    namespace = ObjectId("", "Namespace", "", name)
    release = ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", name, "podinfo")
    source = {"kind": PODINFO.kind, "name": PODINFO.name, "namespace": PODINFO.namespace}
    manifest = _manifest("helm.toolkit.fluxcd.io/v2", release)
    manifest["spec"] = {
        "interval": "30m",
        "chart": {"spec": {"chart": "podinfo", "version": "6.x", "sourceRef": source}},
        "install": {"strategy": {"name": "RetryOnFailure"}},
        "values": {"replicaCount": replicas},
    }
    return (
        # A tenant's data outlive it.
        DeclaredObject(manifest=_manifest("v1", namespace), role=Role.NAMESPACE, logical_name=name, retain=True),
        DeclaredObject(
            manifest=manifest, role=Role.RELEASE, logical_name=f"{name}/podinfo", app=name, after=(PODINFO, namespace)
        ),
    )


def _manifest(api_version: str, identity: ObjectId) -> Manifest:
    """Return apiVersion, kind and metadata of an object; an empty namespace is none."""
    metadata: dict[str, Any] = {"name": identity.name}
    if identity.namespace:
        metadata["namespace"] = identity.namespace
    return {"apiVersion": api_version, "kind": identity.kind, "metadata": metadata}
