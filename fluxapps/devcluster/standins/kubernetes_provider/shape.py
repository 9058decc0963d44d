"""What an object looks like to Pulumi: the live one cut to the inputs' shape, the checkpoint, its diff."""

import base64
import binascii
import copy
from collections.abc import Mapping
from typing import Any

from fluxapps.devcluster.standins.kubernetes_provider.properties import revealed, with_secrets_of

# What the server writes into metadata: never an input (kubernetes: ObjectMeta, fields "read-only").
READ_ONLY_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)

# SDKs spell these keys of CRD schemas with underscores.
DASHED = {
    f"x_kubernetes_{name}": f"x-kubernetes-{name.replace('_', '-')}"
    for name in (
        "embedded_resource",
        "int_or_string",
        "list_map_keys",
        "list_type",
        "map_type",
        "preserve_unknown_fields",
        "validations",
    )
}
UNDERSCORED = {dashed: name for name, dashed in DASHED.items()}

Object = dict[str, Any]


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Copy *value* with the keys that *names* lists renamed, at every depth."""
    if isinstance(value, dict):
        return {names.get(key, key): renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, names) for each in value]
    return value


def manifest(properties: Mapping[str, Any]) -> Object:
    """Make a Kubernetes object of a resource's properties: secrets revealed, keys as Kubernetes spells them."""
    plain: Object = renamed(revealed(dict(properties)), DASHED)
    return plain


def metadata(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object's metadata, empty where there is none or it is unknown."""
    found = manifest.get("metadata")
    return found if isinstance(found, dict) else {}


def name_of(manifest: Mapping[str, Any]) -> str:
    """Return `metadata.name`, empty where it isn't said or isn't known."""
    name = metadata(manifest).get("name")
    return name if isinstance(name, str) else ""


def namespace_of(manifest: Mapping[str, Any]) -> str:
    """Return `metadata.namespace`, empty where it isn't said or isn't known."""
    namespace = metadata(manifest).get("namespace")
    return namespace if isinstance(namespace, str) else ""


def annotation(manifest: Mapping[str, Any], key: str) -> str:
    """Return an annotation's value, empty where it isn't set."""
    annotations = metadata(manifest).get("annotations")
    value = annotations.get(key) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else ""


def identifier(manifest: Mapping[str, Any]) -> str:
    """Return the resource's id: `namespace/name`, or `name` for what has no namespace."""
    return "/".join(filter(None, (namespace_of(manifest), name_of(manifest))))


def normalized(manifest: Object) -> Object:
    """Copy *manifest* without what only the server writes, a Secret's data in the form that the server gives it."""
    result = copy.deepcopy(manifest)
    if isinstance(result.get("metadata"), dict):
        for key in READ_ONLY_METADATA:
            result["metadata"].pop(key, None)
    if (result.get("apiVersion"), result.get("kind")) == ("v1", "Secret"):
        _normalize_secret(result)
    return result


def _normalize_secret(secret: Object) -> None:
    texts = secret.get("stringData")
    data = secret.get("data")
    if isinstance(texts, dict) and texts and all(isinstance(text, str) for text in texts.values()):
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        secret["data"] = {**(data if isinstance(data, dict) else {}), **encoded}
        del secret["stringData"]
    elif isinstance(data, dict):
        for key, value in data.items():
            if isinstance(value, str):
                data[key] = _recoded(value)


def _recoded(text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode("".join(text.split()), validate=True)).decode()
    except binascii.Error:
        return text  # The server says what is wrong with it.


def pruned(live: Mapping[str, Any], inputs: Mapping[str, Any]) -> Object:
    """Cut *live* to the keys that *inputs* have: fields that others set are no business of the program."""
    result: Object = {}
    for key, value in live.items():
        if key not in inputs:
            continue
        wanted = inputs[key]
        if isinstance(value, dict) and isinstance(wanted, dict):
            result[key] = pruned(value, wanted)
        elif isinstance(value, list) and isinstance(wanted, list):
            result[key] = _pruned_list(value, wanted)
        else:
            result[key] = value
    return result


def _pruned_list(live: list[Any], inputs: list[Any]) -> list[Any]:
    if not live or not inputs:
        return []
    if type(live[0]) is not type(inputs[0]):
        return copy.deepcopy(live)
    result: list[Any] = []
    for value, wanted in zip(live, inputs, strict=False):
        if isinstance(value, dict) and isinstance(wanted, dict):
            result.append(pruned(value, wanted))
        elif isinstance(value, list) and isinstance(wanted, list):
            result.append(_pruned_list(value, wanted))
        else:
            result.append(value)
    return result


def checkpoint(
    inputs: Object, live: Object, given: Mapping[str, Any], *, api_version: str, field_manager: str
) -> dict[str, Any]:
    """Make what the state keeps: the live object, and beside it what it was made of.

    Args:
        inputs: What the program wants, as an object.
        live: What the server answered.
        given: The resource's properties, in which secrets are marked.
        api_version: The version that the object was first made with.
        field_manager: The name under which updates are applied.
    """
    state = with_secrets_of(renamed(live, UNDERSCORED), given)
    state["__inputs"] = with_secrets_of(renamed(inputs, UNDERSCORED), given)
    state["__initialApiVersion"] = api_version
    state["__fieldManager"] = field_manager
    return state


def parse_checkpoint(state: Mapping[str, Any]) -> tuple[Object, Object]:
    """Split a state into the inputs it was made of and the live object it last saw."""
    live = manifest(state)
    inputs = live.pop("__inputs", {})
    return inputs, live
