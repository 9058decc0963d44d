"""Kubernetes objects as they lie in a tree of files.

Read without our own YAML reader: what is compared must not read itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from fluxapps.model.objects import Manifest, ObjectId, object_id

_KUSTOMIZE_FILES = "kustomize.config.k8s.io"
_FLUX_KUSTOMIZATION = "kustomize.toolkit.fluxcd.io"


@dataclass(frozen=True, slots=True)
class Found:
    """An object, and the file it was found in."""

    manifest: Manifest
    file: str
    """Path in its tree; "" for one that Pulumi declares."""

    @property
    def id(self) -> ObjectId:
        return object_id(self.manifest)


def read_objects(files: Mapping[str, bytes]) -> dict[ObjectId, Found]:
    """Return the objects in the YAML of *files*, by identity; a kustomization.yaml is none.

    Raises:
        ValueError: Two objects have one identity.
    """
    objects: dict[ObjectId, Found] = {}
    for file, content in sorted(files.items()):
        if not file.endswith((".yaml", ".yml")):
            continue
        for manifest in yaml.load_all(content, yaml.CSafeLoader):
            if manifest is None or manifest["apiVersion"].startswith(_KUSTOMIZE_FILES):
                continue
            found = Found(manifest, file)
            if found.id in objects:
                raise ValueError(f"{found.id} is in {objects[found.id].file} and in {file}")
            objects[found.id] = found
    return objects


def applied_by(objects: Mapping[ObjectId, Found]) -> dict[ObjectId, str]:
    """Return which Kustomization applies each object: the one whose path is the deepest folder around its file.

    Paths differ from tree to tree; who applies what is their meaning.
    """
    folders = {
        PurePosixPath(found.manifest["spec"].get("path", ".")): str(identity)
        for identity, found in objects.items()
        if identity.group == _FLUX_KUSTOMIZATION
    }
    return {identity: _applier(found.file, folders) for identity, found in objects.items()}


def _applier(file: str, folders: Mapping[PurePosixPath, str]) -> str:
    if not file:
        return "Pulumi"
    around = PurePosixPath(file).parents  # from the deepest up
    return next((folders[folder] for folder in around if folder in folders), "nobody")


def meaning(manifest: Manifest) -> Manifest:
    """Return *manifest* with the YAML in its texts parsed: values in a ConfigMap, patches of a Kustomization."""
    match manifest:
        case {"kind": "ConfigMap", "data": {"values.yaml": str(text)}}:
            return manifest | {"data": manifest["data"] | {"values.yaml": _parsed(text)}}
        case {"kind": "Kustomization", "spec": {"patches": list(patches)}}:
            parsed = [patch | {"patch": _parsed(patch["patch"])} for patch in patches]
            return manifest | {"spec": manifest["spec"] | {"patches": parsed}}
        case _:
            return manifest


def _parsed(text: str) -> Any:
    return yaml.load(text, yaml.CSafeLoader)
