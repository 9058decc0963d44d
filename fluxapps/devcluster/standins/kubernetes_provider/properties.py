"""Pulumi's property bags as plain Python values, and back.

A bag is a protobuf Struct: numbers are doubles, secrets and unknown values are marked by signatures that the engine and
every SDK know (pulumi: sdk/go/common/resource/plugin/rpc.go).
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2

# A map with this key is no map: the value under it says what it is.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker, no secret

# Stand for values that are only known after an update, one for each type.
UNKNOWN_IDS = {
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

# Beyond it Go writes a double with an exponent, which an API server does not take for an integer.
EXPONENT_FROM = 1e21


class Unknown:
    """A value that is not known yet."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = Unknown()


class Secret:
    """A value that the engine is to keep encrypted."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def from_struct(bag: struct_pb2.Struct) -> dict[str, Any]:
    """Read a bag: whole numbers become `int` again, secrets and unknown values are kept as such."""
    return {key: from_value(value) for key, value in bag.fields.items()}


def from_value(value: struct_pb2.Value) -> Any:
    """Read one value of a bag."""
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in UNKNOWN_IDS else value.string_value
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [from_value(each) for each in value.list_value.values]
        case "struct_value":
            return _marked(value.struct_value)
        case _:
            return None


def _number(number: float) -> float:
    return int(number) if number.is_integer() and abs(number) < EXPONENT_FROM else number


def _marked(bag: struct_pb2.Struct) -> Any:
    if SIGNATURE in bag.fields and bag.fields[SIGNATURE].string_value == SECRET:
        return Secret(from_value(bag.fields["value"]))
    return from_struct(bag)


def to_struct(plain: Mapping[str, Any]) -> struct_pb2.Struct:
    """Write a bag."""
    bag = struct_pb2.Struct()
    for key, value in plain.items():
        _write(bag.fields[key], value)
    return bag


def _write(to: struct_pb2.Value, value: Any) -> None:  # noqa: C901 - one branch a type
    match value:
        case None:
            to.null_value = struct_pb2.NULL_VALUE
        case bool():
            to.bool_value = value
        case int() | float():
            to.number_value = value
        case str():
            to.string_value = value
        case Secret():
            to.struct_value.fields[SIGNATURE].string_value = SECRET
            _write(to.struct_value.fields["value"], value.value)
        case Unknown():
            to.string_value = UNKNOWN_STRING
        case dict():
            fields = to.struct_value
            fields.SetInParent()
            for key, each in value.items():
                _write(fields.fields[key], each)
        case list() | tuple():
            items = to.list_value
            items.SetInParent()
            for each in value:
                _write(items.values.add(), each)
        case _:
            raise TypeError(f"no property: {value!r}")


def revealed(value: Any) -> Any:
    """Copy *value* with every secret replaced by what it keeps."""
    if isinstance(value, Secret):
        return revealed(value.value)
    if isinstance(value, dict):
        return {key: revealed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [revealed(each) for each in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether something in *value* is not known yet."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return isinstance(value, Unknown) or (isinstance(value, Secret) and has_unknown(value.value))


def has_secret(value: Any) -> bool:
    """Whether something in *value* is a secret."""
    if isinstance(value, dict):
        return any(map(has_secret, value.values()))
    if isinstance(value, list):
        return any(map(has_secret, value))
    return isinstance(value, Secret)


def with_secrets_of(outputs: dict[str, Any], inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Copy *outputs* with what is a secret in *inputs* marked as one, and the data of every Secret object.

    Maps are entered, so that one secret leaf does not hide a whole object; a list with a secret in it becomes one.
    """
    marked = dict(outputs)
    if marked.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in marked:
                marked[key] = _secret(marked[key])
        return marked
    for key, given in (inputs or {}).items():
        if key not in marked:
            continue
        if isinstance(marked[key], dict) and isinstance(given, dict):
            marked[key] = with_secrets_of(marked[key], given)
        elif has_secret(given):
            marked[key] = _secret(marked[key])
    return marked


def _secret(value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)
