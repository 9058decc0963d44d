"""Patches of a kustomization.yaml or a Flux Kustomization: which objects they mean, and what they do to them."""

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any

from fluxapps.importing.kustomize.built import Built, UnbuildableError, entries
from fluxapps.importing.kustomize.json_patch import json_patch
from fluxapps.importing.kustomize.merge_patch import DELETED, merge_patch
from fluxapps.importing.original import Original
from fluxapps.model.objects import Manifest
from fluxapps.model.problems import ConfigError
from fluxapps.model.sources import normalized
from fluxapps.model.yaml_file import parse_yaml


def apply_patches(original: Original, folder: str, said: Manifest, objects: list[Built]) -> None:
    """Apply the patches that *said* has, in kustomize's order, to *objects* in place.

    Args:
        original: The repository, for patches in files.
        folder: Where *said* stands.
        said: A kustomization.yaml, or a Flux Kustomization's spec.
        objects: All that it has.

    Raises:
        UnbuildableError: A patch can't be read, or names an object that isn't there.
    """
    for entry in entries(said, "patchesStrategicMerge"):
        if isinstance(entry, str):
            text = entry if "\n" in entry else _file(original, folder, entry)
            _merge_all(_documents(text), objects)
        else:
            _merge_all([entry], objects)
    for entry in entries(said, "patches"):
        if isinstance(entry, dict):
            in_file = "path" in entry and "patch" not in entry
            patch = _file(original, folder, str(entry["path"])) if in_file else str(entry.get("patch") or "")
            target = entry.get("target")
            _apply(_documents(patch), target if isinstance(target, dict) else None, objects, entry.get("options"))
    for entry in entries(said, "patchesJson6902"):
        if isinstance(entry, dict) and isinstance(entry.get("target"), dict):
            text = _file(original, folder, str(entry["path"])) if "path" in entry else str(entry.get("patch") or "")
            _apply(_documents(text), entry["target"], objects, None)


def _file(original: Original, folder: str, path: str) -> str:
    file = normalized(folder, path)
    if file is None or not (original.root / file).is_file():
        raise UnbuildableError(f"{folder or '.'}: the patch '{path}' isn't there")
    return original.content(file).decode(errors="replace")


def _documents(text: str) -> list[Any]:
    try:
        return [one.value for one in parse_yaml(text, "patch").documents if one.value is not None]
    except ConfigError as error:
        raise UnbuildableError(f"a patch can't be read: {error.problems[0].what}") from None


def _apply(patches: list[Any], target: Manifest | None, objects: list[Built], options: Any) -> None:
    if len(patches) == 1 and isinstance(patches[0], list):
        if target is None:
            raise UnbuildableError("a JSON patch without a target")
        for one in _selected(objects, target):
            json_patch(one.own("patches"), patches[0])
    elif target is None:
        _merge_all(patches, objects)
    else:
        # Source: kustomize, PatchTransformer: name and kind stay the target's unless options say otherwise.
        free = options if isinstance(options, dict) else {}
        for patch in patches:
            for one in list(_selected(objects, target)):
                _merge(patch, one, objects, keep_kind=not free.get("allowKindChange"))


def _merge_all(patches: Iterable[Any], objects: list[Built]) -> None:
    for patch in patches:
        if not isinstance(patch, dict) or not isinstance(patch.get("metadata"), dict):
            raise UnbuildableError("a patch is neither an object nor a list of operations")
        metadata = patch["metadata"]
        found = [
            one
            for one in objects
            if one.kind == patch.get("kind")
            and one.group == str(patch.get("apiVersion", "")).rpartition("/")[0]
            and metadata.get("name") in (one.name, one.first_name)
            and (not metadata.get("namespace") or metadata["namespace"] in (one.namespace, one.first_namespace))
        ]
        if not found:
            raise UnbuildableError(f"a patch is for {patch.get('kind')} {metadata.get('name')}, which isn't there")
        for one in found:
            _merge(patch, one, objects, keep_kind=True)


def _merge(patch: Manifest, one: Built, objects: list[Built], *, keep_kind: bool) -> None:
    manifest = one.own("patches")
    name, namespace = manifest["metadata"]["name"], manifest["metadata"].get("namespace")
    merged = merge_patch(manifest, copy.deepcopy(patch))
    if merged is DELETED:
        objects.remove(one)
        return
    merged["metadata"]["name"] = name
    if namespace is not None:
        merged["metadata"]["namespace"] = namespace
    elif "namespace" in merged["metadata"] and "namespace" not in patch.get("metadata", {}):
        del merged["metadata"]["namespace"]
    if keep_kind:
        merged["apiVersion"], merged["kind"] = manifest["apiVersion"], manifest["kind"]
    one.manifest = merged


def _selected(objects: Iterable[Built], target: Manifest) -> Iterator[Built]:
    for one in objects:
        if _is_selected(one, target):
            yield one


def _is_selected(one: Built, target: Manifest) -> bool:
    group, _, version = str(one.manifest["apiVersion"]).rpartition("/")
    names = (
        (target.get("group"), (group,)),
        (target.get("version"), (version,)),
        (target.get("kind"), (one.kind,)),
        (target.get("name"), (one.name, one.first_name)),
        (target.get("namespace"), (one.namespace, one.first_namespace)),
    )
    if not all(_matches(str(pattern), values) for pattern, values in names if pattern):
        return False
    metadata = one.manifest["metadata"]
    return _holds(target.get("labelSelector"), metadata.get("labels")) and _holds(
        target.get("annotationSelector"), metadata.get("annotations")
    )


def _matches(pattern: str, values: tuple[str, ...]) -> bool:
    try:
        return any(re.fullmatch(pattern, value) is not None for value in values)
    except re.error:
        raise UnbuildableError(f"the target's pattern {pattern!r} can't be read") from None


_REQUIREMENT = re.compile(
    r"\s*(?P<no>!)?\s*(?P<key>[^\s!=,()]+)\s*(?:(?P<op>==|=|!=|\bin\b|\bnotin\b)\s*(?P<value>\([^)]*\)|[^,]*))?\s*(?:,|$)"
)


def _holds(selector: Any, labels: Any) -> bool:
    """Return whether *labels* satisfy a selector in Kubernetes' spelling."""
    if not selector:
        return True
    said = labels if isinstance(labels, dict) else {}
    position, text = 0, str(selector)
    while position < len(text):
        match = _REQUIREMENT.match(text, position)
        if match is None or match.end() == position:
            raise UnbuildableError(f"the selector {text!r} can't be read")
        position = match.end()
        if not _holds_one(match, said):
            return False
    return True


def _holds_one(match: re.Match[str], labels: Manifest) -> bool:
    key, operator = match["key"], match["op"]
    value = (match["value"] or "").strip()
    found = labels.get(key)
    if operator is None:
        return (key not in labels) if match["no"] else key in labels
    if operator in ("=", "=="):
        return found == value
    if operator == "!=":
        return found != value
    wanted = {one.strip() for one in value.strip("()").split(",")}
    return (found in wanted) if operator == "in" else found not in wanted
