"""Compares what Pulumi was given as ``cluster`` with the stack's file, which the model reads itself, for its lines.

What differs came by ``--config-file`` or from Pulumi.yaml's defaults (``-c`` is written into the file first).
"""

from typing import Any

from fluxapps.model.strict import dotted
from fluxapps.model.yaml_file import FieldPath

_YES = {"y", "yes", "on", "true"}
_NO = {"n", "no", "off", "false"}


def overlay(file: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return what must be laid over *file* to have *given*: changed and added fields, null for those that are gone."""
    changed: dict[str, Any] = {key: None for key in file if key not in given}
    for key, value in given.items():
        said = file.get(key)
        if isinstance(value, dict) and isinstance(said, dict):
            if below := overlay(said, value):
                changed[key] = below
        elif key not in file or not _same(said, value):
            changed[key] = value
    return changed


def fields_of(changed: dict[str, Any], path: FieldPath = ()) -> list[str]:
    """Return the fields that an overlay says, dotted."""
    fields: list[str] = []
    for key, value in changed.items():
        below = (*path, key)
        fields += fields_of(value, below) if isinstance(value, dict) and value else [dotted(below)]
    return fields


def _same(said: Any, given: Any) -> bool:
    """Return whether two readings of one text agree: Pulumi reads YAML 1.2's scalars, the model reads as Flux does."""
    if isinstance(said, list) and isinstance(given, list):
        return len(said) == len(given) and all(map(_same, said, given))
    if isinstance(said, dict) and isinstance(given, dict):
        return said.keys() == given.keys() and all(_same(said[key], given[key]) for key in said)
    if said == given and isinstance(said, bool) == isinstance(given, bool):
        return True
    return _reading(said) == _reading(given)


def _reading(scalar: Any) -> object:
    text = str(scalar).lower()
    if text in _YES | _NO:
        return ("bool", text in _YES)
    try:
        return float(text)
    except ValueError:
        return text
