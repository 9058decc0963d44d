"""HelmReleases of other YAML that Helm or Flux would take for another one, ours or theirs."""

from collections.abc import Iterator, Sequence
from typing import Any

from fluxapps.model.checks.fields import below
from fluxapps.model.checks.folders import OtherObject
from fluxapps.model.checks.names import helm_name, helm_name_of
from fluxapps.model.checks.ownership import helm_chart
from fluxapps.model.checks.report import at, error
from fluxapps.model.declare.names import HELM
from fluxapps.model.problems import Problem
from fluxapps.model.resolved import Fleet
from fluxapps.model.yaml_file import FieldPath

_Key = tuple[str, str]
"""Namespace and name, of what Helm stores or of a HelmChart."""


def other_release_clashes(fleet: Fleet, others: Sequence[OtherObject]) -> Iterator[Problem]:
    """Yield HelmReleases of other YAML that share Helm's release, or Flux's HelmChart, with another HelmRelease."""
    theirs = [other for other in others if _is_release(other)]
    if not theirs:
        return
    stored: dict[_Key, _Key] = {}
    charts: dict[_Key, _Key] = {}
    for release in (release for app in fleet.apps for release in app.releases):
        own = (release.namespace, release.name)
        # On a cluster of its own, no release is another one.
        if "kubeConfig" not in release.spec:
            stored.setdefault((release.storage_namespace, helm_name(fleet, release)), own)
        if (chart := helm_chart(fleet, release)) is not None:
            charts.setdefault(chart, own)
    for other in theirs:
        spec, own = other.manifest["spec"], (other.namespace, other.manifest["metadata"]["name"])
        storage = (str(spec.get("storageNamespace") or other.namespace), helm_name_of(spec, own[1]))
        if "kubeConfig" not in spec and (first := stored.setdefault(storage, own)) != own:
            what = f"Helm would take {_id(own)} and {_id(first)} for one release"
            what += f": both are '{storage[1]}' in namespace {storage[0]}"
            fix = "say another releaseName, or another storageNamespace"
            yield _clash(other, ("spec", "releaseName"), "release-name-clash", what, fix)
        source = below(spec, ("chart", "spec", "sourceRef"))
        chart = (str(source.get("namespace") or other.namespace), "-".join(own))
        if source and (first := charts.setdefault(chart, own)) != own:
            what = f"Flux makes one HelmChart '{chart[1]}' in {chart[0]} for {_id(own)} and for {_id(first)}"
            fix = "name one of them otherwise: it is called <namespace>-<name>"
            yield _clash(other, ("metadata", "name"), "helm-chart-clash", what, fix)


def _is_release(other: OtherObject) -> bool:
    manifest: dict[str, Any] = other.manifest
    is_helm = manifest["kind"] == "HelmRelease" and manifest["apiVersion"].startswith(f"{HELM}/")
    return is_helm and isinstance(manifest.get("spec"), dict) and not other.renamed


def _id(name: _Key) -> str:
    return "/".join(name)


def _clash(other: OtherObject, field: FieldPath, code: str, what: str, fix: str) -> Problem:
    return error(code, what, at(other.file, (*other.path, *field), document=other.document), other.file.file, fix)
