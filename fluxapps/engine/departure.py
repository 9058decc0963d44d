"""Looks in a cluster for what the removal of a stack, or of some of its objects, means there."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from fluxapps.engine.adoption import Survey
from fluxapps.engine.cluster import METADATA, Cluster, ClusterError, in_parallel
from fluxapps.engine.lookup import DELIVERED_KINDS, NAMESPACES, labelled, read_each
from fluxapps.engine.owner import is_being_deleted
from fluxapps.model.declare.claims import KIND as CLAIM
from fluxapps.model.declare.claims import leaves_objects
from fluxapps.model.declare.names import HELM_RELEASE_API, KUSTOMIZATION_API, STACK_LABEL
from fluxapps.model.live.condition import Live
from fluxapps.model.live.departure import HelmName, departure, helm_name, sentences
from fluxapps.model.live.held import CONTROLLERS, SOURCE_CONTROLLER, Held, Surroundings, held
from fluxapps.model.live.helm_release import latest_release
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.live.pruning import prunes
from fluxapps.model.objects import ObjectId
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.resolved import Fleet

Metadata = Mapping[str, Any]

_LOOKED_AT: Final = 60
"""So many objects of one Kustomization are looked for."""
_FORBIDDEN: Final = 403
_FLUX_KINDS: Final = {"HelmRelease": HELM_RELEASE_API, "Kustomization": KUSTOMIZATION_API}
_APPLIED_KINDS: Final = {**_FLUX_KINDS, "Namespace": NAMESPACES[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a cluster has of a stack, and of what belongs to it."""

    objects: dict[ObjectId, Live]
    """All that carries the stack's label, and the HelmReleases, Kustomizations and Namespaces that its Kustomizations
    applied."""
    namespaces: frozenset[str]
    """Every Namespace that isn't being deleted."""
    claims: dict[ObjectId, Metadata]
    """Every PersistentVolumeClaim."""
    helm: dict[HelmName, str] | None
    """Every release that Helm keeps a history of, and its status; None where that may not be read."""
    controllers: dict[str, bool]
    """Whether a controller of Flux runs; without those of which it isn't known."""
    kubectl: str
    """How to call kubectl for this cluster."""
    selector: str
    """What chooses the stack's objects: ``fluxapps/stack=fleet.prod``."""


def look(cluster: Cluster, label: str) -> Found:
    """Look for the stack of *label* in *cluster*.

    Raises:
        ClusterError: The cluster can't be read.
    """
    return Found(
        objects=belonging(cluster, label),
        namespaces=frozenset(
            one.name for one, metadata in cluster.metadata_of_all(*NAMESPACES).items() if not is_being_deleted(metadata)
        ),
        claims=claims(cluster),
        helm=helm_releases(cluster),
        controllers=known_controllers(cluster),
        kubectl=f"kubectl {cluster.choice.flags}",
        selector=f"{STACK_LABEL}={label}",
    )


def belonging(cluster: Cluster, label: str) -> dict[ObjectId, Live]:
    """Return what carries the stack's *label*, and what its Kustomizations applied of Flux and of Namespaces.

    At any depth.
    """
    found: dict[ObjectId, Live] = dict(labelled(cluster, label))
    fresh = list(found.values())
    while applied := [one for one in applied_by(fresh) if one.kind in _APPLIED_KINDS and one not in found]:
        read = read_each(cluster, ((_APPLIED_KINDS[one.kind], one) for one in applied))
        fresh = list(read.values())
        found |= read
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


def known_controllers(cluster: Cluster) -> dict[str, bool]:
    """Return which of Flux's controllers run, as far as *cluster* has Deployments of them.

    One without a Deployment beside others that have one does not run. Without any, they may run elsewhere.
    """
    try:
        found = cluster.objects_of("apps/v1", "Deployment", label="app.kubernetes.io/part-of=flux")
    except ClusterError as exc:
        if exc.status == _FORBIDDEN:
            return {}
        raise
    running = {identity.name: bool(one.get("status", {}).get("availableReplicas")) for identity, one in found.items()}
    every = {*CONTROLLERS.values(), SOURCE_CONTROLLER}
    return {name: running.get(name, False) for name in every} if every & running.keys() else {}


def deletions(cluster: Cluster, label: str) -> dict[ObjectId, Metadata]:
    """Return those of the stack's objects that are being deleted, by their metadata alone.

    Raises:
        ClusterError: The cluster can't be read.
    """
    kinds = [kind for kind in DELIVERED_KINDS if kind[1] != "ConfigMap"]
    lists = in_parallel(lambda kind: cluster.metadata_of_all(*kind, label=f"{STACK_LABEL}={label}"), kinds)
    found = {identity: metadata for some in lists for identity, metadata in some.items()}
    return {identity: metadata for identity, metadata in found.items() if is_being_deleted(metadata)}


def examine(cluster: Cluster, label: str, also: Collection[ObjectId] = ()) -> "Examined":
    """Return why those of the stack's objects that are being deleted are still there.

    Args:
        cluster: The live one.
        label: Value of the stack's label.
        also: HelmReleases that belong to it too, though the Kustomizations that applied them are gone.

    Raises:
        ClusterError: The cluster can't be read.
    """
    objects = belonging(cluster, label)
    objects |= read_each(cluster, ((HELM_RELEASE_API, one) for one in also if one not in objects))
    going = {identity: live for identity, live in objects.items() if is_being_deleted(live["metadata"])}
    kubectl = f"kubectl {cluster.choice.flags}"
    around = Surroundings(helm=helm_releases(cluster), controllers=known_controllers(cluster), kubectl=kubectl)
    applied = {
        identity: {one: found.metadata for one, found in still_applied(cluster, live, _LOOKED_AT).items()}
        if identity.kind == "Kustomization"
        else {}
        for identity, live in going.items()
    }
    found = _with_waits(
        {identity: held(live, around, applied[identity]) for identity, live in sorted(going.items())}, applied
    )
    moving = {one.id for one in found if one.moves}
    state = {(identity, live["metadata"]["resourceVersion"]) for identity, live in going.items() if identity in moving}
    left = {one for some in applied.values() for one in some}
    releases = {helm_name(live) for live in going.values() if live["kind"] == "HelmRelease"}
    helm = {(name, status) for name, status in (around.helm or {}).items() if name in releases}
    return Examined(held=found, signature=hash((frozenset(going), frozenset(state), frozenset(left), frozenset(helm))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found of a stack's deletions."""

    held: tuple[Held, ...]
    signature: int
    """Another one says that something has moved."""


def _with_waits(
    found: Mapping[ObjectId, Held], applied: Mapping[ObjectId, Mapping[ObjectId, Metadata]]
) -> tuple[Held, ...]:
    """Return *found*, Kustomizations as still as all that they wait for."""
    still = {one for one, each in found.items() if not each.moves}
    waits = {
        one: [other for other, metadata in applied[one].items() if is_being_deleted(metadata)]
        for one in found
        if one not in still
    }
    return tuple(
        replace(each, moves=False) if waits.get(one) and still.issuperset(waits[one]) else each
        for one, each in found.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a Kustomization applied, as it is in the cluster."""

    path: str
    """The API's, of this object."""
    api_version: str
    metadata: Metadata


def still_applied(
    cluster: Cluster, kustomization: Live, most: int | None = None, without: Collection[str] = ()
) -> dict[ObjectId, Applied]:
    """Return what *kustomization* applied that is there yet, and is to go with it.

    Args:
        cluster: The live one.
        kustomization: As it is, or was.
        most: So many objects are looked for.
        without: Kinds that aren't.

    Raises:
        ClusterError: The cluster can't be read.
    """
    if leaves_objects(kustomization.get("spec", {})):
        return {}
    inventory = zip(inventory_of(kustomization), versions_of(kustomization), strict=True)
    entries = [entry for entry in inventory if entry[0].kind not in without][:most]
    places = in_parallel(lambda version: collections_of(cluster, version), sorted({version for _, version in entries}))
    collections = {kind: path for found in places for kind, path in found.items()}
    known = [
        (one, api, _path(collections[api, one.kind], one)) for one, api in entries if (api, one.kind) in collections
    ]
    read = in_parallel(lambda entry: cluster.get(entry[2], accept=METADATA), known)
    return {
        one: Applied(path=path, api_version=api, metadata=live["metadata"])
        for (one, api, path), live in zip(known, read, strict=True)
        if live is not None and prunes(kustomization, live["metadata"])
    }


def versions_of(live: Live) -> list[str]:
    """Return the API version of each object in the inventory of *live*."""
    entries = (live.get("status", {}).get("inventory") or {}).get("entries") or ()
    groups = (one.group for one in inventory_of(live))
    return [f"{group}/{entry['v']}" if group else entry["v"] for group, entry in zip(groups, entries, strict=True)]


def collections_of(cluster: Cluster, api_version: str) -> dict[tuple[str, str], str]:
    """Return where the objects of each kind of *api_version* are, by that and kind."""
    base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    resources = (cluster.get(base) or {}).get("resources", ())
    return {(api_version, one["kind"]): f"{base} {one['name']}" for one in resources if "/" not in one["name"]}


def _path(place: str, identity: ObjectId) -> str:
    base, plural = place.split()
    within = f"/namespaces/{quote(identity.namespace)}" if identity.namespace else ""
    return f"{base}{within}/{plural}/{quote(identity.name)}"


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
    deleted = [one for one in namespaces if _is_deleted(fleet, one)]
    # Helm's own records, as many as there are releases in the cluster, are read only where they can matter.
    unrecorded = any(one.kind == "HelmRelease" and not latest_release(live) for one, live in going.items())
    installed = helm_releases(cluster) if unrecorded else None
    departing = departure(going, claims(cluster), namespaces, deleted, installed or ())
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
