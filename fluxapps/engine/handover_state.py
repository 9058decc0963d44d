"""Taking objects out of Pulumi's state, as ``pulumi stack export`` has it, without touching them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fluxapps.model.objects import ObjectId, object_id

_OBJECT: Final = "kubernetes:"
_COMPONENT: Final = "fluxapps:"

Resource = Mapping[str, Any]


def object_of(resource: Resource) -> ObjectId | None:
    """Return which object of a cluster *resource* is; None for what is none."""
    inputs = resource.get("inputs") or {}
    if not str(resource["type"]).startswith(_OBJECT) or "metadata" not in inputs:
        return None
    return object_id(dict(inputs))


def without(exported: Mapping[str, Any], is_gone: Callable[[Resource], bool]) -> tuple[dict[str, Any], int]:
    """Return *exported* without the objects that *is_gone* says, and how many these were.

    Components that are empty then go too. Whatever referred to one of them does so no more.
    """
    deployment = exported["deployment"]
    resources: list[Resource] = deployment.get("resources") or []
    unfinished: list[Resource] = [one["resource"] for one in deployment.get("pending_operations") or ()]
    gone = {one["urn"] for one in (*resources, *unfinished) if object_of(one) is not None and is_gone(one)}
    count = len(gone)
    while empty := _emptied(resources, gone):
        gone |= empty
    kept = [_unbound(one, gone) for one in resources if one["urn"] not in gone]
    pending = [one for one in deployment.get("pending_operations") or () if one["resource"]["urn"] not in gone]
    changed = {**deployment, "resources": kept}
    if "pending_operations" in deployment:
        changed["pending_operations"] = pending
    if not pending:
        changed.pop("pending_operations", None)
    return {**exported, "deployment": changed}, count


def _emptied(resources: list[Resource], gone: set[str]) -> set[str]:
    """Return our components all of whose children are *gone*."""
    parents = {one["parent"] for one in resources if one["urn"] in gone and "parent" in one}
    full = {one["parent"] for one in resources if one["urn"] not in gone and "parent" in one}
    return {
        one["urn"]
        for one in resources
        if one["urn"] in parents - full - gone and not one.get("custom") and str(one["type"]).startswith(_COMPONENT)
    }


def _unbound(resource: Resource, gone: set[str]) -> dict[str, Any]:
    made = dict(resource)
    for field in ("dependencies", "replaceWith"):
        if field in made:
            made[field] = [one for one in made[field] or () if one not in gone]
    if properties := made.get("propertyDependencies"):
        made["propertyDependencies"] = {
            key: [one for one in some or () if one not in gone] for key, some in properties.items()
        }
    if made.get("deletedWith") in gone:
        del made["deletedWith"]
    return made
