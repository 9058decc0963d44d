"""Structural schemas, which is what CRDs have, as JSON Schema.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from typing import Any, Final

Schema = dict[str, Any]

FieldPath = tuple[str | int, ...]
"""Where a field stands in a manifest: ``("spec", "dependsOn", 0, "name")``."""

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
_LONG_PREFIX: Final[Schema] = {"pattern": "^[^/]{254}"}
_STRING: Final[Schema] = {"type": ["string", "null"]}
METADATA: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {
            "type": "string",
            "maxLength": 253,
            "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        },
        "namespace": {**_STRING, "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
        "labels": {
            "type": ["object", "null"],
            "propertyNames": {"pattern": f"^{_LABEL_PREFIX}{_QUALIFIED}$", "not": _LONG_PREFIX},
            "additionalProperties": {**_STRING, "maxLength": 63, "pattern": f"^({_QUALIFIED})?$"},
        },
        "annotations": {
            "type": ["object", "null"],
            # Case doesn't count in the prefix of an annotation's key.
            "propertyNames": {"pattern": f"^(?i:{_LABEL_PREFIX}){_QUALIFIED}$", "not": _LONG_PREFIX},
            "additionalProperties": _STRING,
        },
        "finalizers": {"type": ["array", "null"], "items": _STRING},
        "ownerReferences": {"type": ["array", "null"], "items": {"type": "object"}},
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
"""JSON Schema of an object's metadata, the same for every kind."""


def api_group(api_version: str) -> str:
    """Return the group of ``group/version``, empty for the core group's ``v1``."""
    return api_version.rpartition("/")[0]


def closed(schema: Schema, *, partial: bool) -> Schema:
    """Return a structural *schema* as JSON Schema (draft 7) that refuses unknown fields.

    Null is refused as server-side apply refuses it: everywhere but where the schema is nullable, has a default (which
    then counts) or says nothing. A create drops other nulls, but neither Pulumi nor Flux creates.

    Args:
        schema: Of a CRD.
        partial: Of a layer instead of the whole: nothing is required and null is allowed (it deletes a key), except
            inside lists, which layers replace as a whole.
    """
    strict: Schema = {keyword: schema[keyword] for keyword in schema.keys() & _AS_IS}
    null = partial or "default" in schema
    strict |= _types(schema, null=null or schema.get("nullable", False))
    if null and "enum" in strict:
        strict["enum"] = [*strict["enum"], None]
    for keyword in ("allOf", "anyOf", "oneOf", "not"):
        # Below these a structural schema only narrows values, so they are JSON Schema as they stand.
        if keyword in schema:
            strict[keyword] = schema[keyword]
    if "items" in schema:
        strict["items"] = closed(schema["items"], partial=False)
    properties = schema.get("properties", {})
    if properties or schema.get("type") == "object":
        strict["properties"] = {name: closed(field, partial=partial) for name, field in properties.items()}
    required = [name for name in schema.get("required", ()) if "default" not in properties.get(name, {})]
    if required and not partial:
        strict["required"] = required
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        strict["additionalProperties"] = closed(values, partial=partial)
    elif schema.get("type") == "object" and not (values or schema.get("x-kubernetes-preserve-unknown-fields", False)):
        strict["additionalProperties"] = False
    return strict


def _types(schema: Schema, *, null: bool) -> Schema:
    """Return the ``type`` keyword, if any."""
    if schema.get("x-kubernetes-int-or-string", False):
        types = ["integer", "string"]
    elif "type" in schema:
        types = [schema["type"]]
    else:
        return {}
    types += ["null"] if null else []
    return {"type": types[0] if len(types) == 1 else types}


def place(schema: Schema, path: FieldPath) -> Schema:
    """Return the part of a structural *schema* that is about *path*; an empty one where it says nothing."""
    for step in path:
        inner = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
        if inner is None:
            inner = schema.get("additionalProperties")
        if not isinstance(inner, dict):
            return {}
        schema = inner
    return schema
