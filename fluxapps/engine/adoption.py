"""Finds declared objects that are in the cluster already: ours are taken over, others' are refused, with who owns them.

Ours are known by the stack's label. The engine ignores a takeover of what its state knows, so every object of ours that
is there is marked for it, and what a killed run left, or a kept Namespace, comes back in the same ``up``.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fluxapps.engine.cluster import Cluster, in_parallel
from fluxapps.engine.lookup import DELIVERED_KINDS, FEW, NAMESPACES, Live, labelled
from fluxapps.engine.owner import is_being_deleted, lost_its_label, owner_of
from fluxapps.model.declare.names import STACK_LABEL
from fluxapps.model.objects import DeclaredObject, ObjectId

Metadata = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is in the cluster of the objects that are declared."""

    live: dict[ObjectId, Live]
    """All objects that carry the stack's label, whole, declared or not."""
    ours: frozenset[ObjectId]
    """Those that are declared, carry the label, and stay."""
    left: frozenset[ObjectId]
    """Those that carry the label and are not declared: what this run removes, or what a killed one left."""
    foreign: dict[ObjectId, str]
    """Somebody else's, and whose."""
    unlabelled: frozenset[ObjectId]
    """Ours, but for the label, which somebody took away."""
    missing: frozenset[ObjectId]
    """Declared, and not there."""
    going: frozenset[ObjectId]
    """Being deleted; nothing can be made in their place yet."""

    def adopted(self, objects: Iterable[DeclaredObject]) -> tuple[DeclaredObject, ...]:
        """Return *objects*, those that are ours and there marked to be taken over."""
        return tuple(replace(one, adopt=True) if one.id in self.ours else one for one in objects)


def survey(cluster: Cluster, objects: Collection[DeclaredObject], label: str) -> Survey:
    """Look up *objects* in *cluster*, one call for each kind and a few more.

    Args:
        cluster: The live one.
        objects: What is declared to be made by Pulumi.
        label: Value of the stack's label.

    Raises:
        ClusterError: The cluster can't be read.
    """
    declared: dict[tuple[str, str], set[ObjectId]] = {kind: set() for kind in DELIVERED_KINDS}
    for one in objects:
        declared[one.manifest["apiVersion"], one.id.kind].add(one.id)
    live = labelled(cluster, label)
    namespaces = cluster.metadata_of_all(*NAMESPACES)
    wanted = {one.id for one in objects}
    found: dict[ObjectId, Metadata] = {
        identity: one["metadata"] for identity, one in live.items() if identity in wanted
    }
    kinds = [kind for kind, mine in declared.items() if mine]
    unknown = {
        kind: {one for one in declared[kind] if one not in found and _can_be_there(one, namespaces)} for kind in kinds
    }
    found |= {identity: namespaces[identity] for identity in unknown.pop(NAMESPACES, ()) if identity in namespaces}
    found |= _looked_up(cluster, unknown)
    going = frozenset(identity for identity, metadata in found.items() if is_being_deleted(metadata))
    ours = frozenset(
        identity for identity, metadata in found.items() if metadata.get("labels", {}).get(STACK_LABEL) == label
    )
    unlabelled = frozenset(identity for identity, metadata in found.items() if lost_its_label(metadata))
    foreign = {
        identity: owner_of(metadata) for identity, metadata in found.items() if identity not in ours | unlabelled
    }
    return Survey(
        live=live,
        ours=ours - going,
        left=frozenset(live) - wanted,
        foreign=foreign,
        unlabelled=unlabelled,
        missing=frozenset(wanted - found.keys()),
        going=going,
    )


def _can_be_there(identity: ObjectId, namespaces: Mapping[ObjectId, Metadata]) -> bool:
    return not identity.namespace or ObjectId("", "Namespace", "", identity.namespace) in namespaces


def _looked_up(cluster: Cluster, unknown: Mapping[tuple[str, str], set[ObjectId]]) -> dict[ObjectId, Metadata]:
    """Return the metadata of those that are there."""
    single = [(identity, kind[0]) for kind, some in unknown.items() if len(some) <= FEW for identity in sorted(some)]
    many = [kind for kind, some in unknown.items() if len(some) > FEW]
    found: dict[ObjectId, Metadata] = {
        identity: metadata
        for (identity, _), metadata in zip(single, in_parallel(lambda one: cluster.metadata(*one), single), strict=True)
        if metadata is not None
    }
    for kind, everything in zip(many, in_parallel(lambda kind: cluster.metadata_of_all(*kind), many), strict=True):
        found |= {identity: metadata for identity, metadata in everything.items() if identity in unknown[kind]}
    return found
