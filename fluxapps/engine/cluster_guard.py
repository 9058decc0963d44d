"""Keeps a stack to its cluster: the one that its first ``up`` found is written into the state, another is refused.

Why the state, by Pulumi's own Stash resource: docs/adr/0005-engine.md.
"""

import pulumi
from pulumi.runtime.sync_await import _sync_await

from fluxapps.engine.cluster import Cluster

STASH = "cluster"
"""Logical name of the resource that keeps the cluster's UID."""


def kept_uid(uid: str) -> str:
    """Return the UID kept with the stack: *uid* itself, if this is its first ``up``.

    The Stash is made by the first ``up`` and gives back what it was made with, whatever it is given later; in preview
    too. It is in the state before anything else is registered, so a killed run can't lose it without losing the rest.
    """
    stash = pulumi.Stash(STASH, input=uid, opts=pulumi.ResourceOptions(ignore_changes=["input"]))
    # The SDK's own way (its generated invokes use it) to have an answer before the program goes on.
    kept: object = _sync_await(stash.output.future())
    return str(kept)


def refuse_other_cluster(cluster: Cluster, uid: str, stack: str, project: str) -> None:
    """Raise unless *cluster*, whose kube-system namespace has *uid*, is the one the stack was first deployed to.

    Raises:
        pulumi.RunError: It is another one; nothing has been registered but the Stash.
    """
    kept = kept_uid(uid)
    if kept == uid:
        return
    urn = f"urn:pulumi:{stack}::{project}::pulumi:index:Stash::{STASH}"
    raise pulumi.RunError(
        f"{cluster} is not the cluster that stack '{stack}' was deployed to: "
        f"its kube-system namespace has UID {uid}, the stack's has {kept}. Nothing was changed.\n"
        "  - If the context is wrong, name the right one.\n"
        "  - If this cluster is meant as well, give it a stack of its own: pulumi stack init NAME.\n"
        "  - If the stack's cluster was rebuilt, forget the old one, in this order:\n"
        "      pulumi refresh\n"
        f"      pulumi state delete '{urn}'"
    )
