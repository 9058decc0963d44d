"""Keeps a removal from what isn't the stack's: another cluster, and objects that are somebody else's by now."""

from fluxapps.cli.failure import CommandError
from fluxapps.cli.kept import Kept
from fluxapps.engine.cluster import Cluster, in_parallel
from fluxapps.engine.departure import Found
from fluxapps.engine.owner import lost_its_label, owner_of
from fluxapps.model.declare.names import STACK_LABEL
from fluxapps.model.live.condition import Live
from fluxapps.model.live.departure import listed

_COMMANDS = 5
"""So many commands make a way out."""


def refuse_other_cluster(cluster: Cluster, kept: Kept, stack: str) -> None:
    """Refuse to remove anything from another cluster than the one of the state of *stack*, which is *kept*.

    Raises:
        CommandError: *cluster* is another one.
        ClusterError: It can't be read.
    """
    if not kept.cluster or (uid := cluster.uid()) == kept.cluster:
        return
    raise CommandError(
        f"{cluster} is not the cluster that stack {stack} was deployed to: its kube-system "
        f"namespace has UID {uid}, the stack's has {kept.cluster}. Nothing was changed",
        "let the context lead to the right cluster; if the stack's is gone for good, forget what was in it: "
        f"pulumi refresh --stack {stack}",
    )


def refuse_others(cluster: Cluster, kept: Kept, found: Found, label: str, stack: str) -> None:
    """Refuse to delete by name what is another's by now: Pulumi knows objects by their names alone.

    Args:
        cluster: The live one.
        kept: What the stack's state holds.
        found: What *cluster* has of the stack.
        label: Value of the stack's label.
        stack: The stack.

    Raises:
        CommandError: Some objects are another's.
        ClusterError: They can't be read.
    """
    unknown = [one for identity, one in kept.objects.items() if identity not in found.objects and not one.retained]
    live = in_parallel(lambda one: cluster.metadata(one.id, one.manifest["apiVersion"]), unknown)
    there = [(one, metadata) for one, metadata in zip(unknown, live, strict=True) if metadata is not None]
    others = [
        (one, metadata)
        for one, metadata in there
        if (_is_another_stacks(metadata, label) if metadata.get("uid") == one.uid else not lost_its_label(metadata))
    ]
    if others:
        forget = "; ".join(f"pulumi state delete --stack {stack} '{one.urn}'" for one, _ in others[:_COMMANDS])
        raise CommandError(
            f"stack {stack} would delete what isn't its own any more: "
            + listed([f"{one.id} belongs to {owner_of(metadata)}" for one, metadata in others])
            + ". Nothing was changed",
            f"forget it, then go on: {forget}",
        )


def _is_another_stacks(metadata: Live, label: str) -> bool:
    return bool(metadata.get("labels", {}).get(STACK_LABEL, label) != label)
