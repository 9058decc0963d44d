"""References of Flux's that lead nowhere, and variables in fields that Flux reads itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from fluxapps.importing.applied import SOURCE_GROUP, SOURCES, is_moving
from fluxapps.importing.apps import place_of
from fluxapps.importing.clusters import Cluster
from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.original import Original
from fluxapps.model.problems import Problem, Severity


def variables(original: Original, cluster: Cluster) -> Iterator[Problem]:
    """Yield each field of a Kustomization, source or HelmRelease with a ``${VAR}`` in it; values don't count."""
    for applied in cluster.applied:
        for one in applied.objects:
            if not (is_moving(one) or one.kind == "HelmRelease") or not _may_vary(original, one):
                continue
            spec = one.manifest.get("spec")
            said = {"metadata": one.manifest["metadata"], "spec": spec}
            for path, text in _with_variable(said, ""):
                if path.startswith(("spec.values.", "spec.patches", "spec.postBuild", "spec.postRenderers")):
                    continue
                file, line = place_of(one)
                yield Problem(
                    code="flux-variable",
                    what=f"{one.id}: {path} is '{text}': only Flux knows what that becomes",
                    file=file or ".",
                    line=line,
                    path=path,
                    fix="write the value; the checks can't look at a variable",
                    severity=Severity.WARNING,
                )


def _may_vary(original: Original, one: Built) -> bool:
    return one.document is None or bool(one.changed) or "${" in original.files[one.document.file].text


def missing_sources(cluster: Cluster) -> Iterator[Problem]:
    """Yield each HelmRelease whose source none of the cluster's Kustomizations applies."""
    objects = [one for applied in cluster.applied for one in (*applied.objects, *applied.moving)]
    there = {(one.kind, one.namespace, one.name) for one in objects if one.group == SOURCE_GROUP}
    if any(one.is_opaque for one in objects):
        return
    for one in dict.fromkeys(one for one in objects if one.kind == "HelmRelease"):
        for reference in _references(one):
            kind, name = str(reference.get("kind")), str(reference.get("name"))
            named = (kind, str(reference.get("namespace") or one.namespace), name)
            if kind in SOURCES and named not in there and "${" not in f"{named}":
                file, line = place_of(one)
                yield Problem(
                    code="missing-source",
                    what=f"{one.id}: its source, {kind} {named[1]}/{name}, isn't in the repository",
                    file=file or ".",
                    line=line,
                    fix="add it, or mend the name",
                    severity=Severity.WARNING,
                )


def _references(one: Built) -> Iterator[Mapping[str, Any]]:
    spec = one.manifest.get("spec")
    chart = spec.get("chart") if isinstance(spec, dict) else None
    inner = chart.get("spec") if isinstance(chart, dict) else None
    for holder, key in ((spec, "chartRef"), (inner, "sourceRef")):
        if isinstance(holder, dict) and isinstance(reference := holder.get(key), dict):
            yield reference


def _with_variable(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _with_variable(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _with_variable(below, f"{path}[{index}]")
    elif isinstance(value, str) and "${" in value:
        yield path, value
