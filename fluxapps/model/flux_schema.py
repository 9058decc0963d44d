"""Checks manifests of Flux's kinds against Flux's own schemas, as the API server would, without one.

The schemas are package data (:mod:`fluxapps.schemas`). Two things are stricter than the API server on purpose: a field
the schema doesn't have is a fault (the server drops it in silence unless asked to be strict), and so is no ``spec``.
As in the server, null is the same as absent, and a required field with a default may be absent.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fluxapps.model.flux_faults import FieldFault, FieldPath, fault, place, rule_fault, without_echoes
from fluxapps.model.flux_rules import RULES, Rule

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

Schema = dict[str, Any]
Manifest = Mapping[str, Any]

_DATA: Final = Path(__file__).resolve().parent.parent / "schemas"
_INDEX: Final = json.loads((_DATA / "flux.json").read_bytes())

FLUX_VERSION: Final[str] = _INDEX["flux"]
"""The Flux release the schemas are of, as ``v2.9.5``."""

API_VERSIONS: Final[Mapping[str, str]] = _INDEX["kinds"]
"""The kinds there are schemas for, each with its one API version."""

_VERSION_LABEL: Final = "app.kubernetes.io/version"
_ANY_BUT_NULL: Final = ("array", "boolean", "integer", "number", "object", "string")
_AS_IS: Final = frozenset(
    (
        "default",
        "enum",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "pattern",
    )
)
"""Keywords that mean in JSON Schema what they mean in a CRD."""

# What the API server demands of metadata itself, whatever the kind.
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and …/labels/
_QUALIFIED: Final = r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]"
_LABEL_PREFIX: Final = r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
_STRING: Final[Schema] = {"type": "string"}
_METADATA: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {
            "type": "string",
            "maxLength": 253,
            "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        },
        "namespace": {"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
        "labels": {
            "type": "object",
            "propertyNames": {"pattern": f"^{_LABEL_PREFIX}{_QUALIFIED}$"},
            "additionalProperties": {"type": "string", "maxLength": 63, "pattern": f"^({_QUALIFIED})?$"},
        },
        "annotations": {
            "type": "object",
            # Case doesn't count in the prefix of an annotation's key.
            "propertyNames": {"pattern": f"^(?i:{_LABEL_PREFIX}){_QUALIFIED}$"},
            "additionalProperties": _STRING,
        },
        "finalizers": {"type": "array", "items": _STRING},
        "ownerReferences": {"type": "array", "items": {"type": "object"}},
        "generateName": _STRING,
        # What the server itself fills in: in an exported object it stands there, and does no harm.
        "creationTimestamp": True,
        "deletionGracePeriodSeconds": True,
        "deletionTimestamp": True,
        "generation": True,
        "managedFields": True,
        "resourceVersion": True,
        "selfLink": True,
        "uid": True,
    },
    "required": ["name"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class _PlacedRule:
    """A CEL rule, and the objects in a manifest it stands on."""

    path: tuple[str, ...]
    """From the spec; ``*`` stands for every item of a list and every value of a map."""
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
    known = API_VERSIONS.get(kind) if isinstance(kind, str) else None
    if known is None or not isinstance(api_version, str) or _group(api_version) != _group(known):
        return []
    assert isinstance(kind, str)  # noqa: S101 - a None isn't in the index; mypy can't know
    if api_version != known:
        what = f"apiVersion: Flux {FLUX_VERSION} has no {kind} {api_version}"
        return [FieldFault(("apiVersion",), what, f"write {known}", "wrong-value")]
    checks = _kind(kind)
    if checks.validator.is_valid(manifest) and not any(_broken(checks.rules, manifest)):
        return []
    cleaned: Manifest = _without_nulls(manifest, checks.schema)
    faults = [fault(kind, checks.schema, error) for error in checks.validator.iter_errors(cleaned)]
    flat = [one for several in faults for one in several]
    flat += [rule_fault(path, self, rule) for path, self, rule in _broken(checks.rules, cleaned)]
    return without_echoes(flat)


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
    return _closed(_schema(kind)["properties"]["spec"], partial=partial)


def fields_lacking(crd: Manifest, manifests: Iterable[Manifest]) -> list[str]:
    """Return what *manifests* use and a live CRD doesn't have: the cluster's Flux is older than the manifests.

    Args:
        crd: A CustomResourceDefinition as the API server returns it.
        manifests: Objects that :func:`field_faults` found nothing in; those of other kinds are passed over.

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
        if manifest["kind"] != spec["names"]["kind"] or _group(api_version) != spec["group"]:
            continue
        if api_version not in served:
            lacking.add(f"apiVersion={api_version}")
            continue
        live = served[api_version].get("properties", {}).get("spec", {})
        lacking.update(_lacking(manifest.get("spec"), live, "spec"))
    return sorted(lacking)


def flux_version_of(crd: Manifest) -> str | None:
    """Return the Flux version a live CRD says it came with (the label Flux's own manifests carry), if it says one."""
    version = crd["metadata"].get("labels", {}).get(_VERSION_LABEL)
    return version if isinstance(version, str) else None


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


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
            "apiVersion": _STRING,
            "kind": _STRING,
            "metadata": _METADATA,
            "spec": data["spec"],
            "status": True,
        },
        "required": ["metadata", "spec"],
        "additionalProperties": False,
    }


@cache
def _kind(kind: str) -> _Kind:
    # Half of this module's import time where nothing is checked.
    from jsonschema_rs import Draft7Validator, RegexOptions  # noqa: PLC0415

    schema = _schema(kind)
    closed = {**schema, "properties": {**schema["properties"], "spec": spec_schema(kind)}}
    # Go's regular expressions are RE2's; the linear engine has the same syntax, and no backtracking.
    validator = Draft7Validator(closed, pattern_options=RegexOptions(), validate_formats=True, offline=True)
    return _Kind(schema, validator, tuple(_placed_rules(schema["properties"]["spec"], ("spec",))))


def _closed(schema: Schema, *, partial: bool) -> Schema:
    """Return a CRD's structural schema as JSON Schema (draft 7) that refuses unknown fields.

    Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
    """
    closed: Schema = {keyword: schema[keyword] for keyword in schema.keys() & _AS_IS}
    types = _types(schema) + (["null"] if partial and not schema.get("nullable", False) else [])
    closed["type"] = types[0] if len(types) == 1 else types
    if partial and "enum" in closed:
        closed["enum"] = [*closed["enum"], None]
    for keyword in ("allOf", "anyOf", "oneOf", "not"):
        # Below these a structural schema only narrows values, so they are JSON Schema as they stand.
        if keyword in schema:
            closed[keyword] = schema[keyword]
    if "items" in schema:
        closed["items"] = _closed(schema["items"], partial=False)
    properties = schema.get("properties", {})
    if properties:
        closed["properties"] = {name: _closed(field, partial=partial) for name, field in properties.items()}
    required = [name for name in schema.get("required", ()) if "default" not in properties.get(name, {})]
    if required and not partial:
        closed["required"] = required
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        closed["additionalProperties"] = _closed(values, partial=partial)
    elif schema.get("type") == "object" and not (values or schema.get("x-kubernetes-preserve-unknown-fields", False)):
        closed["additionalProperties"] = False
    return closed


def _types(schema: Schema) -> list[str]:
    if schema.get("x-kubernetes-int-or-string", False):
        types = ["integer", "string"]
    else:
        types = [schema["type"]] if "type" in schema else list(_ANY_BUT_NULL)
    return [*types, "null"] if schema.get("nullable", False) else types


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
            if not placed.rule.holds({**placed.defaults, **self} if placed.defaults else self):
                yield path, self, placed.rule


def _objects_at(value: object, path: tuple[str, ...], walked: FieldPath = ()) -> Iterator[tuple[FieldPath, Manifest]]:
    if not path:
        if isinstance(value, Mapping):
            yield walked, value
        return
    step, rest = path[0], path[1:]
    if step != "*":
        if isinstance(value, Mapping) and step in value:
            yield from _objects_at(value[step], rest, (*walked, step))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _objects_at(item, rest, (*walked, index))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _objects_at(item, rest, (*walked, name))


def _without_nulls(value: Any, schema: Schema) -> Any:  # noqa: ANN401 - any JSON data
    """Return *value* without the nulls the API server drops: those of known fields that aren't nullable."""
    if isinstance(value, Mapping):
        kept = {}
        for name, item in value.items():
            field = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if not isinstance(field, dict):
                kept[name] = item
            elif item is not None or field.get("nullable", False):
                kept[name] = _without_nulls(item, field)
        return kept
    if isinstance(value, list) and "items" in schema:
        return [_without_nulls(item, schema["items"]) for item in value]
    return value


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
