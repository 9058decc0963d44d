"""Lift Flux's objects of past API versions to those of today.

Only what those versions spelled differently is touched: what ``flux migrate`` does, and the removed fields that the
release notes of Flux 2.7 and 2.8 name. Every other field stays as it was written.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fluxapps.model.objects import Manifest
from fluxapps.model.yaml_text import dump_yaml

TODAY: Final[Mapping[str, str]] = {
    "helm.toolkit.fluxcd.io": "v2",
    "kustomize.toolkit.fluxcd.io": "v1",
    "source.toolkit.fluxcd.io": "v1",
}
"""Flux's groups and the one version of each that its CRDs still serve."""

PAST: Final[Mapping[str, tuple[str, ...]]] = {
    "helm.toolkit.fluxcd.io": ("v2beta1", "v2beta2"),
    "kustomize.toolkit.fluxcd.io": ("v1beta1", "v1beta2"),
    "source.toolkit.fluxcd.io": ("v1beta1", "v1beta2"),
    "notification.toolkit.fluxcd.io": ("v1beta1", "v1beta2"),
    "image.toolkit.fluxcd.io": ("v1beta2",),
}
"""Versions that rules here lift."""

_BY_KIND: Final[Mapping[tuple[str, str], str]] = {
    ("notification.toolkit.fluxcd.io", "Alert"): "v1beta3",
    ("notification.toolkit.fluxcd.io", "Provider"): "v1beta3",
    ("notification.toolkit.fluxcd.io", "Receiver"): "v1",
    ("image.toolkit.fluxcd.io", "ImagePolicy"): "v1",
    ("image.toolkit.fluxcd.io", "ImageRepository"): "v1",
    ("image.toolkit.fluxcd.io", "ImageUpdateAutomation"): "v1",
}
"""Kinds of groups whose kinds have versions of their own."""


def today(group: str, kind: str) -> str | None:
    """Return the version of *kind* that today's Flux serves; None for what isn't Flux's."""
    return TODAY.get(group) or _BY_KIND.get((group, kind))


def is_old(manifest: Manifest) -> bool:
    """Return whether *manifest* is of a version of Flux's that isn't today's."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    wanted = today(group, manifest["kind"])
    return wanted is not None and version != wanted


@dataclass(frozen=True, slots=True)
class Lifted:
    """An object in today's spelling."""

    manifest: Manifest
    fields: tuple[str, ...]
    """What was changed, by path; () for an object that was up to date or isn't Flux's."""


def lift(manifest: Manifest) -> Lifted:
    """Return *manifest* as today's Flux wants it; the object given is left as it is.

    Raises:
        ValueError: A version of one of Flux's groups that no rule here knows.
    """
    group, _, version = manifest["apiVersion"].rpartition("/")
    wanted = today(group, manifest["kind"])
    if wanted is None or version == wanted:
        return Lifted(manifest, ())
    if version not in PAST[group]:
        raise ValueError(f"no rule lifts {manifest['apiVersion']} {manifest['kind']}")
    lifted = copy.deepcopy(manifest)
    lifted["apiVersion"] = f"{group}/{wanted}"
    changed = ["apiVersion"]
    if lifted.pop("status", None) is not None:
        changed.append("status")
    rule, spec = _RULES.get(lifted["kind"]), lifted.get("spec")
    if rule is not None and isinstance(spec, dict):
        changed += rule(spec)
    return Lifted(lifted, tuple(changed))


def _kustomization(spec: Manifest) -> list[str]:
    dropped = [name for name in ("validation",) if spec.pop(name, None) is not None]
    return [f"spec.{name}" for name in dropped + _merge_patches(spec)]


def _helm_release(spec: Manifest) -> list[str]:
    changed = _values_files(_map(_map(spec, "chart"), "spec"), "spec.chart.spec")
    renderers = spec.get("postRenderers")
    for number, renderer in enumerate(renderers if isinstance(renderers, list) else []):
        inner = _map(renderer if isinstance(renderer, dict) else {}, "kustomize")
        changed += [f"spec.postRenderers[{number}].kustomize.{x}" for x in _merge_patches(inner)]
    return changed


def _git_repository(spec: Manifest) -> list[str]:
    return [f"spec.{name}" for name in ("gitImplementation", "accessFrom") if spec.pop(name, None) is not None]


def _helm_chart(spec: Manifest) -> list[str]:
    return _values_files(spec, "spec")


def _map(holder: Manifest, key: str) -> Manifest:
    found = holder.get(key)
    return found if isinstance(found, dict) else {}


def _values_files(spec: Manifest, path: str) -> list[str]:
    """Say ``valuesFile`` as the first of ``valuesFiles``: those were merged over it."""
    if (single := spec.pop("valuesFile", None)) is None:
        return []
    spec["valuesFiles"] = [single, *(spec.get("valuesFiles") or [])]
    return [f"{path}.valuesFile"]


def _merge_patches(holder: Manifest) -> list[str]:
    """Say the two old kinds of patches in ``patches``, in the order in which kustomize applied the three."""
    strategic = holder.pop("patchesStrategicMerge", None)
    json6902 = holder.pop("patchesJson6902", None)
    first = [{"patch": _text(patch)} for patch in strategic or []]
    last = [{"patch": _text(patch["patch"]), "target": patch["target"]} for patch in json6902 or []]
    if first or last:
        holder["patches"] = [*first, *(holder.get("patches") or []), *last]
    old = {"patchesStrategicMerge": strategic, "patchesJson6902": json6902}
    return [name for name, value in old.items() if value is not None]


def _text(patch: Any) -> str:
    return patch if isinstance(patch, str) else dump_yaml(patch)


_RULES: Final[Mapping[str, Callable[[Manifest], list[str]]]] = {
    "GitRepository": _git_repository,
    "HelmChart": _helm_chart,
    "HelmRelease": _helm_release,
    "Kustomization": _kustomization,
}
