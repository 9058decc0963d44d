"""Releases that Pulumi writes where Flux did: what Flux did to them on the way, and what Pulumi would lose of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fluxapps.importing.applied import Applied, has_variable
from fluxapps.importing.comparison import Found
from fluxapps.importing.kustomize.built import Built, UnbuildableError, entries
from fluxapps.importing.kustomize.patches import apply_patches
from fluxapps.importing.original import FLUX_KUSTOMIZATION, Original
from fluxapps.importing.values import meaning, same
from fluxapps.model.declare.names import HELM, SUBSTITUTE_DISABLED
from fluxapps.model.objects import Manifest, ObjectId

_ALWAYS_READY: Final = frozenset(
    (
        *("ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"),
        *("NetworkPolicy", "StorageClass", "PriorityClass", "LimitRange", "ResourceQuota"),
    )
)
"""Kinds that have no health: Flux takes them for ready once they are there."""

_VARIABLES: Final = (
    "Flux fills variables in, as its Kustomization's postBuild says; Pulumi would write them as they are"
)
_PATCHED: Final = "Flux patches it, as its Kustomization says; Pulumi would write it without"

Explained = Mapping[ObjectId, tuple[tuple[str, ...], str]]
"""Fields of objects, and why they differ."""


def made_by_flux(original: Original, applied: Applied, objects: Iterable[Built]) -> dict[ObjectId, str]:
    """Return those releases of *objects* that only Flux makes what they are, as *applied* says, each with why."""
    whole = list(objects)
    spec = applied.spec
    made: dict[tuple[str, str, str], str] = {}
    if spec.get("postBuild"):
        made |= {_key(one): _VARIABLES for one in whole if has_variable(one.manifest) and not _is_exempt(one)}
    if entries(spec, "patches"):
        made |= {_key(one): _PATCHED for one in _patched(original, applied, whole)}
    found: dict[ObjectId, str] = {}
    for one in whole if made else ():
        if one.kind == "HelmRelease" and one.group == HELM:
            named = (("ConfigMap", one.namespace, name) for name in _config_maps(one.manifest))
            if why := next((made[key] for key in (_key(one), *named) if key in made), ""):
                found[one.id] = why
    return found


def _key(one: Built) -> tuple[str, str, str]:
    return one.kind, one.namespace, one.name


def _is_exempt(one: Built) -> bool:
    metadata = one.manifest["metadata"]
    return any(SUBSTITUTE_DISABLED.items() <= (metadata.get(part) or {}).items() for part in ("labels", "annotations"))


def _patched(original: Original, applied: Applied, objects: list[Built]) -> Iterator[Built]:
    copies = [one.again() for one in objects]
    try:
        apply_patches(original, applied.path or "", {"patches": entries(applied.spec, "patches")}, copies)
    except UnbuildableError:
        # Said already where the Kustomization was read.
        return
    # A patch may take an object away.
    unchanged = {id(one.manifest) for one in copies}
    yield from (one for one in objects if id(one.manifest) not in unchanged)


def _config_maps(release: Manifest) -> Iterator[str]:
    spec = release.get("spec")
    for reference in entries(spec, "valuesFrom") if isinstance(spec, dict) else ():
        if isinstance(reference, dict) and reference.get("kind") == "ConfigMap":
            yield str(reference.get("name"))


def say_health(kustomization: dict[str, Any], releases: Iterable[Built], objects: Iterable[Built]) -> None:
    """Say in *kustomization*, of ours, by healthChecks what ``wait: true`` said of *releases* and its other *objects*.

    Flux passes over healthChecks where it waits, and waits for nothing but what it applies itself.
    """
    del kustomization["wait"]
    named = [*releases, *(one for one in objects if one.kind not in _ALWAYS_READY and not one.is_opaque)]
    checks = [
        {"apiVersion": one.manifest["apiVersion"], "kind": one.kind, "name": one.name}
        | ({"namespace": one.namespace} if one.namespace else {})
        for one in named
    ]
    kustomization["healthChecks"] = checks


def explained(theirs: Mapping[ObjectId, Found], ours: Mapping[ObjectId, Found]) -> Explained:
    """Return what differs because Pulumi writes the releases, wherever it comes to the same."""
    found: dict[ObjectId, tuple[tuple[str, ...], str]] = {}
    releases: dict[str, set[tuple[str, str]]] = {}
    for identity, original in theirs.items():
        if identity.group != HELM or identity.kind != "HelmRelease":
            continue
        releases.setdefault(original.applied_by, set()).add((identity.namespace, identity.name))
        config_map = _moved_to(identity, original, ours)
        if config_map is not None and config_map not in theirs:
            why = "Pulumi would lose part of its inline values: they go through a ConfigMap, and are the same"
            found[identity] = (("spec.values", "spec.valuesFrom"), why)
            found[config_map] = (("(object)",), why)
    for identity, original in theirs.items():
        if identity.group == FLUX_KUSTOMIZATION and _spec(original).get("wait") is True and identity in ours:
            checks = entries(_spec(ours[identity]), "healthChecks")
            named = {
                (str(one.get("namespace")), str(one.get("name"))) for one in checks if one["kind"] == "HelmRelease"
            }
            if named >= releases.get(f"{identity.namespace}/{identity.name}", set()) and named:
                why = "Pulumi writes its releases: Flux waits for them by healthChecks, not for what it applies itself"
                found[identity] = (("spec.wait", "spec.healthChecks"), why)
    return found


def _moved_to(identity: ObjectId, original: Found, ours: Mapping[ObjectId, Found]) -> ObjectId | None:
    """Return the ConfigMap in *ours* that has all values that *original*, a HelmRelease, had inline, and no other."""
    before, now = _spec(original), _spec(ours[identity]) if identity in ours else {}
    names = list(_config_maps(ours[identity].manifest)) if identity in ours else []
    if before.get("valuesFrom") or now.get("values") or len(names) != 1 or len(entries(now, "valuesFrom")) != 1:
        return None
    config_map = ObjectId("", "ConfigMap", identity.namespace, names[0])
    data = ours[config_map].manifest.get("data") if config_map in ours else None
    text = data.get("values.yaml") if isinstance(data, dict) else None
    return config_map if before.get("values") and same(meaning(text), before["values"]) else None


def _spec(one: Found) -> Manifest:
    spec = one.manifest.get("spec")
    return spec if isinstance(spec, dict) else {}
