"""Compares what Pulumi was given as ``cluster`` with the stack's file, which the model reads itself, for its lines.

What differs came by ``--config-file`` or from Pulumi.yaml's defaults (``-c`` is written into the file first).
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fluxapps.model.layers import merge_values
from fluxapps.model.strict import dotted
from fluxapps.model.yaml_file import FieldPath, read_yaml

OVERLAY = "FLUXAPPS_OVERLAY"
"""Environment variable that names a YAML file (from the repository's root) whose fields are laid over ``cluster``: how
the local cluster's own repositories take the place of the real ones without touching a committed file."""

_YES = {"y", "yes", "on", "true"}
_NO = {"n", "no", "off", "false"}
_DAY = re.compile(r"\d{4}-\d\d?-\d\d?([Tt ]|$)")
_GO_UTC = " +0000 utc"


def overlaid(cluster: dict[str, Any], root: Path, overlay: str) -> dict[str, Any]:
    """Return *cluster* with the overlay file at *overlay*, from *root*, laid over it.

    A null in it stays: what it takes away may stand in fleet.yaml.

    Raises:
        ConfigError: There is no such file, or it can't be read.
    """
    return merge_values(cluster, read_yaml(root, overlay).value or {})


def reconciled(file: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return *given*, with the file's own reading of what it says too.

    Pulumi reads YAML 1.2's scalars and writes timestamps as Go does; the model reads as Flux does.
    """
    names = {_reading(key): key for key in file}
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = names.get(_reading(key), key)
        said = file.get(name)
        if isinstance(value, dict) and isinstance(said, dict):
            found[name] = reconciled(said, value)
        else:
            found[name] = said if name in file and _same(said, value) else value
    return found


def differing(file: dict[str, Any], given: dict[str, Any], path: FieldPath = ()) -> list[str]:
    """Return the fields, dotted, that *given* (reconciled) says otherwise than *file*, or doesn't say any more."""
    fields: list[str] = []
    for key in dict.fromkeys((*given, *file)):
        said, value = file.get(key), given.get(key)
        if isinstance(said, dict) and isinstance(value, dict):
            fields += differing(said, value, (*path, key))
        elif (key in file) != (key in given) or not _same(said, value):
            fields.append(dotted((*path, key)))
    return fields


def _same(said: Any, given: Any) -> bool:
    """Return whether two readings of one text agree."""
    if isinstance(said, list) and isinstance(given, list):
        return len(said) == len(given) and all(map(_same, said, given))
    if isinstance(said, dict) and isinstance(given, dict):
        mine, theirs = ({_reading(key): value for key, value in one.items()} for one in (said, given))
        return mine.keys() == theirs.keys() and all(_same(mine[key], theirs[key]) for key in mine)
    if said == given and isinstance(said, bool) == isinstance(given, bool):
        return True
    return _reading(said) == _reading(given)


def _reading(scalar: Any) -> object:
    text = str(scalar).lower()
    if text in _YES | _NO:
        return ("bool", text in _YES)
    if _DAY.match(text):
        return _instant(text)
    try:
        return float(text)
    except ValueError:
        return text


def _instant(text: str) -> object:
    """Return the instant that a YAML timestamp, or Go's form of one, means; *text* itself where it is none."""
    try:
        found = datetime.fromisoformat(text.removesuffix(_GO_UTC).upper())
    except ValueError:
        return text
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
