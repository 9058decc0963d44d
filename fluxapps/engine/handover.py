"""Carries out a takeover, and lets go of objects: each write atomic, each safe to be the last one of a killed run."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from fluxapps.engine.cluster import ClusterError, in_parallel, path_of
from fluxapps.engine.cluster_writer import CONFLICT, ClusterWriter
from fluxapps.engine.lookup import look_up
from fluxapps.model.declare.names import HELM_RELEASE_API, KUSTOMIZATION_API, SOURCE_API
from fluxapps.model.live.condition import is_ready
from fluxapps.model.live.drift import Difference
from fluxapps.model.live.hand_over import (
    attached,
    changed_fields,
    detached,
    is_at_work,
    orphaning,
    resumed,
    suspended,
    without_inventory,
)
from fluxapps.model.live.helm_release import helm_chart_of
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.live.takeover import End, Found, Takeover, takeover
from fluxapps.model.objects import DeclaredObject, ObjectId, Role, object_id

_ROUNDS: Final = 5
"""A Kustomization that was at work while it was suspended may write once more over what was taken."""
_TRIES: Final = 10
"""Controllers write an object's status while it is read and written back."""
_GONE_WITHIN: Final = 120.0
"""Seconds for a suspended HelmRelease to go, whose controller may have a Helm action to end first."""
_READ_WITHIN: Final = 60.0
"""Seconds for Flux to read the repository as it is declared."""
_AT_REST_WITHIN: Final = 60.0
"""Seconds for a Kustomization to end what it does."""
_POLL: Final = 0.5

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taking:
    """An object that is to be taken, and what that changes of it."""

    declared: DeclaredObject
    fields: tuple[Difference, ...]
    """As the API server itself would store them, its defaults included."""


@dataclass(kw_only=True)
class Handover:
    """A stack that takes over what is in its cluster."""

    cluster: ClusterWriter
    objects: tuple[DeclaredObject, ...]
    """All that Pulumi delivers of the stack, with our marks."""
    label: str
    apps: Collection[str] | None
    """Those to be taken; None: all, and what they share."""
    say: Callable[[str], None]
    applied: Mapping[ObjectId, str] = field(default_factory=dict)
    """The app in whose folder an object of other YAML is."""
    found: Found = field(init=False)
    """What the cluster held when it was last looked at."""

    def plan(self) -> Takeover:
        """Look at the cluster, and return what is left to do.

        Raises:
            ClusterError: It can't be read.
        """
        releases, kustomizations = in_parallel(
            lambda kind: self.cluster.objects_of(*kind),
            ((HELM_RELEASE_API, "HelmRelease"), (KUSTOMIZATION_API, "Kustomization")),
        )
        live = look_up(self.cluster, self.objects, self.label)
        self.found = Found(
            label=self.label, live=live, releases=releases, kustomizations=kustomizations, applied=self.applied
        )
        return takeover(self.objects, self.found, self.apps)

    def takings(self, plan: Takeover) -> list[Taking]:
        """Return what *plan* changes of each object it takes; the API server tries it, and writes nothing.

        Raises:
            ClusterError: It would refuse one.
        """

        def taking(declared: DeclaredObject) -> Taking:
            path = path_of(declared.id, declared.manifest["apiVersion"])
            seen = dict(self.found.live[declared.id])
            tried = _replaced(self.cluster, path, seen, partial(attached, declared.manifest), dry_run=True)
            if tried is None:
                raise ClusterError(f"{declared.id} has gone meanwhile", "run this again")
            return Taking(declared, changed_fields(*tried))

        return in_parallel(taking, plan.take)

    def carry_out(self, plan: Takeover) -> None:
        """Do what *plan* says, and what another look finds left to do, until ``up`` can adopt it all.

        Raises:
            ClusterError: The cluster refuses something; what was done by then harms nothing, and is gone on from.
        """
        for _ in range(_ROUNDS):
            if plan.is_done:
                self._keep_what_goes(plan)
                return
            try:
                self._round(plan)
            except ClusterError as exc:
                # Somebody, a controller most likely, was quicker: look again.
                if exc.status != CONFLICT:
                    raise
            plan = self.plan()
        raise ClusterError(
            f"{_listed(one.id for one in plan.take)} were changed back each time by somebody else",
            "find who writes them: kubectl get --show-managed-fields; then run this again",
        )

    def _round(self, plan: Takeover) -> None:
        for identity in plan.released:
            self._until_at_rest(identity)
            self._forget(identity)
        for identity in plan.suspend:
            self.say(f"suspend {identity}, which applies what is taken")
            spent = sorted(set(inventory_of(self.found.kustomizations[identity])).intersection(plan.spent))
            self._write(identity, KUSTOMIZATION_API, partial(suspended, label=self.label, spent=spent))
        # Early: once a HelmRelease has made way, nothing tells that its app has another name now.
        self._keep_what_goes(plan)
        for one in plan.create:
            self.say(f"create {one.id}")
            self.cluster.create(one.manifest)
        self._take(one for one in plan.take if one.role in {Role.NAMESPACE, Role.SOURCE, Role.VALUES})
        self._take(one for one in plan.take if one.role is Role.RELEASE)
        for old, new in plan.replace:
            self._make_way(old, new)
        taken = [one for one in plan.take if one.role is Role.KUSTOMIZATION]
        if taken:
            self._until_read()
        for one in taken:
            self._until_at_rest(one.id)
            if one.id in plan.forget:
                self._forget(one.id)
        self._take(taken)

    def _keep_what_goes(self, plan: Takeover) -> None:
        """Have Kustomizations that the next ``up`` deletes leave what they applied."""
        for identity, end in plan.end:
            if end is End.ORPHAN:
                self._write(identity, KUSTOMIZATION_API, orphaning)

    def _take(self, objects: Iterable[DeclaredObject]) -> None:
        for one in objects:
            self.say(f"take {one.id}")
            self._write(one.id, one.manifest["apiVersion"], partial(attached, one.manifest))

    def _make_way(self, old: ObjectId, new: ObjectId) -> None:
        """Delete a HelmRelease and leave its Helm release running: suspended ones are not uninstalled."""
        self.say(f"suspend and delete {old}, whose Helm release goes on as {new}")
        live = self._write(old, HELM_RELEASE_API, partial(suspended, label=self.label))
        if live is None:
            return
        self.cluster.delete(live)
        if not self.cluster.is_gone(live, _GONE_WITHIN):
            raise ClusterError(
                f"{old} is suspended and being deleted, and does not go: is helm-controller running?",
                "look at it: kubectl get pods -n flux-system; then run this again",
            )
        if (chart := helm_chart_of(live)) is not None and (
            found := self.cluster.get(path_of(chart, SOURCE_API))
        ) is not None:
            self.cluster.delete({**found, "kind": chart.kind, "apiVersion": SOURCE_API})

    def _until_read(self) -> None:
        """Wait until Flux has read the repository as declared, so that no Kustomization sees another state of it."""
        sources = [one for one in self.objects if one.app is None and one.id.kind == "GitRepository"]
        deadline = time.monotonic() + _READ_WITHIN
        for one in sources:
            path = path_of(one.id, one.manifest["apiVersion"])
            while (live := self.cluster.get(path)) is not None and not is_ready(live):
                if time.monotonic() > deadline:
                    self.say(f"{one.id} is not Ready yet; going on")
                    return
                time.sleep(_POLL)

    def _until_at_rest(self, identity: ObjectId) -> None:
        """Wait until a suspended Kustomization has ended what it was doing when it was suspended."""
        deadline = time.monotonic() + _AT_REST_WITHIN
        path = path_of(identity, KUSTOMIZATION_API)
        while (live := self.cluster.get(path)) is not None and is_at_work(live) and time.monotonic() < deadline:
            time.sleep(_POLL)

    def _forget(self, identity: ObjectId) -> None:
        """Have a suspended Kustomization know nothing of what it applied, so that it prunes none of it."""
        live = self.cluster.get(path_of(identity, KUSTOMIZATION_API))
        if live is not None:
            self.cluster.replace_status(without_inventory(live))

    def end(self) -> list[tuple[ObjectId, End]]:
        """Let the Kustomizations go on that were suspended, or remove those that nothing is left of.

        Returns:
            What became of each.

        Raises:
            ClusterError: The cluster refuses it.
        """
        plan = self.plan()
        for identity, end in plan.end:
            if end is End.RESUME:
                self._write(identity, KUSTOMIZATION_API, resumed)
            elif end is End.REMOVE and (live := self._write(identity, KUSTOMIZATION_API, orphaning)) is not None:
                self.cluster.delete(live)
        return list(plan.end)

    def _write(self, identity: ObjectId, api_version: str, change: Callable[[Object], Object]) -> Object | None:
        """Write what *change* makes of an object as it is now, and return it as it is then; None where it is gone."""
        return changed(self.cluster, path_of(identity, api_version), change)


def let_go(cluster: ClusterWriter, objects: Iterable[Mapping[str, Any]]) -> None:
    """Take our marks off *objects*.

    Raises:
        ClusterError: One is refused; the others are let go of all the same when this is run again.
    """
    in_parallel(
        lambda live: changed(cluster, path_of(object_id(dict(live)), live["apiVersion"]), detached), list(objects)
    )


def changed(cluster: ClusterWriter, path: str, change: Callable[[Object], Object]) -> Object | None:
    """Write what *change* makes of the object at *path*, whatever its controllers write meanwhile.

    Returns:
        The object as it is then; None where there is none.

    Raises:
        ClusterError: It is refused.
    """
    written = _replaced(cluster, path, cluster.get(path), change)
    return None if written is None else written[1]


def _replaced(
    cluster: ClusterWriter,
    path: str,
    live: Object | None,
    change: Callable[[Object], Object],
    *,
    dry_run: bool = False,
) -> tuple[Object, Object] | None:
    """Write what *change* makes of the object at *path*, *live* when it was last read; read again as often as it takes.

    Returns:
        The object as it was, and as it is then; None where there is none.
    """
    for tries_left in reversed(range(_TRIES)):
        if live is None:
            return None
        wanted = change(live)
        if {**wanted, "status": None} == {**live, "status": None}:
            return live, live
        try:
            return live, cluster.replace(wanted, dry_run=dry_run)
        except ClusterError as exc:
            if exc.status != CONFLICT or not tries_left:
                raise
        live = cluster.get(path)
    raise AssertionError("the last try returns or raises")


def _listed(objects: Iterable[ObjectId]) -> str:
    return ", ".join(map(str, objects))
