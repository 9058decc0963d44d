"""Diff: what an update would change, and whether it means a new object."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi.runtime.proto import provider_pb2

from fluxapps.devcluster.standins.kubernetes_provider import shape
from fluxapps.devcluster.standins.kubernetes_provider.call import Call, Properties
from fluxapps.devcluster.standins.kubernetes_provider.check import AUTONAMED
from fluxapps.devcluster.standins.kubernetes_provider.force_new import force_new
from fluxapps.devcluster.standins.kubernetes_provider.properties import Unknown
from fluxapps.devcluster.standins.kubernetes_provider.reach import Reach

ADD = provider_pb2.PropertyDiff.ADD
DELETE = provider_pb2.PropertyDiff.DELETE
UPDATE = provider_pb2.PropertyDiff.UPDATE
REPLACING = {
    ADD: provider_pb2.PropertyDiff.ADD_REPLACE,
    DELETE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    UPDATE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}

Path = tuple[str | int, ...]


class Missing:
    """No value, where `None` is one."""


MISSING = Missing()


def diff(reach: Reach, call: Call, state: Properties, new: Properties) -> Any:
    """Compare the last known object, cut to its inputs' shape, with the new inputs.

    Fields that the program never set, and what others added to its lists, are therefore no difference.

    Returns:
        The engine's DiffResponse.
    """
    old_inputs, live = shape.parse_checkpoint(state)
    wanted = shape.normalized(shape.manifest(new))
    have = shape.pruned(live, shape.normalized(old_inputs))
    have.setdefault("apiVersion", wanted.get("apiVersion"))
    have.setdefault("kind", wanted.get("kind"))
    _align(reach, have, wanted, shape.name_of(live))
    replacing = force_new(
        wanted,
        mutable_config_maps=reach.settings.enable_config_map_mutable,
        mutable_secrets=reach.settings.enable_secret_mutable,
    )
    changes = {
        path: change
        for path, change in detailed(merge_patch(have, wanted), have, wanted, replacing).items()
        if not any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in call.ignored)
    }
    replaced = [
        path
        for path, change in changes.items()
        if change.kind in REPLACING.values() or (path == "metadata" and change.kind == DELETE)
    ]
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=replaced,
        deleteBeforeReplace=bool(replaced) and _keeps_name(wanted, live),
        detailedDiff=changes,
        hasDetailedDiff=True,
    )


def _align(reach: Reach, have: shape.Object, wanted: shape.Object, name: str) -> None:
    """Take differences away that mean nothing: an unsaid default namespace, a name that the server made."""
    have_meta, wanted_meta = have.setdefault("metadata", {}), wanted.setdefault("metadata", {})
    have_meta.pop("resourceVersion", None)
    if not isinstance(wanted_meta, dict):
        return
    namespaced = reach.namespaced(str(wanted.get("apiVersion")), str(wanted.get("kind")))
    for meta in (have_meta, wanted_meta):
        if namespaced:
            meta["namespace"] = meta.get("namespace") or "default"
        else:
            meta.pop("namespace", None)
    if wanted_meta.get("name"):
        have_meta["name"] = name


def _keeps_name(wanted: shape.Object, live: shape.Object) -> bool:
    """Whether the old object is in the new one's way, so that it has to go first."""
    return (
        bool(shape.name_of(wanted))
        and shape.annotation(wanted, AUTONAMED) != "true"
        and shape.name_of(wanted) == shape.name_of(live)
        and shape.namespace_of(wanted) == shape.namespace_of(live)
    )


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Make the JSON merge patch (RFC 7386) from *old* to *new*, with unknown values as null."""
    patch: dict[str, Any] = {}
    for key, wanted in new.items():
        have = old.get(key, MISSING)
        if isinstance(wanted, dict) and isinstance(have, dict):
            if below := merge_patch(have, wanted):
                patch[key] = below
        elif isinstance(have, Missing) or not _same(have, wanted):
            patch[key] = None if isinstance(wanted, Unknown) else wanted
    patch.update((key, None) for key in old if key not in new)
    return patch


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: 1 and 1.0 are one number, but true is none."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def detailed(
    patch: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any], replacing: Iterable[str]
) -> dict[str, Any]:
    """Say each change of *patch* by its path, as a Pulumi PropertyDiff.

    Args:
        patch: The merge patch from *old* to *new*.
        old: The live object, cut to the old inputs' shape.
        new: The new inputs.
        replacing: Fields whose change means a new object.
    """
    changes = _Changes([tuple(each.split(".")) for each in replacing])
    changes.map((), patch, old, new, in_list=False)
    return changes.found


class _Changes:
    """Walks a patch beside what it changes."""

    def __init__(self, replacing: list[tuple[str, ...]]) -> None:
        self.found: dict[str, Any] = {}
        self._replacing = replacing

    def map(
        self, path: Path, patch: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any], *, in_list: bool
    ) -> None:
        """Walk a map."""
        for key, value in patch.items():
            self._value((*path, key), value, old.get(key, MISSING), new.get(key, MISSING), in_list=in_list)
        if in_list:
            # A merge patch replaces lists whole: what went from one of its items is not in it.
            for key in old:
                if key not in patch:
                    self._value((*path, key), None, old[key], new.get(key, MISSING), in_list=in_list)

    def _list(self, path: Path, patch: list[Any], old: list[Any], new: list[Any]) -> None:
        for index in range(max(len(patch), len(old))):
            self._value(
                (*path, index),
                patch[index] if index < len(patch) else None,
                old[index] if index < len(old) else MISSING,
                new[index] if index < len(new) else None,
                in_list=True,
            )

    def _value(self, path: Path, value: Any, old: Any, new: Any, *, in_list: bool) -> None:
        if isinstance(new, Missing) and (value is not None or isinstance(old, Missing)):
            return
        if isinstance(value, dict) and isinstance(old, dict):
            self.map(path, value, old, new if isinstance(new, dict) else {}, in_list=in_list)
        elif isinstance(value, list) and isinstance(old, list):
            self._list(path, value, old, new if isinstance(new, list) else [])
        elif value is None or isinstance(old, Missing) or not _same(value, old):
            kind = _kind(value, old, new)
            if any(_covers(field, path, value) for field in self._replacing):
                kind = REPLACING[kind]
            gone = kind in {DELETE, REPLACING[DELETE]}
            self.found[_spelled(path)] = provider_pb2.PropertyDiff(kind=kind, inputDiff=gone)


def _kind(value: Any, old: Any, new: Any) -> Any:
    if value is None and not isinstance(new, Unknown):
        return DELETE
    return ADD if isinstance(old, Missing) else UPDATE


def _covers(field: tuple[str, ...], path: Path, value: Any) -> bool:
    """Whether *field* is at or above *path*, or below it in *value*; indices count for nothing."""
    steps = [step for step in path if isinstance(step, str)]
    shared = min(len(steps), len(field))
    return steps[:shared] == list(field[:shared]) and _has(value, field[shared:])


def _has(value: Any, below: tuple[str, ...]) -> bool:
    if not below:
        return True
    if isinstance(value, list):
        return any(_has(each, below) for each in value)
    return isinstance(value, dict) and below[0] in value and _has(value[below[0]], below[1:])


def _spelled(path: Path) -> str:
    """Spell a path as Pulumi's property paths are: `spec.list[0]["dotted.key"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(character in step for character in '."[]'):
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{step}" if text else step
    return text
