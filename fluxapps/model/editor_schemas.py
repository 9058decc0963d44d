"""JSON Schemas of our own files, for editors: from the models, with Flux's own schemas where Flux's fields stand."""

from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from fluxapps.model.app import AppFields
from fluxapps.model.cluster import ClusterFields
from fluxapps.model.fleet import FleetFields
from fluxapps.model.flux_schema import spec_schema

Schema = dict[str, Any]

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""What the YAML language server knows best."""

_FLUX_FIELDS = {"release": "HelmRelease", "kustomization": "Kustomization"}
"""Fields of ours that take any field of a Flux object's spec."""

_OBJECT_METADATA: Schema = {
    "type": "object",
    "description": "The object's own labels and annotations.",
    "properties": {
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "additionalProperties": False,
}


def editor_schemas() -> dict[str, Schema]:
    """Return the schemas by file name: of app.yaml, of fleet.yaml, and of a stack's ``<project>:cluster``."""
    return {
        "app.schema.json": _schema(AppFields, "An app of a fluxapps repository: apps/<app>/app.yaml"),
        "fleet.schema.json": _schema(FleetFields, "What the apps of a fluxapps repository share: fleet.yaml"),
        "cluster.schema.json": _schema(ClusterFields, "One cluster: <project>:cluster in Pulumi.<stack>.yaml"),
    }


def _schema(model: type[BaseModel], title: str) -> Schema:
    made = _tidied(model.model_json_schema(by_alias=True))
    definitions = made.pop("$defs", {})
    for part in (made, *definitions.values()):
        _name_flux_fields(part)
    # Last, so that the file reads from what people look for to what they don't.
    return {"$schema": _DIALECT, **made, "title": title} | ({"definitions": definitions} if definitions else {})


def _tidied(schema: Any) -> Any:
    """Return *schema* without what pydantic adds for itself: titles, null defaults, and ``anyOf`` with null."""
    if isinstance(schema, list):
        return [_tidied(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _tidied(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }
    if isinstance(reference := kept.get("$ref"), str):
        kept["$ref"] = reference.replace("#/$defs/", "#/definitions/")
    if "anyOf" in kept:
        # A null is legal everywhere (it deletes what a lower layer says), but no help while writing.
        options = [option for option in kept.pop("anyOf") if option != {"type": "null"}]
        kept = {**options[0], **kept} if len(options) == 1 else {**kept, "anyOf": options}
    return kept


def _name_flux_fields(part: Schema) -> None:
    properties = part.get("properties", {})
    for name, kind in _FLUX_FIELDS.items():
        if name in properties:
            properties[name] = {"description": properties[name]["description"], **_partial_spec(kind)}
    if "url" in properties and "kind" in properties:
        properties["metadata"] = deepcopy(_OBJECT_METADATA)
        # In draft-07 a schema beside a condition: each kind brings its own fields.
        part["allOf"] = [_for_kind(kind, list(properties)) for kind in properties["kind"]["enum"]]
    elif "url" in properties:
        spec = _partial_spec("GitRepository")["properties"]
        part["properties"] = {**spec, **properties, "metadata": deepcopy(_OBJECT_METADATA)}
        part["additionalProperties"] = False


def _for_kind(kind: str, ours: list[str]) -> Schema:
    said = {"properties": {"kind": {"const": kind}}}
    condition = said if kind == "HelmRepository" else {**said, "required": ["kind"]}
    fields = {**dict.fromkeys(ours, True), **_partial_spec(kind)["properties"]}
    return {"if": condition, "then": {"properties": fields, "additionalProperties": False}}


def _partial_spec(kind: str) -> Schema:
    """Return the schema of a part of a *kind*'s spec: nothing is required of one layer alone."""
    spec = spec_schema(kind, partial=True)
    spec["properties"]["metadata"] = deepcopy(_OBJECT_METADATA)
    spec["additionalProperties"] = False
    return spec
