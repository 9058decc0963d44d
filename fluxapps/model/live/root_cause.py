"""Follows what keeps an object from being Ready to the root of it: what it needs, and what that needs.

A HelmRelease needs its chart and that its repository; a Kustomization its source; both what they depend on; and what
Flux makes needs the Kustomization that applies it. Flux says little of this in the object itself: "not ready". A
failure counts only for the generation, and the revision of chart or source, that are the latest.
"""

from collections.abc import Callable

from fluxapps.model.declare.names import SOURCE
from fluxapps.model.live.condition import Live, current_condition
from fluxapps.model.live.drift import differences
from fluxapps.model.live.health import (
    SUSPENDED,
    TRIED_AGAIN,
    Health,
    State,
    artifact_revision,
    failed,
    is_suspended,
    progressing,
)
from fluxapps.model.live.kustomization_health import kustomization_health, source_of
from fluxapps.model.live.release_health import release_health
from fluxapps.model.live.scene import Cast, Inquiry, Scene
from fluxapps.model.live.source_health import chart_health, source_health
from fluxapps.model.objects import ObjectId

_BY_KIND: dict[str, Callable[[Inquiry, ObjectId, Live], Health]] = {
    "HelmRelease": release_health,
    "Kustomization": kustomization_health,
    "HelmChart": chart_health,
}
"""All others are sources."""


class RootCause:
    """Judges the objects of a stack, each once."""

    def __init__(self, cast: Cast, scene: Scene) -> None:
        self.cast = cast
        self.scene = scene
        self._known: dict[ObjectId, Health] = {}

    def of(self, identity: ObjectId) -> Health:
        """Return how *identity* stands, with the root of its trouble."""
        if (known := self._known.get(identity)) is not None:
            return known
        # Who comes back to it on the way depends on itself, which the checks refuse; others' objects may.
        self._known[identity] = progressing("waits for itself")
        found = self.scene.find(identity)
        self._known[identity] = health = self._absent(identity) if found is None else self._there(identity, found)
        return health

    def _there(self, identity: ObjectId, one: Live) -> Health:
        if is_suspended(one) and identity.group != SOURCE:
            return SUSPENDED
        if "deletionTimestamp" in one["metadata"]:
            return progressing("being deleted")
        if (unapplied := self._unapplied(identity)) is not None:
            return unapplied
        return _BY_KIND.get(identity.kind, source_health)(self, identity, one)

    def _absent(self, identity: ObjectId) -> Health:
        if (unapplied := self._unapplied(identity)) is not None:
            return unapplied
        if identity in self.cast.applied_by:
            what = f"{self.cast.applied_by[identity]} has applied what Git holds, and this is not in it"
            return failed(identity, f"{what}: is the rendered tree committed and pushed?", TRIED_AGAIN)
        if identity in self.cast.declared or (identity.group == SOURCE and identity.kind != "HelmChart"):
            return failed(identity, "is not in the cluster", TRIED_AGAIN)
        return progressing(f"waits for {identity}, which is not in the cluster")

    def _unapplied(self, identity: ObjectId) -> Health | None:
        """Return what keeps Flux from having applied *identity* as Git has it now; None where it has."""
        writer = self.cast.applied_by.get(identity)
        if writer is None:
            return None
        found = self.scene.find(writer)
        if found is None or is_suspended(found):
            return self.of(writer) if found is None else None
        source = self.of(source_of(writer, found))
        if source.state is not State.READY:
            return source
        revision = artifact_revision(self.scene.find(source_of(writer, found)))
        said = current_condition(found, "Ready")
        if found.get("status", {}).get("lastAttemptedRevision") == revision and said is not None:
            # It is said to be attempted before anything is applied.
            is_at_it = said["status"] == "Unknown"
            return progressing("not applied yet") if is_at_it and self._is_older(identity) else None
        health = self.of(writer)
        if not health.is_failure and current_condition(found, "Healthy") is not None:
            # Only in the end, or after its timeout, kustomize-controller looks at a newer commit.
            return progressing("Flux still checks what it applied before")
        return health if health.is_failure else progressing("not applied yet")

    def _is_older(self, identity: ObjectId) -> bool:
        """Return whether what Flux makes of *identity* is there as something else than it is declared now."""
        declared, found = self.cast.declared.get(identity), self.scene.find(identity)
        return declared is not None and found is not None and bool(differences(declared.manifest, found))
