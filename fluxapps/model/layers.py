"""Layers of settings: plain data and the file each came from, merged without keeping track.

Where a merged field came from is found afterwards, by walking the layers from the top: ``origin``.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from fluxapps.model.yaml_file import FieldPath, YamlFile


class Layer(NamedTuple):
    """One part of one file that says fields."""

    data: dict[str, Any]
    file: YamlFile | None
    """None for our own defaults."""
    prefix: FieldPath = ()
    """Where *data* stands in the file."""


class Origin(NamedTuple):
    """Where a field was said."""

    file: str
    line: int
    column: int
    path: FieldPath
    """The field in that file."""


def merge_fields(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return *base* with *over* laid over it: maps merge, lists replace, a null deletes the key."""
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = merge_fields(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def merge_values(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return *base* with *over* laid over it: maps merge, lists replace, a null stays.

    Helm deletes the chart's default by it.
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge_values(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def merged_fields(layers: Iterable[Layer]) -> dict[str, Any]:
    """Return the fields that *layers*, lowest first, say together."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = merge_fields(merged, layer.data)
    return merged


def origin(layers: Sequence[Layer], *paths: FieldPath) -> Origin | None:
    """Return where the topmost of *layers* (lowest first) says one of *paths*; None where no file does.

    Earlier paths win over later ones in every layer: a release's own field over its app's.
    """
    for path in paths:
        for layer in reversed(layers):
            if layer.file is not None and _says(layer.data, path):
                place = layer.prefix + path
                position = layer.file.position(place)
                return Origin(layer.file.file, position.line, position.column, place)
    return None


def _says(data: Any, path: FieldPath) -> bool:
    for part in path:
        if isinstance(part, int):
            if not isinstance(data, list) or part >= len(data):
                return False
        elif not isinstance(data, dict) or part not in data:
            return False
        data = data[part]
    return True
