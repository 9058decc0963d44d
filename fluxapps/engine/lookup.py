"""Finds the objects of a stack in its cluster, whole, whoever delivers them."""

from collections.abc import Collection
from typing import Any

from fluxapps.engine.adoption import DELIVERED_KINDS, FEW
from fluxapps.engine.cluster import Cluster, collection_path, in_parallel
from fluxapps.model.declare.names import STACK_LABEL
from fluxapps.model.objects import DeclaredObject, ObjectId

Live = dict[str, Any]


def look_up(cluster: Cluster, objects: Collection[DeclaredObject], label: str) -> dict[ObjectId, Live]:
    """Return those of *objects* that are in *cluster*, and whatever else carries the stack's *label*.

    One list for each kind; a second one, or a call for each object where they are few, for what carries no label: what
    Flux delivers, and what somebody took it from.

    Raises:
        ClusterError: The cluster can't be read.
    """
    lists = in_parallel(lambda kind: cluster.objects_of(*kind, label=f"{STACK_LABEL}={label}"), DELIVERED_KINDS)
    live: dict[ObjectId, Live] = {identity: found for some in lists for identity, found in some.items()}
    lacking: dict[tuple[str, str], list[ObjectId]] = {}
    for one in objects:
        if one.id not in live:
            lacking.setdefault((one.manifest["apiVersion"], one.id.kind), []).append(one.id)
    for some in in_parallel(lambda kind: _found(cluster, kind, lacking[kind]), lacking):
        live |= some
    return live


def _found(cluster: Cluster, kind: tuple[str, str], wanted: list[ObjectId]) -> dict[ObjectId, Live]:
    if len(wanted) > FEW:
        names = set(wanted)
        return {identity: one for identity, one in cluster.objects_of(*kind).items() if identity in names}
    found = ((one, cluster.get(f"{collection_path(*kind, one.namespace)}/{one.name}")) for one in wanted)
    return {identity: one for identity, one in found if one is not None}
