"""What a Flux Kustomization has applied: the inventory in its status."""

from collections.abc import Iterator

from fluxapps.model.live.drift import Live
from fluxapps.model.objects import ObjectId

_COLON = "__"
"""How an inventory writes the colon of RBAC names, which an id's parts can't hold."""


def inventory_of(kustomization: Live) -> Iterator[ObjectId]:
    """Yield the objects that *kustomization* has applied, and prunes.

    An entry's id is ``<namespace>_<name>_<group>_<kind>`` (object.ObjMetadata of fluxcd/cli-utils).
    """
    inventory = kustomization.get("status", {}).get("inventory") or {}
    for entry in inventory.get("entries") or ():
        rest, _, kind = str(entry["id"]).rpartition("_")
        rest, _, group = rest.rpartition("_")
        namespace, _, name = rest.partition("_")
        yield ObjectId(group, kind, namespace, name.replace(_COLON, ":"))
