"""In which order the Kustomizations of a stack that Git delivers can go, and what keeps Flux from bringing them back.

Flux heeds ``dependsOn`` when it applies, not when it deletes: the Kustomization on ``bootstrap`` prunes those of all
apps at once. Deleted one by one before it, they would come back when it reconciles next. Suspended, it would prune
nothing when it is deleted itself. One that waits for a dependency does neither: kustomize-controller looks at
``dependsOn`` before it applies, and never when it finalizes (Reconcile of its kustomization_controller.go).
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any, Final

from fluxapps.model.declare.claims import leaves_objects
from fluxapps.model.declare.names import APP_LABEL, KUSTOMIZE, STACK_LABEL
from fluxapps.model.live.condition import Live, ready_condition
from fluxapps.model.live.departure import outlasts_pruning
from fluxapps.model.live.dependencies import dependency
from fluxapps.model.live.hand_over import owner_of
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.objects import ObjectId, object_id

HOLD: Final = "fluxapps-removal-under-way"
"""What a held Kustomization waits for. There is no Kustomization of that name: Flux then says so in its status."""


def is_held(live: Live) -> bool:
    """Return whether the Kustomization *live* is kept from applying while its apps are removed."""
    return any(one.get("name") == HOLD for one in live.get("spec", {}).get("dependsOn") or ())


def holding(live: Live) -> dict[str, Any]:
    """Return the Kustomization *live* so that it applies nothing more, and prunes as before when it is deleted."""
    made = released(live)
    made["spec"]["dependsOn"] = [*(made["spec"].get("dependsOn") or ()), {"name": HOLD}]
    return made


def released(live: Live) -> dict[str, Any]:
    """Return the Kustomization *live* so that it applies again."""
    made: dict[str, Any] = deepcopy({**live})
    others = [one for one in made["spec"].pop("dependsOn", None) or () if one.get("name") != HOLD]
    if others:
        made["spec"]["dependsOn"] = others
    return made


def has_taken_notice(live: Live) -> bool:
    """Return whether kustomize-controller has seen *live* as it is now, and ended what it was doing before."""
    said = ready_condition(live) or {}
    return said.get("observedGeneration") == live["metadata"].get("generation") and said.get("status") == "False"


def is_folder(identity: ObjectId) -> bool:
    """Return whether *identity* is that of a Kustomization."""
    return (identity.group, identity.kind) == (KUSTOMIZE, "Kustomization")


def roots_of(objects: Mapping[ObjectId, Live]) -> dict[ObjectId, Live]:
    """Return the Kustomization among a stack's *objects* that applies the others: none but in ``git`` delivery.

    One that leaves what it applied, such as a suspended one, is none: nothing goes with it.
    """
    labelled = {one: live for one, live in objects.items() if STACK_LABEL in live["metadata"].get("labels", {})}
    if any(APP_LABEL in live["metadata"].get("labels", {}) for live in labelled.values()):
        return {}
    return {
        one: live
        for one, live in labelled.items()
        if is_folder(one) and "deletionTimestamp" not in live["metadata"] and not leaves_objects(live["spec"])
    }


def folders_of(root: Live, objects: Mapping[ObjectId, Live]) -> dict[ObjectId, Live]:
    """Return the Kustomizations among *objects* that *root* has applied, and prunes."""
    return {
        one: objects[one]
        for one in inventory_of(root)
        if is_folder(one) and one in objects and prunes(root, objects[one]["metadata"])
    }


def prunes(kustomization: Live, metadata: Mapping[str, Any]) -> bool:
    """Return whether *kustomization* prunes an object of its inventory that has this *metadata*.

    Flux leaves what doesn't carry its labels, such as what another Kustomization has applied since, or is marked to
    stay (finalize of its kustomization_controller.go).
    """
    return owner_of({"metadata": metadata}) == object_id(dict(kustomization)) and not outlasts_pruning(metadata)


def free(folders: Mapping[ObjectId, Live], left: Collection[ObjectId]) -> list[ObjectId]:
    """Return those of *left* that none of *left* depends on; all where they depend on each other in a circle.

    Args:
        folders: Kustomizations.
        left: Those of them that are to go yet.
    """
    needed = {
        other
        for one in left
        for named in folders[one].get("spec", {}).get("dependsOn") or ()
        if (other := dependency(one, named)) != one
    }
    return [one for one in left if one not in needed] or list(left)


def needs_cleaning(identity: ObjectId, metadata: Mapping[str, Any]) -> bool:
    """Return whether somebody has to clean up after an object before it can go, who may be of the very app.

    Flux's own kinds have their controllers, which stay; so has what Kubernetes itself protects.
    """
    builtin = ("kubernetes.io/", "foregroundDeletion", "orphan")
    others = [one for one in metadata.get("finalizers") or () if not one.startswith(builtin)]
    return bool(others) and not identity.group.endswith("toolkit.fluxcd.io") and identity.kind != "Namespace"
