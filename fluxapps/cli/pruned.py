"""The removal of apps that Git delivers, as `destroy` and `up` do it: in order, before pulumi and Flux let them go."""

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fluxapps.cli.screen import counted
from fluxapps.engine.branch_head import ask_to_fetch
from fluxapps.engine.cluster import ClusterError, path_of
from fluxapps.engine.handover import changed
from fluxapps.engine.hold import hold, release
from fluxapps.engine.pruning import Pruning
from fluxapps.engine.worktree import lacks
from fluxapps.model import Fleet, declare
from fluxapps.model.declare.kustomizations import kustomization_id
from fluxapps.model.declare.names import SOURCE_API
from fluxapps.model.live.applied import applied_by
from fluxapps.model.live.condition import Live
from fluxapps.model.live.departure import listed
from fluxapps.model.live.health import artifact_revision
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.live.kustomization_health import source_of
from fluxapps.model.live.pruning import folders_of, is_folder
from fluxapps.model.objects import ObjectId

_POLL: Final = 0.5
_COMMIT: Final = re.compile(r"sha(?:1|256):([0-9a-f]{40,64})$")
"""How the revision of an artifact names a commit."""


def remove_all(pruning: Pruning, known: Collection[ObjectId]) -> bool:
    """Remove all apps below those Kustomizations that are *known* to the stack's state, and say whether they are gone.

    Raises:
        ClusterError: The cluster refuses something, or Flux doesn't work.
    """
    began = time.monotonic()
    gone = all(pruning.remove(root) for root in pruning.roots() if root in known)
    if pruning.removed:
        pruning.say(f"{counted(pruning.removed, 'app')} removed in {time.monotonic() - began:.0f} s")
    return gone


@dataclass(kw_only=True)
class RemovedApps:
    """The apps that the files of a stack no longer have, and Flux has yet."""

    pruning: Pruning
    root: Path
    """The repository."""
    fleet: Fleet
    say: Callable[[str], None]
    refuse: Callable[[], None]
    """Called before anything is changed: raises where this isn't the stack's cluster."""

    def remove(self) -> bool:
        """Remove them in order, if Git has them no more, and return whether that has come to an end.

        Where it hasn't, the Kustomization above them stays held: going on, Flux would remove all of them at once.

        Raises:
            CommandError: This isn't the stack's cluster. Nothing was changed.
        """
        try:
            return all(self._remove_below(root, live) for root, live in self.pruning.roots().items())
        except ClusterError as error:
            self.say(f"what Git no longer has is removed by Flux in no order: {error.what}")
            return True

    def _remove_below(self, root: ObjectId, live: Live) -> bool:
        going = self._going(live)
        if not going:
            return True
        names = listed([one.name for one in going])
        if lacks(self.root, "HEAD", going.values()) is not True:
            self.say(
                f"the files no longer have {names}, and Git has: commit and push that, and run this again at once: "
                "Flux by itself removes them in no order"
            )
            return True
        if (commit := self._own_ref.get("commit")) and lacks(self.root, commit, going.values()) is not True:
            self.say(
                f"git.ref names a commit that has {names} yet, as far as this clone knows: name one that was pushed "
                "without that, and run this again"
            )
            return True
        self.refuse()
        hold(self.pruning.cluster, root, self.pruning.patience)
        try:
            is_read = self._is_read(root, live, going.values())
        except (ClusterError, KeyboardInterrupt):
            release(self.pruning.cluster, root)
            raise
        if not is_read:
            release(self.pruning.cluster, root)
            known = "have git.ref name one that is pushed" if self._own_ref else "push it"
            self.say(f"Flux has not read a commit without {names} yet: {known}, and run this again at once")
            return True
        self.say(f"Git no longer has {names}: removed here, each after what depends on it")
        if not self.pruning.remove(root, going.__contains__):
            return False
        release(self.pruning.cluster, root)
        return True

    def _going(self, root: Live) -> dict[ObjectId, str]:
        """Return the Kustomizations of apps that only the cluster has, each with its folder in the rendered tree.

        Without those that have what another app has by now, such as one that was renamed: that isn't ours to delete.
        """
        ours = {kustomization_id(self.fleet, app.name) for app in self.fleet.apps}
        if all(one in ours for one in inventory_of(root) if is_folder(one)):
            return {}
        declared = {one.id for one in declare(self.fleet).objects()}
        unknown = [one for one in inventory_of(root) if is_folder(one) and one not in declared]
        read = {one: self.pruning.cluster.find(one, root["apiVersion"]) for one in unknown}
        found = folders_of(root, {one: live for one, live in read.items() if live is not None})
        if not found:
            return {}
        wanted = {one for one in declared.union(applied_by(self.fleet)) if one.kind != "Namespace"}
        tree = f"{self.fleet.git_path}/"
        paths = {
            one: str(live["spec"].get("path", "")).removeprefix("./")
            for one, live in found.items()
            if wanted.isdisjoint(inventory_of(live))
        }
        return {one: path for one, path in paths.items() if path.startswith(tree) and not (self.root / path).exists()}

    def _is_read(self, root: ObjectId, live: Live, paths: Collection[str]) -> bool:
        """Have Flux read Git, and return whether it then has none of *paths* any more."""
        source = source_of(root, live)
        if source.kind != "GitRepository":
            return False
        cluster, deadline = self.pruning.cluster, time.monotonic() + self.pruning.patience
        if self._own_ref:
            # Pulumi would write it only after this.
            changed(cluster, path_of(source, SOURCE_API), self._with_own_ref)
        ask_to_fetch(cluster.choice, [source])
        while found := cluster.find(source, SOURCE_API):
            named = _COMMIT.search(artifact_revision(found))
            if named and lacks(self.root, named[1], paths):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return False

    @property
    def _own_ref(self) -> Mapping[str, Any]:
        """Return the ``git.ref`` that the files say, {} where Flux follows a branch."""
        return {} if self.fleet.git is None else self.fleet.git.spec.get("ref", {})

    def _with_own_ref(self, source: Live) -> dict[str, Any]:
        return {**source, "spec": {**source["spec"], "ref": dict(self._own_ref)}}
