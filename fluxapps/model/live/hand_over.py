"""An object before and after it changes hands: what attach writes, and what detach leaves."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

from fluxapps.model.declare.names import APP_LABEL, FLUX_MANAGER, KUSTOMIZE, PULUMI_MANAGER, SSA_IGNORE, STACK_LABEL
from fluxapps.model.live.drift import ABSENT, Difference, FieldPath, Live
from fluxapps.model.objects import Manifest, ObjectId

SUSPENDED_BY: Final = "fluxapps/suspended-by"
"""Annotation of a Kustomization that attach suspended: the stack it did so for. Told from an operator's doing."""

_SPENT: Final = "fluxapps/spent-values"
"""Annotation beside it: values that what was taken from the Kustomization read."""

OWNER_LABELS: Final = (f"{KUSTOMIZE}/name", f"{KUSTOMIZE}/namespace")
"""By which Flux knows what a Kustomization applied, and prunes."""

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_OF_PULUMI: Final = "pulumi.com/"
_CONTENT: Final = {"ConfigMap": ("data", "binaryData", "immutable")}
"""What else than its spec is the content of a kind."""


def owner_of(live: Live) -> ObjectId | None:
    """Return the Kustomization that applied *live*, by the labels it leaves."""
    labels = live["metadata"].get("labels", {})
    name, namespace = (labels.get(key) for key in OWNER_LABELS)
    return ObjectId(KUSTOMIZE, "Kustomization", namespace, name) if name and namespace else None


def attached(declared: Manifest, live: Live) -> dict[str, Any]:
    """Return *live* made what *declared* says, for one atomic write that changes nothing of what operators toggle.

    Other people's labels and annotations stay, but for the marks by which Flux would prune the object; so does
    ``spec.suspend``, unless attach set it. Nobody owns a field afterwards but who wrote the status, so that the
    provider meets no conflict.
    """
    made = _copy(live)
    metadata = made["metadata"]
    labels = {**metadata.get("labels", {}), **declared["metadata"].get("labels", {})}
    metadata["labels"] = {key: value for key, value in labels.items() if key not in OWNER_LABELS}
    annotations = {**metadata.get("annotations", {}), **declared["metadata"].get("annotations", {})}
    annotations.pop(_SPENT, None)
    was_suspended_here = annotations.pop(SUSPENDED_BY, None) is not None
    metadata["annotations"] = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
    metadata["managedFields"] = [one for one in metadata.get("managedFields") or [] if one.get("subresource")] or [{}]
    for field in _CONTENT.get(declared["kind"], ("spec",) if "spec" in declared else ()):
        suspend = None if field != "spec" or was_suspended_here else (live.get(field) or {}).get("suspend")
        made.pop(field, None)
        if field in declared:
            made[field] = deepcopy(declared[field])
        if suspend is not None:
            made[field]["suspend"] = suspend
    return made


def detached(live: Live) -> dict[str, Any]:
    """Return *live* without our marks and Pulumi's, its fields given to Flux.

    Flux then applies a copy in Git again, and what that copy lacks goes, as if Flux had made the object.
    """
    made = _copy(live)
    metadata = made["metadata"]
    metadata["labels"] = _without(metadata.get("labels", {}), STACK_LABEL, APP_LABEL)
    annotations = _without(metadata.get("annotations", {}), *SSA_IGNORE, SUSPENDED_BY, _SPENT)
    metadata["annotations"] = {key: value for key, value in annotations.items() if not key.startswith(_OF_PULUMI)}
    metadata["managedFields"] = _given_to_flux(metadata.get("managedFields") or []) or [{}]
    return made


def suspended(one: Live, label: str, spent: Iterable[ObjectId] = ()) -> dict[str, Any]:
    """Return *one* suspended, with the mark of who did it, and of the *spent* values that nobody reads after."""
    made = _copy(one)
    annotations = made["metadata"].setdefault("annotations", {})
    annotations[SUSPENDED_BY] = label
    if names := " ".join(f"{each.kind}/{each.namespace}/{each.name}" for each in spent):
        annotations[_SPENT] = names
    made["spec"]["suspend"] = True
    return made


def spent_by(kustomization: Live) -> set[ObjectId]:
    """Return the values that :func:`suspended` said are spent."""
    said = str(kustomization["metadata"].get("annotations", {}).get(_SPENT, ""))
    return {ObjectId("", *one.split("/")) for one in said.split()}


def values_of(release: Live) -> set[ObjectId]:
    """Return the ConfigMaps and Secrets that a HelmRelease reads its values from; none of another kind."""
    said = (release.get("spec") or {}).get("valuesFrom") or () if release["kind"] == "HelmRelease" else ()
    return {ObjectId("", one["kind"], release["metadata"]["namespace"], one["name"]) for one in said}


def resumed(kustomization: Live) -> dict[str, Any]:
    """Return *kustomization* as it was before :func:`suspended`."""
    made = _copy(kustomization)
    annotations = made["metadata"].get("annotations", {})
    annotations.pop(_SPENT, None)
    if annotations.pop(SUSPENDED_BY, None) is not None:
        made["spec"].pop("suspend", None)
    return made


def orphaning(kustomization: Live) -> dict[str, Any]:
    """Return *kustomization* so that its deletion leaves what it applied."""
    made = _copy(kustomization)
    made["spec"]["deletionPolicy"] = "Orphan"
    return made


def without_inventory(kustomization: Live) -> dict[str, Any]:
    """Return *kustomization* as one that has applied nothing yet; its inventory is all it prunes by."""
    made = deepcopy(dict(kustomization))
    made.get("status", {}).pop("inventory", None)
    return made


def is_at_work(kustomization: Live) -> bool:
    """Return whether kustomize-controller is in the middle of a reconciliation; between failed ones it is not."""
    conditions = kustomization.get("status", {}).get("conditions") or ()
    return any(
        one["type"] == "Reconciling" and one["status"] == "True" and one.get("reason") == "Progressing"
        for one in conditions
    )


def changed_fields(before: Live, after: Live) -> tuple[Difference, ...]:
    """Return what differs between two states of an object in its content, labels and annotations."""
    found = list(_compared(_shown(before), _shown(after), ()))
    return tuple(sorted(found, key=lambda one: [str(part) for part in one.path]))


def _shown(one: Live) -> dict[str, Any]:
    metadata = one["metadata"]
    said = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    content = {key: value for key, value in one.items() if key not in {"apiVersion", "kind", "metadata", "status"}}
    return {**content, **({"metadata": said} if said else {})}


def _compared(before: Any, after: Any, path: FieldPath) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from _compared(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif before != after:
        yield Difference(path, after, before)


def _copy(live: Live) -> dict[str, Any]:
    made = deepcopy(dict(live))
    # Its controller's, which no write but its own changes.
    made.pop("status", None)
    return made


def _without(said: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key not in keys}


def _given_to_flux(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    united: dict[str, Any] = {}
    template: dict[str, Any] | None = None
    for entry in entries:
        ours = str(entry.get("manager", "")).startswith(PULUMI_MANAGER) and not entry.get("subresource")
        applied_by_flux = (entry.get("manager"), entry.get("operation")) == (FLUX_MANAGER, "Apply")
        if ours or applied_by_flux:
            united = _union(united, entry.get("fieldsV1") or {})
            template = entry
        else:
            kept.append(entry)
    if template is None:
        return kept
    return [*kept, {**template, "manager": FLUX_MANAGER, "operation": "Apply", "fieldsV1": united}]


def _union(one: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    united = dict(one)
    for key, below in other.items():
        united[key] = _union(united[key], below) if isinstance(united.get(key), dict) else below
    return united
