"""Removes apps that Git delivers in order: those first that no other depends on.

The Kustomization that applies theirs is held meanwhile (:mod:`fluxapps.engine.hold`); what each of them applied, Flux
itself prunes. A run that is killed leaves it held: the next `destroy` goes on, the next `up` lets it apply again.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from fluxapps.engine.cluster import ClusterError, in_parallel
from fluxapps.engine.cluster_writer import ClusterWriter
from fluxapps.engine.departure import Applied, belonging, examine, still_applied
from fluxapps.engine.hold import hold
from fluxapps.engine.lookup import labelled
from fluxapps.engine.owner import is_being_deleted
from fluxapps.model.declare.claims import leaves_objects
from fluxapps.model.declare.names import HELM_RELEASE_API, KUSTOMIZATION_API
from fluxapps.model.durations import seconds
from fluxapps.model.live.condition import Live
from fluxapps.model.live.departure import listed
from fluxapps.model.live.hand_over import owner_of
from fluxapps.model.live.health import is_suspended
from fluxapps.model.live.held import Held, Surroundings, held
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.live.pruning import (
    folders_of,
    free,
    is_folder,
    is_held,
    needs_cleaning,
    roots_of,
)
from fluxapps.model.objects import ObjectId

_POLL: Final = 0.3
_TIMEOUT: Final = 300.0
"""Seconds that a Kustomization waits for what it prunes, where it says no other."""
_GRACE: Final = 60.0
_MOST: Final = 2 * _TIMEOUT + _GRACE
"""Seconds for releases whose Kustomization has gone before them."""
_LOOKS: Final = 4
"""Looks within the time that one has patience."""
_UNMANAGED: Final = ("HelmRelease", "ConfigMap")
"""Kinds that need nobody of the app to go, and that every app has."""


@dataclass(kw_only=True)
class Folder:
    """An app's Kustomization, on its way out."""

    id: ObjectId
    live: Live
    """As it is, or was last."""
    releases: frozenset[ObjectId]
    """Its HelmReleases."""
    since: float
    applied: dict[ObjectId, Applied] = field(default_factory=dict)
    """What else it applied that has to go, and is there yet."""

    @property
    def within(self) -> float:
        """Return how many seconds it may take: a reconciliation that goes on, and its own wait."""
        return 2 * (seconds(self.live["spec"].get("timeout")) or _TIMEOUT) + _GRACE


@dataclass(kw_only=True)
class Pruning:
    """One removal of apps that Git delivers."""

    cluster: ClusterWriter
    label: str
    """Value of the stack's label."""
    say: Callable[[str], None]
    """Gets a line for each app, and what is held up."""
    patience: float
    """Seconds without progress, with nobody at work, after which it is given up."""
    releases: set[ObjectId] = field(default_factory=set)
    """HelmReleases that go: they may outlive the Kustomizations by which they are found."""
    removed: int = 0
    """Apps."""
    holds: bool = False
    """Whether a Kustomization has been held, which is let go again by others."""
    stuck: list[Held] = field(default_factory=list)
    """In the end: what is still there and is no object of Flux's."""

    def roots(self) -> dict[ObjectId, Live]:
        """Return the Kustomization that applies those of the apps; none where Git delivers no app.

        Raises:
            ClusterError: The cluster can't be read.
        """
        return roots_of(labelled(self.cluster, self.label))

    def remove(self, root: ObjectId, wanted: Callable[[ObjectId], bool] = lambda _: True) -> bool:
        """Remove the apps whose Kustomizations *root* applied and are *wanted*; *root* stays held.

        Returns:
            Whether all of them are gone.

        Raises:
            ClusterError: The cluster refuses something, or Flux doesn't work.
        """
        objects = belonging(self.cluster, self.label)
        if root not in objects:
            return True
        folders = {one: live for one, live in folders_of(objects[root], objects).items() if wanted(one)}
        ever = [one for one in inventory_of(objects[root]) if is_folder(one) and wanted(one)]
        releases = self._releases_of(ever, folders)
        # Some may have lost their Kustomization to its timeout in an earlier run.
        left_over = {one for folder, some in releases.items() if folder not in folders for one in some}
        if not folders and not left_over:
            return True
        self.releases |= {one for some in releases.values() for one in some}
        hold(self.cluster, root, self.patience)
        self.holds = True
        return self._all_gone(root, folders, {one: frozenset(releases[one]) for one in folders}, left_over)

    def _releases_of(self, ever: Collection[ObjectId], folders: Collection[ObjectId]) -> dict[ObjectId, set[ObjectId]]:
        """Return the HelmReleases that each of *ever* applied; where it isn't among *folders*, those being deleted."""
        found: dict[ObjectId, set[ObjectId]] = {one: set() for one in ever}
        for one, live in self.cluster.objects_of(HELM_RELEASE_API, "HelmRelease").items():
            folder = owner_of(live)
            if folder in found and (folder in folders or is_being_deleted(live["metadata"])):
                found[folder].add(one)
        return found

    def _all_gone(
        self,
        root: ObjectId,
        folders: Mapping[ObjectId, Live],
        releases: Mapping[ObjectId, frozenset[ObjectId]],
        also: set[ObjectId],
    ) -> bool:
        """Remove *folders* one after another, and wait for them, their *releases*, and what *also* goes."""
        left = dict.fromkeys(folders)
        under_way: dict[ObjectId, Folder] = {}
        stillness = _Stillness(self)
        began = time.monotonic()
        while True:
            there = self._there()
            if root in there and not is_held(there[root]):
                raise ClusterError(
                    f"somebody let {root} apply again, so that it would bring back what is removed",
                    "let the other run end, then run this again",
                )
            also &= there.keys()
            now = time.monotonic()
            for one in free(folders, left):
                if one not in under_way:
                    under_way[one] = Folder(id=one, live=folders[one], releases=releases[one], since=now)
            for folder in list(under_way.values()):
                if not self._advance(folder, there):
                    self.removed += 1
                    self.say(_line(folder, now - folder.since))
                    del under_way[folder.id], left[folder.id]
            if not left and not also:
                return True
            late = (now - one.since > one.within for one in under_way.values())
            if all(late) and (under_way or now - began > _MOST):
                break
            if stillness.is_hopeless(under_way.values(), there, now):
                break
            time.sleep(_POLL)
        self.stuck = _stuck(under_way.values(), self.cluster.choice.flags)
        return False

    def _there(self) -> dict[ObjectId, Live]:
        kinds = ((KUSTOMIZATION_API, "Kustomization"), (HELM_RELEASE_API, "HelmRelease"))
        lists = in_parallel(lambda kind: self.cluster.objects_of(*kind), kinds)
        return {identity: live for some in lists for identity, live in some.items()}

    def _advance(self, folder: Folder, there: Mapping[ObjectId, Live]) -> bool:
        """Do what comes next, and return whether anything of *folder* is there yet."""
        live = there.get(folder.id)
        if live is not None:
            folder.live = live
            if is_being_deleted(live["metadata"]):
                return True
        if leaves_objects(folder.live["spec"]):
            folder.applied = {}
            if live is not None:
                self.cluster.delete(live)
            return live is not None
        releases = [one for one in folder.releases if one in there]
        # What needs nobody of the app to go is Flux's to prune.
        applied = still_applied(self.cluster, folder.live, without=_UNMANAGED) if releases or live is None else {}
        if live is None:
            folder.applied = {one: found for one, found in applied.items() if is_being_deleted(found.metadata)}
            return bool(releases or folder.applied)
        # What the app's own operator cleans up after goes while that operator runs.
        folder.applied = {one: found for one, found in applied.items() if needs_cleaning(one, found.metadata)}
        if not folder.applied:
            self.cluster.delete(live)
        for found in folder.applied.values():
            if not is_being_deleted(found.metadata):
                self.cluster.delete_at(found.path, found.metadata["uid"])
        return True


class _Stillness:
    """Since when nothing has moved."""

    def __init__(self, pruning: Pruning) -> None:
        self._pruning = pruning
        self._signature = 0
        self._since = self._looked = time.monotonic()
        self._told: set[tuple[ObjectId, str]] = set()

    def is_hopeless(self, folders: Collection[Folder], there: Mapping[ObjectId, Live], now: float) -> bool:
        """Return whether nothing has moved for as long as one has patience, and nobody is at work; say what is held."""
        pruning = self._pruning
        if now - self._looked < pruning.patience / _LOOKS:
            return False
        self._looked = now
        examined = examine(pruning.cluster, pruning.label, also=pruning.releases)
        applied = frozenset(one for folder in folders for one in folder.applied)
        signature = hash((examined.signature, applied, frozenset(pruning.releases.intersection(there))))
        if signature != self._signature:
            self._signature, self._since = signature, now
            return False
        stuck = _stuck(folders, pruning.cluster.choice.flags)
        for one in (*examined.held, *stuck):
            if (one.id, one.why) not in self._told:
                self._told.add((one.id, one.why))
                pruning.say(f"held up: {one.id} {one.why}")
        # An operator that cleans up may take its time, and shows nobody what it does.
        return now - self._since >= pruning.patience and not stuck and not any(one.moves for one in examined.held)


def _stuck(folders: Iterable[Folder], flags: str) -> list[Held]:
    around = Surroundings(kubectl=f"kubectl {flags}")
    return [
        held({"apiVersion": found.api_version, "kind": one.kind, "metadata": found.metadata}, around, {})
        for folder in folders
        for one, found in sorted(folder.applied.items())
    ]


def _line(folder: Folder, took: float) -> str:
    if is_suspended(folder.live):
        what = ": suspended, so what it applied stays"
    elif leaves_objects(folder.live["spec"]):
        what = ": what it applied stays, as its Kustomization says"
    else:
        names = [f"{one.namespace}/{one.name}" for one in sorted(folder.releases)]
        what = f": release {listed(names, 4)}" if names else ""
    return f"- {folder.id.name}  removed{what} ({took:.0f} s)"
