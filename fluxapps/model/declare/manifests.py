"""Manifests as plain data, without the empty maps and lists that Pulumi would see as a change for ever."""

from typing import Any

from fluxapps.model.objects import Manifest


def manifest(  # noqa: PLR0913 - what an object is made of
    api_version: str,
    kind: str,
    name: str,
    namespace: str = "",
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **body: Any,
) -> Manifest:
    """Return a manifest of these parts; *body* is ``spec``, ``data``, …."""
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def with_metadata(made: Manifest, metadata: dict[str, Any]) -> Manifest:
    """Return *made* with labels and annotations of *metadata* (a user's) laid over its own."""
    if not metadata:
        return made
    merged = dict(made["metadata"])
    for part in ("labels", "annotations"):
        if isinstance(said := metadata.get(part), dict):
            merged[part] = {**merged.get(part, {}), **said}
    return {**made, "metadata": merged}


def pruned(value: Any) -> Any:
    """Return *value* without empty maps and lists in it, at any depth; None where nothing is left.

    Kubernetes takes an absent field for an empty one, Pulumi sees a difference in it on every run.
    """
    if isinstance(value, dict):
        kept = {key: left for key, below in value.items() if (left := pruned(below)) is not None}
        return kept or None
    if isinstance(value, list):
        return [left for below in value if (left := pruned(below)) is not None] or None
    return value
