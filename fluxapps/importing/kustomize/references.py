"""Names that objects have of one another, when those change: by a prefix, or by a hash of the content."""

from collections.abc import Iterator
from typing import Any, Final

from fluxapps.importing.kustomize.built import Built, UnbuildableError, entries
from fluxapps.importing.original import Original
from fluxapps.model.objects import Manifest
from fluxapps.model.sources import normalized

_POD: Final = ("spec/template/spec", "spec/jobTemplate/spec/template/spec", "spec")
_IN_PODS: Final = {
    "ConfigMap": (
        "volumes/configMap/name",
        "volumes/projected/sources/configMap/name",
        *(f"{c}/env/valueFrom/configMapKeyRef/name" for c in ("containers", "initContainers")),
        *(f"{c}/envFrom/configMapRef/name" for c in ("containers", "initContainers")),
    ),
    "Secret": (
        "volumes/secret/secretName",
        "volumes/projected/sources/secret/name",
        "imagePullSecrets/name",
        *(f"{c}/env/valueFrom/secretKeyRef/name" for c in ("containers", "initContainers")),
        *(f"{c}/envFrom/secretRef/name" for c in ("containers", "initContainers")),
    ),
    "PersistentVolumeClaim": ("volumes/persistentVolumeClaim/claimName",),
    "ServiceAccount": ("serviceAccountName",),
}
_PODS: Final = frozenset(("Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"))
_KNOWN: Final = frozenset((*_IN_PODS, "HelmRelease", "HelmRepository"))


def update_references(original: Original, folder: str, said: Manifest, objects: list[Built]) -> None:
    """Let *objects* name one another by their present names.

    Args:
        original: The repository, for the ``configurations`` that *said* names.
        folder: Where *said* stands.
        said: The kustomization.yaml.
        objects: All that it has; changed in place.

    Raises:
        UnbuildableError: An object was renamed whose referrers aren't known here.
    """
    rules = dict.fromkeys(_configured(original, folder, said))
    for one in objects:
        one_rules = getattr(one, "name_rules", None)
        if one_rules:
            rules |= one_rules
    renamed = [one for one in objects if one.name != one.first_name and one.kind != "Namespace"]
    if not renamed:
        return
    if strange := next((one for one in renamed if one.kind not in _KNOWN and "name" in one.changed), None):
        raise UnbuildableError(f"it renames objects (namePrefix, nameSuffix), a {strange.kind} among them")
    for one in renamed:
        fields = [rule for rule in rules if rule[0] == one.kind]
        for other in objects:
            for path in (*_in_pods(one.kind, other), *(rule[2] for rule in fields if rule[1] in ("", other.kind))):
                _rename(other, path.split("/"), one)


def _in_pods(kind: str, other: Built) -> Iterator[str]:
    if other.kind in _PODS:
        for prefix in _POD:
            for path in _IN_PODS.get(kind, ()):
                yield f"{prefix}/{path}"


def _configured(original: Original, folder: str, said: Manifest) -> Iterator[tuple[str, str, str]]:
    """Yield kind named, kind naming, and path, of the ``nameReference`` rules that *said* brings."""
    for path in entries(said, "configurations"):
        file = normalized(folder, path) if isinstance(path, str) else None
        read = original.files.get(file or "")
        value = read.value if read is not None and isinstance(read.value, dict) else {}
        for rule in entries(value, "nameReference"):
            for spec in entries(rule, "fieldSpecs") if isinstance(rule, dict) else ():
                if isinstance(spec, dict) and isinstance(spec.get("path"), str):
                    yield str(rule.get("kind")), str(spec.get("kind") or ""), spec["path"]


def _rename(other: Built, path: list[str], renamed: Built) -> None:
    if _holds(other.manifest, path, renamed):
        _replace(other.own("references"), path, renamed)


def _holds(value: Any, path: list[str], renamed: Built) -> bool:
    if isinstance(value, list):
        return any(_holds(one, path, renamed) for one in value)
    if not path:
        return bool(value == renamed.first_name)
    return isinstance(value, dict) and path[0] in value and _holds(value[path[0]], path[1:], renamed)


def _replace(value: Any, path: list[str], renamed: Built) -> None:
    if isinstance(value, list):
        for one in value:
            _replace(one, path, renamed)
    elif isinstance(value, dict) and path[0] in value:
        if len(path) > 1:
            _replace(value[path[0]], path[1:], renamed)
        elif value[path[0]] == renamed.first_name:
            # A HelmRelease may name a Secret and a ConfigMap alike: kustomize looks at the kind beside the name.
            if path[0] == "name" and value.get("kind", renamed.kind) != renamed.kind:
                return
            value[path[0]] = renamed.name
