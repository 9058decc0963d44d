"""Finds the objects of a stack in its cluster, whole, whoever delivers them."""

from collections.abc import Collection, Iterable
from typing import Any, Final

from fluxapps.engine.cluster import Cluster, in_parallel
from fluxapps.model.declare.names import STACK_LABEL
from fluxapps.model.flux_schema import API_VERSIONS
from fluxapps.model.objects import DeclaredObject, ObjectId

NAMESPACES: Final = ("v1", "Namespace")
DELIVERED_KINDS: Final = (NAMESPACES, ("v1", "ConfigMap"), *((api, kind) for kind, api in API_VERSIONS.items()))
"""API version and kind of all that Pulumi ever makes here."""
FEW: Final = 40
"""So many objects of a kind are asked for one by one; for more, one list of the whole kind is cheaper."""

Live = dict[str, Any]
"""An object as the cluster has it."""


def look_up(cluster: Cluster, objects: Collection[DeclaredObject], label: str) -> dict[ObjectId, Live]:
    """Return those of *objects* that are in *cluster*, and whatever else carries the stack's *label*.

    Raises:
        ClusterError: The cluster can't be read.
    """
    live = labelled(cluster, label)
    return live | look_up_each(cluster, [one for one in objects if one.id not in live])


def labelled(cluster: Cluster, label: str) -> dict[ObjectId, Live]:
    """Return what carries the stack's *label*: one list for each kind.

    Raises:
        ClusterError: The cluster can't be read.
    """
    lists = in_parallel(lambda kind: cluster.objects_of(*kind, label=f"{STACK_LABEL}={label}"), DELIVERED_KINDS)
    return {identity: found for some in lists for identity, found in some.items()}


def look_up_each(cluster: Cluster, objects: Iterable[DeclaredObject]) -> dict[ObjectId, Live]:
    """Return those of *objects* that are in *cluster*, whatever labels they carry: what Flux delivers has none of ours.

    Raises:
        ClusterError: The cluster can't be read.
    """
    return read_each(cluster, ((one.manifest["apiVersion"], one.id) for one in objects))


def read_each(cluster: Cluster, wanted: Iterable[tuple[str, ObjectId]]) -> dict[ObjectId, Live]:
    """Return those of *wanted*, each with its API version, that are in *cluster*.

    A call for each where a kind has few of them, else a list of the kind.

    Raises:
        ClusterError: The cluster can't be read.
    """
    kinds: dict[tuple[str, str], list[ObjectId]] = {}
    for api_version, one in wanted:
        kinds.setdefault((api_version, one.kind), []).append(one)
    few = [(api, one) for (api, _), some in kinds.items() if len(some) <= FEW for one in some]
    many = [kind for kind, some in kinds.items() if len(some) > FEW]
    asked = in_parallel(lambda each: cluster.find(each[1], each[0]), few)
    found = {one: live for (_, one), live in zip(few, asked, strict=True) if live is not None}
    for kind, every in zip(many, in_parallel(lambda kind: cluster.objects_of(*kind), many), strict=True):
        found |= {one: every[one] for one in kinds[kind] if one in every}
    return found
