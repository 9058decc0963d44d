"""Compares manifests with the CRDs of a live cluster, whose Flux may be older than the one the schemas are of."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fluxapps.model.flux_structural import Schema, api_group

_VERSION_LABEL: Final = "app.kubernetes.io/version"


def fields_lacking(crd: Mapping[str, Any], manifests: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what *manifests* use and a live CRD doesn't have: the cluster's Flux is older than the manifests.

    Args:
        crd: A CustomResourceDefinition as the API server returns it.
        manifests: Objects that ``field_faults`` found nothing in; those of other kinds are passed over.

    Returns:
        Sorted paths such as ``spec.dependsOn[].readyExpr``, ``spec.driftDetection.mode=warn`` for a value that isn't
        among the CRD's, ``apiVersion=helm.toolkit.fluxcd.io/v2`` for a version that isn't served.
    """
    spec = crd["spec"]
    served: dict[str, Schema] = {
        f"{spec['group']}/{version['name']}": version["schema"]["openAPIV3Schema"]
        for version in spec["versions"]
        if version["served"]
    }
    lacking: set[str] = set()
    for manifest in manifests:
        api_version = manifest["apiVersion"]
        if manifest["kind"] != spec["names"]["kind"] or api_group(api_version) != spec["group"]:
            continue
        if api_version not in served:
            lacking.add(f"apiVersion={api_version}")
            continue
        live = served[api_version].get("properties", {}).get("spec", {})
        lacking.update(_lacking(manifest.get("spec"), live, "spec"))
    return sorted(lacking)


def flux_version_of(crd: Mapping[str, Any]) -> str | None:
    """Return the Flux version a live CRD says it came with (the label Flux's own manifests carry), if it says one."""
    version = crd["metadata"].get("labels", {}).get(_VERSION_LABEL)
    return version if isinstance(version, str) else None


def _lacking(value: object, schema: Schema, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        values = schema.get("additionalProperties")
        for name, item in value.items():
            field = schema.get("properties", {}).get(name, values)
            if isinstance(field, dict):
                yield from _lacking(item, field, f"{path}.{name}")
            elif not (field or schema.get("x-kubernetes-preserve-unknown-fields")):
                yield f"{path}.{name}"
    elif isinstance(value, list):
        for item in value:
            yield from _lacking(item, schema.get("items", {}), f"{path}[]")
    elif value is not None and value not in schema.get("enum", (value,)):
        yield f"{path}={value}"
