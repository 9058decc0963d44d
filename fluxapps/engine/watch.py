"""Looks at what a run waits for, about once a second, from the start of the run: in a thread, so that nobody waits."""

import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from fluxapps.engine.cluster import Cluster, ClusterError, in_parallel
from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.engine.lookup import FEW, Live
from fluxapps.model.declare.names import HELM_RELEASE_API, KUSTOMIZATION_API, SOURCE_API
from fluxapps.model.live.health import Health
from fluxapps.model.live.root_cause import RootCause
from fluxapps.model.live.scene import Cast, Scene
from fluxapps.model.live.verdict import Verdict
from fluxapps.model.objects import ObjectId

_PAUSE: Final = 0.7
"""Seconds between two looks, where they take none themselves."""
_SHARE: Final = 3
"""A look that takes a second is followed by so many of rest: a large stack doesn't keep its cluster busy."""
_UNREACHABLE_FOR: Final = 90.0
"""Seconds that the cluster may be away (an API server restarts) before the wait ends with that."""

_APIS: Final = {"HelmRelease": HELM_RELEASE_API, "Kustomization": KUSTOMIZATION_API}
_READ_BY_RELEASES: Final = frozenset({"ConfigMap", "Secret"})
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen at one moment."""

    begun: float
    """By time.monotonic()."""
    verdict: Verdict


class Watch:
    """One stack's."""

    def __init__(self, choice: ClusterChoice, cast: Cast, seen: Callable[[Look | ClusterError], None]) -> None:
        """Name what is looked at; nothing is read yet.

        Args:
            choice: The cluster.
            cast: What is declared, all of it.
            seen: Called in the thread with every look, and with the error that ends it.
        """
        self._choice = choice
        self._cast = cast
        self._seen = seen
        self._ended = threading.Event()
        self._watched = tuple(
            one for one in cast.declared if one.kind in _APIS and (one in cast.granted or one in cast.waited_by_pulumi)
        )

    def start(self) -> None:
        """Begin to look."""
        # A daemon: a program that fails elsewhere ends without it.
        threading.Thread(target=self._run, name="fluxapps-watch", daemon=True).start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def _run(self) -> None:
        try:
            with Cluster(self._choice) as cluster:
                self._look_again_and_again(cluster)
        except ClusterError as error:
            self._seen(error)

    def _look_again_and_again(self, cluster: Cluster) -> None:
        away_since: float | None = None
        while not self._ended.is_set():
            begun = time.monotonic()
            try:
                verdict = self._verdict(cluster)
            except ClusterError as error:
                away_since = away_since or begun
                if error.status in {_UNAUTHORIZED, _FORBIDDEN} or begun - away_since > _UNREACHABLE_FOR:
                    raise
            else:
                away_since = None
                self._seen(Look(begun=begun, verdict=verdict))
            self._ended.wait(max(_PAUSE, _SHARE * (time.monotonic() - begun)))

    def _verdict(self, cluster: Cluster) -> Verdict:
        """Return how all that is watched stands now.

        What an object needs is read after the object: a failure of the object is then never older than what is
        held against it.
        """
        live: dict[ObjectId, Live | None] = {}
        for kind in _APIS:
            live |= _read(cluster, kind, [one for one in self._watched if one.kind == kind])
        return Verdict(cast=self._cast, healths=judged(cluster, self._cast, live, self._watched))


def judged(
    cluster: Cluster, cast: Cast, live: dict[ObjectId, Live | None], wanted: Collection[ObjectId]
) -> dict[ObjectId, Health]:
    """Return how each of *wanted* stands; what they need, and *live* lacks, is read and added to it.

    Raises:
        ClusterError: The cluster can't be read.
    """
    while True:
        scene = Scene(live)
        causes = RootCause(cast, scene)
        healths = {one: causes.of(one) for one in wanted}
        if not scene.unseen:
            return healths
        for kind in {one.kind for one in scene.unseen}:
            live |= _read(cluster, kind, [one for one in scene.unseen if one.kind == kind])


def _read(cluster: Cluster, kind: str, wanted: Collection[ObjectId]) -> dict[ObjectId, Live | None]:
    """Return each of *wanted*, None for what isn't there."""
    api = _APIS.get(kind, SOURCE_API)
    if len(wanted) > FEW and kind not in _READ_BY_RELEASES:
        found = cluster.objects_of(api, kind)
        return {one: found.get(one) for one in wanted}
    return dict(zip(wanted, in_parallel(lambda one: _one(cluster, api, one), wanted), strict=True))


def _one(cluster: Cluster, api: str, identity: ObjectId) -> Live | None:
    if not identity.group:
        return _whether_there(cluster, identity)
    return cluster.find(identity, api)


def _whether_there(cluster: Cluster, identity: ObjectId) -> Live | None:
    """Return the metadata of what a release reads, never its content; a time unknown where reading is not allowed."""
    try:
        metadata = cluster.metadata(identity, "v1")
    except ClusterError as error:
        if error.status != _FORBIDDEN:
            raise
        metadata = {}
    return None if metadata is None else {"metadata": metadata}


def only(verdict: Verdict, identities: Iterable[ObjectId]) -> Verdict:
    """Return the part of *verdict* that speaks of *identities*."""
    return Verdict(cast=verdict.cast, healths={one: verdict.healths[one] for one in identities})
