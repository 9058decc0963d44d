"""Looks in a cluster for what the removal of a stack, or of some of its objects, means there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fluxapps.engine.adoption import DELIVERED_KINDS, Survey
from fluxapps.engine.cluster import Cluster, ClusterError, collection_path, in_parallel
from fluxapps.model.declare.claims import KIND as CLAIM
from fluxapps.model.declare.names import HELM_RELEASE_API, KUSTOMIZATION_API, STACK_LABEL
from fluxapps.model.live.condition import Live
from fluxapps.model.live.departure import HelmName, departure, sentences
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.objects import ObjectId
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.resolved import Fleet

Metadata = Mapping[str, Any]

CONTROLLERS: Final = {"HelmRelease": "helm-controller", "Kustomization": "kustomize-controller"}
"""Who takes the finalizer away from objects of a kind."""

_FORBIDDEN: Final = 403
_FLUX_KINDS: Final = {"HelmRelease": HELM_RELEASE_API, "Kustomization": KUSTOMIZATION_API}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a cluster has of a stack, and of what belongs to it."""

    objects: dict[ObjectId, Live]
    """All that carries the stack's label, and the HelmReleases and Kustomizations that its Kustomizations applied."""
    claims: dict[ObjectId, Metadata]
    """Every PersistentVolumeClaim."""
    helm: dict[HelmName, str] | None
    """Every release that Helm keeps a history of, and its status; None where that may not be read."""
    stopped: frozenset[str]
    """Controllers of Flux that are known not to run."""


def look(cluster: Cluster, label: str) -> Found:
    """Look for the stack of *label* in *cluster*.

    Raises:
        ClusterError: The cluster can't be read.
    """
    return Found(
        objects=labelled(cluster, label),
        claims=claims(cluster),
        helm=helm_releases(cluster),
        stopped=stopped_controllers(cluster),
    )


def labelled(cluster: Cluster, label: str) -> dict[ObjectId, Live]:
    """Return what carries the stack's *label*, and what of Flux its Kustomizations applied, at any depth."""
    lists = in_parallel(lambda kind: cluster.objects_of(*kind, label=f"{STACK_LABEL}={label}"), DELIVERED_KINDS)
    found: dict[ObjectId, Live] = {identity: one for some in lists for identity, one in some.items()}
    fresh = list(found.values())
    while applied := [one for one in applied_by(fresh) if one.kind in _FLUX_KINDS and one not in found]:
        paths = [f"{collection_path(_FLUX_KINDS[one.kind], one.kind, one.namespace)}/{one.name}" for one in applied]
        read = dict(zip(applied, in_parallel(cluster.get, paths), strict=True))
        fresh = [one for one in read.values() if one is not None]
        found |= {identity: one for identity, one in read.items() if one is not None}
    return found


def applied_by(objects: Iterable[Live]) -> list[ObjectId]:
    """Return what the Kustomizations among *objects* have applied."""
    folders = (one for one in objects if one["kind"] == "Kustomization")
    return list(dict.fromkeys(identity for one in folders for identity in inventory_of(one)))


def helm_releases(cluster: Cluster) -> dict[HelmName, str] | None:
    """Return the releases that Helm keeps in *cluster*, with the status of the latest version of each."""
    try:
        secrets = cluster.metadata_of_all("v1", "Secret", label="owner=helm")
    except ClusterError as exc:
        if exc.status == _FORBIDDEN:
            return None
        raise
    latest: dict[HelmName, tuple[int, str]] = {}
    for identity, metadata in secrets.items():
        labels = metadata.get("labels", {})
        name = HelmName(identity.namespace, labels.get("name", ""))
        version = int(labels["version"]) if labels.get("version", "").isdigit() else 0
        latest[name] = max(latest.get(name, (0, "")), (version, labels.get("status", "")))
    return {name: status for name, (_, status) in latest.items()}


def stopped_controllers(cluster: Cluster) -> frozenset[str]:
    """Return the controllers of Flux of which *cluster* has a Deployment without a running pod, or none beside others.

    Without a Deployment of any, they may run elsewhere: nothing is known.
    """
    try:
        found = cluster.objects_of("apps/v1", "Deployment", label="app.kubernetes.io/part-of=flux")
    except ClusterError as exc:
        if exc.status == _FORBIDDEN:
            return frozenset()
        raise
    running = {identity.name: bool(one.get("status", {}).get("availableReplicas")) for identity, one in found.items()}
    known = running.keys() & {*CONTROLLERS.values(), "source-controller"}
    return frozenset(name for name in CONTROLLERS.values() if known and not running.get(name))


def removals(cluster: Cluster, fleet: Fleet, found: Survey) -> list[Problem]:
    """Return a warning with all that a run takes from *cluster* because *fleet* no longer declares it, and leaves.

    Raises:
        ClusterError: The cluster can't be read.
    """
    left = {one: found.live[one] for one in found.left}
    going = {one: live for one, live in left.items() if one.kind in _FLUX_KINDS}
    if not going:
        return []
    namespaces = {one.name for one in left if one.kind == "Namespace"} & _namespaces_of(going.values())
    departing = departure(going, claims(cluster), namespaces, [one for one in namespaces if _is_deleted(fleet, one)])
    if not (said := sentences(departing)):
        return []
    what = f"no longer declared, so this run {'; '.join(said)}"
    fix = f"if that isn't meant, bring the app back; fluxapps detach takes one out of stack {fleet.stack} as it runs"
    file = f"Pulumi.{fleet.stack}.yaml"
    return [Problem(code="removal", severity=Severity.WARNING, what=what, file=file, fix=fix)]


def _namespaces_of(objects: Iterable[Live]) -> set[str]:
    """Return the namespaces that the HelmReleases among *objects* are in, and install to."""
    releases = [one for one in objects if one["kind"] == "HelmRelease"]
    named = {one.get("spec", {}).get(field) for one in releases for field in ("targetNamespace", "storageNamespace")}
    return {one["metadata"]["namespace"] for one in releases} | {one for one in named if one}


def _is_deleted(fleet: Fleet, namespace: str) -> bool:
    said = fleet.namespaces.get(namespace)
    return said.delete if said is not None else bool(fleet.cluster.delete_namespaces)


def claims(cluster: Cluster) -> dict[ObjectId, Metadata]:
    """Return every PersistentVolumeClaim of *cluster*; none where they may not be read."""
    try:
        return dict(cluster.metadata_of_all("v1", CLAIM))
    except ClusterError as exc:
        if exc.status == _FORBIDDEN:
            return {}
        raise
