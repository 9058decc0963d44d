"""Keeps a stack to its cluster: the one that its first ``up`` found is written into the state, another is refused.

Why the state, by Pulumi's own Stash resource: docs/adr/0005-engine.md.
"""

from dataclasses import dataclass

import pulumi
from pulumi.runtime.sync_await import _sync_await

from fluxapps.engine.cluster import Cluster

STASH = "cluster"
"""Logical name of the resource that keeps what is said of the cluster."""


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """What a stack keeps of its cluster from its first ``up`` on."""

    uid: str
    """Of its kube-system namespace."""
    identifier: str
    """The provider's ``cluster_identifier``, whose change would replace every object: a renamed stack keeps its own."""


def kept_identity(found: ClusterIdentity) -> ClusterIdentity:
    """Return the identity kept with the stack: *found* itself, if this is its first ``up``.

    The Stash is made by the first ``up`` and gives back what it was made with, whatever it is given later; in preview
    too. It is in the state before anything else is registered, so a killed run can't lose it without losing the rest.
    """
    stash = pulumi.Stash(
        STASH,
        input={"uid": found.uid, "clusterIdentifier": found.identifier},
        opts=pulumi.ResourceOptions(ignore_changes=["input"]),
    )
    # The SDK's own way (its generated invokes use it) to have an answer before the program goes on.
    kept = _sync_await(stash.output.future())
    if not isinstance(kept, dict):
        # `pulumi up --target` of something else has not made it yet.
        return found
    return ClusterIdentity(str(kept["uid"]), str(kept["clusterIdentifier"]))


def refuse_other_cluster(cluster: Cluster, uid: str, stack: str, project: str) -> ClusterIdentity:
    """Return what the stack keeps of *cluster*, whose kube-system namespace has *uid*.

    Raises:
        pulumi.RunError: The stack was deployed to another one; nothing has been registered but the Stash.
    """
    kept = kept_identity(ClusterIdentity(uid, f"{project}/{stack}"))
    if kept.uid == uid:
        return kept
    urn = f"urn:pulumi:{stack}::{project}::pulumi:index:Stash::{STASH}"
    raise pulumi.RunError(
        f"{cluster} is not the cluster that stack '{stack}' was deployed to: "
        f"its kube-system namespace has UID {uid}, the stack's has {kept.uid}. Nothing was changed.\n"
        "  - If the context is wrong, name the right one.\n"
        "  - If this cluster is meant as well, give it a stack of its own: pulumi stack init NAME.\n"
        "  - If the stack's cluster was rebuilt, forget the old one, in this order:\n"
        "      pulumi refresh\n"
        f"      pulumi state delete '{urn}'"
    )
