"""A cluster in memory with Flux's controllers, as far as handing over needs them: who applies, prunes, uninstalls.

After each write the controllers have their way, so that a run can be killed at any of its writes.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from fluxapps.engine.cluster import ClusterError, collection_path, path_of
from fluxapps.engine.cluster_writer import CONFLICT
from fluxapps.model.declare.names import SSA_IGNORE, STACK_LABEL
from fluxapps.model.live.helm_release import helm_id
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.objects import DeclaredObject, ObjectId, object_id

Object = dict[str, Any]

_OWNER = "kustomize.toolkit.fluxcd.io"


class KilledError(BaseException):
    """What kill -9 is to a run."""


class FluxInMemory:
    """Objects, what Git holds for each Kustomization, and what Helm has installed."""

    def __init__(self) -> None:
        self.objects: dict[ObjectId, Object] = {}
        self.git: dict[str, list[Object]] = {}
        """What the folders hold that Kustomizations read, by path."""
        self.uninstalled: list[str] = []
        self.pruned: list[ObjectId] = []
        self.writes_left: int | None = None
        """After so many writes the run is killed."""
        self._versions = 0

    def add(self, made: Object) -> None:
        """Make an object as somebody else does."""
        self._store(deepcopy(made))

    # What a cluster offers to who hands over.

    def get(self, path: str, **query: str) -> Object | None:
        found = next((one for name, one in self.objects.items() if path_of(name, one["apiVersion"]) == path), None)
        if found is not None:
            return deepcopy(found)
        if "labelSelector" in query:
            items = [one for name, one in self.objects.items() if collection_path(one["apiVersion"], name.kind) == path]
            return {"items": deepcopy(items)}
        return None

    def find(self, identity: ObjectId, api_version: str) -> Object | None:
        return self.get(path_of(identity, api_version))

    def objects_of(self, api_version: str, kind: str, label: str | None = None) -> dict[ObjectId, Object]:
        key, _, value = (label or "").partition("=")
        return {
            name: deepcopy(one)
            for name, one in self.objects.items()
            if (one["apiVersion"], name.kind) == (api_version, kind)
            and (label is None or one["metadata"].get("labels", {}).get(key) == value)
        }

    def create(self, made: Mapping[str, Any]) -> Object:
        self._count()
        if object_id(dict(made)) in self.objects:
            raise ClusterError("it is there", "", CONFLICT)
        return self._stored(made)

    def replace(self, made: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        live = self.objects[object_id(dict(made))]
        if made["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"]:
            raise ClusterError("somebody was quicker", "", CONFLICT)
        if dry_run:
            return deepcopy(dict(made))
        self._count()
        return self._stored({**made, **({"status": live["status"]} if "status" in live else {})})

    def replace_status(self, made: Mapping[str, Any]) -> Object:
        self._count()
        live = self.objects[object_id(dict(made))]
        return self._stored({**live, "status": made["status"]})

    def delete(self, found: Mapping[str, Any]) -> None:
        self._count()
        self.remove(object_id(dict(found)))
        self.controllers()

    def is_gone(self, found: Mapping[str, Any], within: float) -> bool:
        assert within
        return object_id(dict(found)) not in self.objects

    # What Pulumi and Flux do.

    def up(self, objects: Iterable[DeclaredObject], label: str) -> None:
        """Make what is missing of *objects*, and remove what carries the label and isn't declared."""
        declared = {one.id: one.manifest for one in objects}
        for name, made in declared.items():
            if name not in self.objects:
                self.add(made)
            else:
                live = self.objects[name]
                assert live["metadata"]["labels"][STACK_LABEL] == label, f"{name} would be refused"
                self._store({**live, "spec": {**live.get("spec", {}), **made.get("spec", {})}})
        for name, live in list(self.objects.items()):
            if live["metadata"].get("labels", {}).get(STACK_LABEL) == label and name not in declared:
                self.remove(name)
        self.controllers()

    def remove(self, identity: ObjectId) -> None:
        """Delete an object, with what its controller does then."""
        gone = self.objects.pop(identity)
        if gone.get("spec", {}).get("suspend"):
            return
        if identity.kind == "HelmRelease":
            self.uninstalled.append(str(helm_id(gone)))
        if identity.kind == "Kustomization" and gone["spec"].get("deletionPolicy") != "Orphan":
            self._prune(gone, inventory_of(gone))

    def controllers(self) -> None:
        """Have each Kustomization that isn't suspended apply its folder, and prune what that lacks."""
        for name in [one for one in self.objects if one.kind == "Kustomization"]:
            live = self.objects.get(name)
            if live is None or live["spec"].get("suspend"):
                continue
            wanted = self.git.get(live["spec"].get("path", ""), [])
            for made in wanted:
                self._apply(name, made)
            applied = [object_id(made) for made in wanted]
            self._prune(live, [one for one in inventory_of(live) if one not in applied])
            entries = [{"id": f"{one.namespace}_{one.name}_{one.group}_{one.kind}"} for one in applied]
            live["status"] = {**live.get("status", {}), "inventory": {"entries": entries}}

    def _apply(self, owner: ObjectId, made: Object) -> None:
        name = object_id(made)
        live = self.objects.get(name)
        if live is not None and _is_ignored(live):
            return
        labels = {f"{_OWNER}/name": owner.name, f"{_OWNER}/namespace": owner.namespace}
        old = (live or made)["metadata"]
        metadata = {**old, **made["metadata"]}
        metadata["labels"] = {**old.get("labels", {}), **made["metadata"].get("labels", {}), **labels}
        applied = {**(live or {}), **deepcopy(made), "metadata": metadata}
        if live is not None and "suspend" in live.get("spec", {}):
            # Another's field, which it doesn't apply.
            applied["spec"]["suspend"] = live["spec"]["suspend"]
        if applied != live:
            self._store(applied)

    def _prune(self, owner: Object, objects: Iterable[ObjectId]) -> None:
        for one in objects:
            live = self.objects.get(one)
            mine = live is not None and live["metadata"].get("labels", {}).get(f"{_OWNER}/name")
            if live is not None and mine == owner["metadata"]["name"] and not _is_ignored(live):
                self.pruned.append(one)
                self.remove(one)

    def _stored(self, made: Mapping[str, Any]) -> Object:
        stored = deepcopy(self._store(deepcopy(dict(made))))
        self.controllers()
        return stored

    def _store(self, made: Object) -> Object:
        self._versions += 1
        made["metadata"] = {**made["metadata"], "resourceVersion": str(self._versions)}
        made["metadata"].setdefault("uid", str(self._versions))
        if made["kind"] == "GitRepository":
            made["metadata"]["generation"] = 1
            ready = {"type": "Ready", "status": "True", "observedGeneration": 1}
            made["status"] = {**made.get("status", {}), "conditions": [ready]}
        self.objects[object_id(made)] = made
        return made

    def _count(self) -> None:
        if self.writes_left is not None:
            if self.writes_left == 0:
                raise KilledError
            self.writes_left -= 1


def _is_ignored(live: Object) -> bool:
    return bool(SSA_IGNORE.items() <= live["metadata"].get("annotations", {}).items())
