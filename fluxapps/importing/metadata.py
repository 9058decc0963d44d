"""What an object's metadata says beyond what it is called by, and what Kubernetes takes for nothing."""

from typing import Any

from fluxapps.importing.said import CannotSayError
from fluxapps.model.objects import Manifest


def own_metadata(metadata: Manifest) -> dict[str, Any]:
    """Return labels and annotations of *metadata*.

    Raises:
        CannotSayError: It says something else besides name and namespace.
    """
    found = {}
    for key, value in metadata.items():
        if key in ("labels", "annotations"):
            if value:
                found[key] = value
        elif key not in ("name", "namespace") and value is not None:
            raise CannotSayError(f"its metadata says {key}")
    return found


def metadata_or_nothing(metadata: Manifest) -> dict[str, Any]:
    """Return labels and annotations of *metadata*, whatever else it says."""
    try:
        return own_metadata(metadata)
    except CannotSayError:
        return {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}


def without_nothing(value: Any) -> Any:
    """Return *value* without nulls, empty maps and empty lists, which Kubernetes takes for absent."""
    if isinstance(value, dict):
        return {
            key: left
            for key, below in value.items()
            if below is not None and (left := without_nothing(below)) not in ({}, [])
        }
    if isinstance(value, list):
        return [left for below in value if (left := without_nothing(below)) not in ({}, [], None)]
    return value
