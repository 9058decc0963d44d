"""Strategic merge patches: maps merge, nulls delete, lists replace, but for those of built-in kinds that merge by key.

Source: https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md;
keys are the ``x-kubernetes-patch-merge-key`` of Kubernetes' OpenAPI.
"""

from typing import Any, Final

_BUILT_IN: Final = frozenset(("", "apps", "batch", "networking.k8s.io", "rbac.authorization.k8s.io", "policy"))
_MERGE_KEYS: Final = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "ports": ("containerPort", "port"),
    "ownerReferences": ("uid",),
    "secrets": ("name",),
    "conditions": ("type",),
}
"""Lists of built-in kinds that merge, each with the key of its items (the first that the items have)."""
_SETS: Final = frozenset(("finalizers",))


class _Deleted:
    """What a patch leaves of an object that it deletes."""


DELETED: Final = _Deleted()


def merge_patch(value: dict[str, Any], patch: dict[str, Any]) -> Any:
    """Return *value*, an object, with *patch* laid over it; :data:`DELETED` where the patch deletes it."""
    group = str(value.get("apiVersion", "")).rpartition("/")[0]
    return _map(value, patch, by_key=group in _BUILT_IN)


def _map(value: dict[str, Any], patch: dict[str, Any], *, by_key: bool) -> Any:
    directive = patch.pop("$patch", None)
    if directive == "delete":
        return DELETED
    if directive == "replace":
        return {key: one for key, one in patch.items() if one is not None}
    merged = dict(value)
    for key, over in patch.items():
        if key.startswith(("$deleteFromPrimitiveList/", "$setElementOrder/", "$retainKeys")):
            continue
        below = merged.get(key)
        if over is None:
            merged.pop(key, None)
        elif isinstance(over, dict):
            result = _map(below if isinstance(below, dict) else {}, over, by_key=by_key)
            if result is DELETED:
                merged.pop(key, None)
            else:
                merged[key] = result
        elif isinstance(over, list):
            merged[key] = _list(key, below if isinstance(below, list) else [], over, by_key=by_key)
        else:
            merged[key] = over
    return merged


def _list(field: str, value: list[Any], patch: list[Any], *, by_key: bool) -> list[Any]:
    replaced = [one for one in patch if isinstance(one, dict) and one.get("$patch") == "replace"]
    if replaced:
        return [one for one in patch if one not in replaced]
    if by_key and field in _SETS:
        return [*value, *(one for one in patch if one not in value)]
    keys = _MERGE_KEYS.get(field, ()) if by_key else ()
    items = [one for one in patch if isinstance(one, dict)]
    key = next((key for key in keys if items and all(key in one for one in items)), None)
    if key is None or len(items) != len(patch):
        return [_clean(one) for one in patch]
    rest = list(value)
    first: list[Any] = []
    for one in items:
        place = next((i for i, old in enumerate(rest) if isinstance(old, dict) and old.get(key) == one[key]), None)
        result = _map(rest.pop(place) if place is not None else {}, one, by_key=by_key)
        if result is not DELETED:
            first.append(result)
    # kustomize puts what the patch names before the others.
    return [*first, *rest]


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items() if one is not None}
    return value
