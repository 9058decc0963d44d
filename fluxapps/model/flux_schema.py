"""Checks manifests of Flux's kinds against Flux's own schemas, as the API server would, without one.

The schemas are package data (:mod:`fluxapps.schemas`). Two things are stricter than the API server on purpose: a field
the schema doesn't have is a fault (the server drops it in silence unless asked to be strict), and so is no ``spec``.
Where the server judges a create and an apply differently (nulls), apply counts: Pulumi and Flux both apply.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fluxapps.model.flux_faults import FieldFault, fault, rule_fault, without_echoes
from fluxapps.model.flux_live import fields_lacking, flux_version_of
from fluxapps.model.flux_rules import RULES, Rule
from fluxapps.model.flux_structural import METADATA, FieldPath, Schema, api_group, closed, place

if TYPE_CHECKING:
    from jsonschema_rs import Validator

__all__ = [
    "API_VERSIONS",
    "FLUX_VERSION",
    "FieldFault",
    "field_faults",
    "fields_lacking",
    "flux_version_of",
    "known_fields",
    "spec_schema",
]

Manifest = Mapping[str, Any]

_DATA: Final = Path(__file__).resolve().parent.parent / "schemas"
_INDEX: Final = json.loads((_DATA / "flux.json").read_bytes())

FLUX_VERSION: Final[str] = _INDEX["flux"]
"""The Flux release the schemas are of, as ``v2.9.5``."""

API_VERSIONS: Final[Mapping[str, str]] = _INDEX["kinds"]
"""The kinds there are schemas for, each with its one API version."""


@dataclass(frozen=True, slots=True)
class _PlacedRule:
    """A CEL rule, and the objects in a manifest it stands on."""

    path: tuple[str, ...]
    """From the manifest's root; ``*`` stands for every item of a list and every value of a map."""
    rule: Rule
    defaults: Mapping[str, Any]
    """The defaults of the object's own fields, which the server fills in before it looks at rules."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind, ready to check with."""

    schema: Schema
    """Of the whole object, as :func:`_schema` returns it."""
    validator: "Validator"
    rules: tuple[_PlacedRule, ...]


def field_faults(manifest: Manifest) -> list[FieldFault]:
    """Return all that Flux's schema refuses in *manifest*, in the order of its paths.

    Args:
        manifest: A Kubernetes object as plain JSON data.

    Returns:
        None at all for a manifest that is fine, or of a kind there is no schema for.
    """
    kind, api_version = manifest.get("kind"), manifest.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(api_version, str) or kind not in API_VERSIONS:
        return []
    known = API_VERSIONS[kind]
    if api_group(api_version) != api_group(known):
        # Kustomize has a Kustomization too.
        return []
    if api_version != known:
        what = f"apiVersion: Flux {FLUX_VERSION} has no {kind} {api_version}"
        return [FieldFault(("apiVersion",), what, f"write {known}", "wrong-value")]
    checks = _kind(kind)
    try:
        if checks.validator.is_valid(manifest) and not any(_broken(checks.rules, manifest)):
            return []
        errors = list(checks.validator.iter_errors(manifest))
    except ValueError as exc:
        # Half a surrogate pair, say: what JSON can't hold never gets to the API server.
        return [FieldFault((), f"the manifest is not JSON data: {exc}", "write plain YAML", "wrong-value")]
    faults = [one for error in errors for one in fault(kind, checks.schema, manifest, error)]
    faults += [rule_fault(path, self, rule) for path, self, rule in _broken(checks.rules, manifest)]
    return without_echoes(faults)


def known_fields(kind: str, path: FieldPath = ()) -> tuple[str, ...]:
    """Return the names a manifest of *kind* may have at *path*, sorted; none where names are free or unknown."""
    if kind not in API_VERSIONS:
        return ()
    return tuple(sorted(place(_schema(kind), path).get("properties", ())))


def spec_schema(kind: str, *, partial: bool = False) -> Schema:
    """Return the JSON Schema of the spec of *kind*, without prose and CEL rules, to put into another schema.

    Args:
        kind: One of :data:`API_VERSIONS`.
        partial: Of a layer instead of the whole: nothing is required and null is allowed (it deletes a key), except
            inside lists, which layers replace as a whole.

    Raises:
        KeyError: There is no schema for *kind*.
    """
    return deepcopy(closed(_schema(kind)["properties"]["spec"], partial=partial))


@cache
def _schema(kind: str) -> Schema:
    """Return the schema of the whole object: the spec's in the CRD's own keywords, the rest in JSON Schema's.

    Raises:
        KeyError: There is none.
    """
    data = json.loads((_DATA / f"{kind}.json").read_bytes()) if kind in API_VERSIONS else {}
    return {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": METADATA,
            "spec": data["spec"],
            "status": True,
        },
        "required": ["metadata", "spec"],
        "additionalProperties": False,
    }


@cache
def _kind(kind: str) -> _Kind:
    # Costs more to import than all the rest of the model's checks; not everyone who asks for names checks.
    from jsonschema_rs import Draft7Validator, RegexOptions  # noqa: PLC0415

    schema = _schema(kind)
    whole = {**schema, "properties": {**schema["properties"], "spec": spec_schema(kind)}}
    # Go's regular expressions are RE2's; the linear engine has the same syntax, and no backtracking.
    validator = Draft7Validator(whole, pattern_options=RegexOptions(), validate_formats=True, offline=True)
    return _Kind(schema, validator, tuple(_placed_rules(schema["properties"]["spec"], ("spec",))))


def _placed_rules(schema: Schema, path: tuple[str, ...]) -> Iterator[_PlacedRule]:
    properties = schema.get("properties", {})
    defaults = {name: field["default"] for name, field in properties.items() if "default" in field}
    for entry in schema.get("x-kubernetes-validations", ()):
        # A test fails where a rule isn't in the table; at run time the API server still says it.
        if (rule := RULES.get(entry["rule"])) is not None:
            yield _PlacedRule(path, rule, defaults)
    for name, field in properties.items():
        yield from _placed_rules(field, (*path, name))
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from _placed_rules(inner, (*path, "*"))


def _broken(rules: Iterable[_PlacedRule], manifest: Manifest) -> Iterator[tuple[FieldPath, Manifest, Rule]]:
    """Yield every place in *manifest* where a rule doesn't hold."""
    for placed in rules:
        for path, self in _objects_at(manifest, placed.path):
            if not placed.rule.holds(_with_defaults(self, placed.defaults)):
                yield path, self, placed.rule


def _with_defaults(self: Manifest, defaults: Mapping[str, Any]) -> Manifest:
    if not defaults:
        return self
    return {**defaults, **{name: value for name, value in self.items() if value is not None}}


def _objects_at(value: Any, path: tuple[str, ...]) -> Iterable[tuple[FieldPath, Manifest]]:
    """Return the objects at *path* below *value*, each with the path it stands at."""
    for index, step in enumerate(path):
        if step == "*":
            return _objects_in(value, path[:index], path[index + 1 :])
        # isinstance with dict, here and below: this runs for every manifest, and an abstract class is slow to ask.
        if not isinstance(value, dict) or step not in value:
            return ()
        value = value[step]
    return ((path, value),) if isinstance(value, dict) else ()


def _objects_in(value: object, path: FieldPath, rest: tuple[str, ...]) -> Iterator[tuple[FieldPath, Manifest]]:
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for step, item in items:
        for below, found in _objects_at(item, rest):
            yield (*path, step, *below), found
