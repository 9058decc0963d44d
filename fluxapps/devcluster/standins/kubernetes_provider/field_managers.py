"""Who owns which field: the hand-over from earlier writers to the manager under which updates are applied."""

import secrets
from collections.abc import Mapping
from typing import Any

from fluxapps.devcluster.standins.kubernetes_provider.shape import annotation

CREATOR = "pulumi-kubernetes"
"""The manager that a plain create is made under."""

OWN_CREATORS = (CREATOR, "pulumi-kubernetes.exe", "pulumi-resource-kubernetes")

# Earlier writers whose fields an update takes over, by the beginning of their names: kubectl
# (kubectl-client-side-apply, kubectl-edit and so on), and this provider where it made the object.
TAKEN_OVER = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    *((creator, "Update") for creator in OWN_CREATORS),
)

PATCH_FORCE = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"

Fields = dict[str, Any]


def field_manager(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """Return the name under which an object's updates are applied: said on it, kept in the state, or new."""
    kept = state.get("__fieldManager")
    return annotation(inputs, PATCH_FIELD_MANAGER) or (
        kept if isinstance(kept, str) else f"pulumi-kubernetes-{secrets.token_hex(4)}"
    )


def force(inputs: Mapping[str, Any], live: Mapping[str, Any] | None, *, always: bool, preview: bool) -> bool:
    """Whether an apply takes fields from other managers.

    Args:
        inputs: The object as the program wants it.
        live: As it is; `None` when it is to be made.
        always: The provider's `enablePatchForce`.
        preview: In a preview, what a hand-over will do before the update has to be forced.
    """
    if always or annotation(inputs, PATCH_FORCE) == "true":
        return True
    if live is None:
        return preview
    entries = live["metadata"].get("managedFields") or []
    if preview and any(each.get("manager") in OWN_CREATORS and each.get("operation") == "Update" for each in entries):
        return True
    # An object from before server-side apply has fields that nobody is known to own.
    return not entries


def handed_over(live: Mapping[str, Any], to: str) -> list[dict[str, Any]] | None:
    """Make the managedFields in which *to* owns what kubectl and earlier creates own; `None` when nothing changes.

    The fields are united in one Apply entry, as kustomize-controller's library does it, so that a field that the next
    apply leaves out is removed.
    """
    entries = [dict(each) for each in live["metadata"].get("managedFields") or []]
    kept: list[dict[str, Any]] = []
    united: Fields = {}
    ours: dict[str, Any] | None = None
    taken = False
    for each in entries:
        mine = (each.get("manager"), each.get("operation")) == (to, "Apply") and not each.get("subresource")
        if mine:
            ours = each
        theirs = not each.get("subresource") and any(
            each.get("operation") == operation and str(each.get("manager", "")).startswith(manager)
            for manager, operation in TAKEN_OVER
        )
        if mine or theirs:
            united = _union(united, each.get("fieldsV1") or {})
            taken = taken or (theirs and not mine)
        else:
            kept.append(each)
    if not taken:
        return None
    template = ours or {
        "apiVersion": live.get("apiVersion"),
        "fieldsType": "FieldsV1",
        "operation": "Apply",
        "time": next((each["time"] for each in entries if each.get("time")), None),
    }
    return [*kept, {**template, "manager": to, "fieldsV1": united}]


def _union(one: Fields, other: Fields) -> Fields:
    result = dict(one)
    for key, below in other.items():
        result[key] = _union(result[key], below) if isinstance(result.get(key), dict) else below
    return result


def without_ignored(
    inputs: dict[str, Any], live: Mapping[str, Any], ignored: list[tuple[str, ...]], manager: str
) -> None:
    """Make *inputs* leave ignored fields as they are in the cluster.

    A field that others own is left out; one that *manager* owns, or nobody, is given its live value, since an apply
    without it would remove it.
    """
    ours: Fields = {}
    theirs: Fields = {}
    for each in live["metadata"].get("managedFields") or []:
        if each.get("manager") == manager:
            ours = _union(ours, each.get("fieldsV1") or {})
        else:
            theirs = _union(theirs, each.get("fieldsV1") or {})
    for path in ignored:
        value = _at(live, path)
        if _at(theirs, tuple(f"f:{step}" for step in path)) is not None and (
            _at(ours, tuple(f"f:{step}" for step in path)) is None
        ):
            parent = _at(inputs, path[:-1])
            if isinstance(parent, dict):
                parent.pop(path[-1], None)
        elif value is not None:
            below = inputs
            for step in path[:-1]:
                below = below.setdefault(step, {})
            below[path[-1]] = value


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
