"""Keeps Kustomizations from applying while what they applied is removed, and lets them go on.

What it means to Flux is said in :mod:`fluxapps.model.live.pruning`. Pulumi declares nothing of it, so that neither a
refresh nor an `up` would take it back by itself: the program does, and so ends what a killed removal left.
"""

import time
from collections.abc import Mapping
from typing import Final

from fluxapps.engine.cluster import ClusterError, path_of
from fluxapps.engine.cluster_writer import ClusterWriter
from fluxapps.engine.handover import changed
from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.engine.lookup import Live
from fluxapps.model.declare.names import KUSTOMIZATION_API
from fluxapps.model.durations import seconds
from fluxapps.model.live.hand_over import is_at_work
from fluxapps.model.live.pruning import has_taken_notice, holding, is_held, released
from fluxapps.model.objects import ObjectId

_POLL: Final = 0.2
_TIMEOUT: Final = 300.0
"""Seconds that a reconciliation may take that says no other."""


def hold(cluster: ClusterWriter, root: ObjectId, patience: float) -> None:
    """Keep the Kustomization *root* from applying, and wait until it doesn't any more.

    Where that is given up, *root* is as before.

    Raises:
        ClusterError: kustomize-controller takes no notice.
    """
    live = changed(cluster, path_of(root, KUSTOMIZATION_API), holding)
    try:
        _await_notice(cluster, root, live, patience)
    except (ClusterError, KeyboardInterrupt):
        release(cluster, root)
        raise


def _await_notice(cluster: ClusterWriter, root: ObjectId, live: Live | None, patience: float) -> None:
    began = time.monotonic()
    while live is not None and not has_taken_notice(live):
        if time.monotonic() - began > _allowed(live, patience):
            patch = '{"spec":{"suspend":true}}'
            raise ClusterError(
                f"kustomize-controller has taken no notice of a change of {root} for {patience:.0f} s: it would prune "
                "nothing. Nothing was removed",
                "start it, or see what it logs, then run this again; or suspend that Kustomization, to let go of the "
                f"apps and leave them running: kubectl {cluster.choice.flags} patch {root.kind.lower()}.{root.group} "
                f"{root.name} -n {root.namespace} --type=merge -p '{patch}'",
            )
        time.sleep(_POLL)
        live = cluster.find(root, KUSTOMIZATION_API)


def release(cluster: ClusterWriter, root: ObjectId) -> None:
    """Let the Kustomization *root* apply again.

    Raises:
        ClusterError: The cluster refuses it.
    """
    changed(cluster, path_of(root, KUSTOMIZATION_API), released)


def _allowed(live: Live, patience: float) -> float:
    """Return how many seconds to wait: one that is in the middle of a reconciliation ends that first."""
    return max(patience, seconds(live["spec"].get("timeout")) or _TIMEOUT) if is_at_work(live) else patience


def end_removal(choice: ClusterChoice, live: Mapping[ObjectId, Live]) -> list[ObjectId]:
    """Let those of *live* apply again that a removal held, one that was killed or given up: they are wanted again.

    Returns:
        Those.

    Raises:
        ClusterError: The cluster refuses it.
    """
    held = [one for one, found in live.items() if one.kind == "Kustomization" and is_held(found)]
    if held:
        with ClusterWriter(choice) as cluster:
            for one in held:
                release(cluster, one)
    return held
