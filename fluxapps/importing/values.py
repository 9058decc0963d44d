"""Values of releases as text: as written, comments and all, wherever that says the same."""

import json
import re
from typing import Any, Final

from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.original import Original
from fluxapps.importing.said import CannotSayError, Values
from fluxapps.model.objects import Manifest
from fluxapps.model.problems import ConfigError
from fluxapps.model.yaml_file import parse_yaml
from fluxapps.model.yaml_text import dump_yaml

_encode: Final = json.JSONEncoder(sort_keys=True).encode
_VALUES: Final = re.compile(r"^(?P<indent> +)values:[ \t]*(?P<rest>#.*)?$", re.MULTILINE)


def values_of_text(text: str) -> Values:
    """Return the values that *text*, a ConfigMap's, holds.

    Raises:
        CannotSayError: It can't stand in a values.yaml.
    """
    try:
        read = parse_yaml(text, "values.yaml")
    except ConfigError as error:
        first = error.problems[0]
        raise CannotSayError(f"its values can't be read: line {first.line}: {first.what}") from None
    if len(read.documents) > 1:
        raise CannotSayError("its values have several documents")
    if not isinstance(read.value, dict) or not read.value:
        raise CannotSayError("its values are no map, or empty")
    if "\r" in text or text.startswith("\ufeff"):
        return Values(dump_yaml(read.value), read.value)
    return Values(text, read.value, read)


def inline_values(original: Original, one: Built) -> Values:
    """Return the values that *one*, a HelmRelease, has in its spec, as they are written where that is possible.

    Raises:
        CannotSayError: They are no map.
    """
    value = one.manifest["spec"]["values"]
    if not isinstance(value, dict):
        raise CannotSayError("its values are no map")
    text = None
    document = one.document
    if document is not None and not document.path and document.manifest.get("spec", {}).get("values") == value:
        text = _written(original.files[document.file].text, document.line, document.index, original, document.file)
    if text is not None and same(meaning(text), value):
        return Values(text, value)
    return Values(dump_yaml(value), value)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON: ``1``, ``1.0`` and ``true`` are three."""
    if one.__class__ is str and other.__class__ is str:
        return bool(one == other)
    return _encode(one) == _encode(other)


def meaning(text: Any) -> Any:
    """Return what *text*, of values, means; None where it is no text, or can't be read."""
    if not isinstance(text, str):
        return None
    try:
        read = parse_yaml(text, "values.yaml")
    except ConfigError:
        return None
    return read.value if len(read.documents) == 1 else None


def _written(text: str, line: int, index: int, original: Original, file: str) -> str | None:
    """Return the block below ``values:`` in one document, moved to the left; None where it isn't one."""
    documents = original.files[file].documents
    lines = text.splitlines(keepends=True)
    end = documents[index + 1].line - 1 if index + 1 < len(documents) else len(lines)
    body = "".join(lines[line - 1 : end])
    for match in _VALUES.finditer(body):
        block = _block(body[match.end() + 1 :], len(match["indent"]))
        if block:
            return block
    return None


def _block(text: str, indent: int) -> str:
    """Return the lines at the head of *text* that stand deeper than *indent*, moved to the left."""
    kept: list[str] = []
    pending: list[str] = []
    depth: int | None = None
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        leading = len(line) - len(line.lstrip(" "))
        if not stripped:
            pending.append(line)
            continue
        if stripped.startswith("#") and leading <= indent:
            pending.append(line)
            continue
        if leading <= indent:
            break
        if depth is None and not stripped.startswith("#"):
            depth = leading
        kept += [*pending, line]
        pending = []
    if depth is None:
        return ""
    return "".join(line[depth:] if line[:depth].isspace() else line.lstrip(" ") for line in kept)


def config_map_text(one: Manifest, key: str) -> str | None:
    """Return the text under *key* of *one*, if that is all this ConfigMap says."""
    data = one.get("data")
    if not isinstance(data, dict) or list(data) != [key] or not isinstance(data[key], str):
        return None
    text: str = data[key]
    return text
