"""JSON patches. Source: RFC 6902; kustomize lets a path's missing parents of ``add`` be an error, as the RFC does."""

import copy
from typing import Any

from fluxapps.importing.kustomize.built import UnbuildableError


def json_patch(value: Any, operations: list[Any]) -> None:
    """Carry *operations* out on *value*, in place.

    Raises:
        UnbuildableError: One of them can't be.
    """
    for operation in operations:
        if not isinstance(operation, dict):
            raise UnbuildableError("a JSON patch has an operation that is no map")
        _carry_out(value, operation)


def _carry_out(value: Any, operation: dict[str, Any]) -> None:
    action, path = operation.get("op"), _parts(operation.get("path"))
    match action:
        case "add":
            _add(value, path, copy.deepcopy(operation.get("value")))
        case "remove":
            _remove(value, path)
        case "replace":
            _get(value, path)
            _set(value, path, copy.deepcopy(operation.get("value")))
        case "test":
            if _get(value, path) != operation.get("value"):
                raise UnbuildableError(f"a JSON patch tests {operation.get('path')}, which is something else")
        case "copy":
            _add(value, path, copy.deepcopy(_get(value, _parts(operation.get("from")))))
        case "move":
            moved = _get(value, _parts(operation.get("from")))
            _remove(value, _parts(operation.get("from")))
            _add(value, path, moved)
        case _:
            raise UnbuildableError(f"a JSON patch has the unknown operation {action!r}")


def _parts(pointer: Any) -> list[str]:
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise UnbuildableError(f"a JSON patch has the path {pointer!r}, which is none")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def _get(value: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise UnbuildableError(f"a JSON patch names /{'/'.join(path)}, which isn't there")
    return value


def _add(value: Any, path: list[str], new: Any) -> None:
    parent, last = _get(value, path[:-1]), path[-1]
    if isinstance(parent, list):
        if last == "-":
            parent.append(new)
        elif last.isdecimal() and int(last) <= len(parent):
            parent.insert(int(last), new)
        else:
            raise UnbuildableError(f"a JSON patch names /{'/'.join(path)}, which isn't there")
    elif isinstance(parent, dict):
        parent[last] = new
    else:
        raise UnbuildableError(f"a JSON patch names /{'/'.join(path)}, which can't be there")


def _set(value: Any, path: list[str], new: Any) -> None:
    parent, last = _get(value, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent[int(last)] = new
    else:
        parent[last] = new


def _remove(value: Any, path: list[str]) -> None:
    parent, last = _get(value, path[:-1]), path[-1]
    _get(value, path)
    if isinstance(parent, list):
        del parent[int(last)]
    else:
        del parent[last]
