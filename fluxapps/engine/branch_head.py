"""Sees to it that a GitRepository that follows a branch has fetched what was pushed before the run.

Right after a push Flux still has the commit before, and all that it made of that one is Ready.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from fluxapps.engine.cluster import ClusterError
from fluxapps.engine.cluster_writer import ClusterWriter
from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.engine.worktree import is_behind
from fluxapps.model.declare.names import SOURCE, SOURCE_API
from fluxapps.model.live.condition import Live
from fluxapps.model.live.health import artifact_revision
from fluxapps.model.objects import ObjectId
from fluxapps.model.resolved import Fleet

_REQUESTED = "reconcile.fluxcd.io/requestedAt"
"""What `flux reconcile` sets."""


def outdated(root: Path, fleet: Fleet, live: Mapping[ObjectId, Live]) -> dict[ObjectId, str]:
    """Return *fleet*'s GitRepository with the revision it has, where its branch is further by now.

    Args:
        root: The working tree: its clone knows what was pushed from it.
        fleet: The stack.
        live: Its objects in the cluster.
    """
    if fleet.git is None or not fleet.follows_branch:
        return {}
    source = ObjectId(SOURCE, "GitRepository", fleet.flux_namespace, fleet.git.name)
    # <branch>@sha1:<commit>
    revision = artifact_revision(live.get(source))
    commit = revision.rpartition(":")[2]
    return {source: revision} if commit and is_behind(root, fleet.git.url, fleet.git.branch, commit) else {}


def ask_to_fetch(choice: ClusterChoice, sources: Iterable[ObjectId]) -> None:
    """Ask source-controller to fetch *sources* now; where that isn't allowed, it does so at their interval."""
    now = datetime.now(UTC).isoformat()
    with suppress(ClusterError), ClusterWriter(choice) as cluster:
        for source in sources:
            cluster.annotate(source, SOURCE_API, {_REQUESTED: now})
