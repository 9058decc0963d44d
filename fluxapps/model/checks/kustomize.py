"""What a kustomization.yaml names. Source: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fluxapps.model.yaml_file import FieldPath

_REMOTE = re.compile(
    r"://|^git@|^git::|\?(?:ref|version|timeout|submodules)=|^[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}[:/]|\.git(?:/|$)"
)
_OBJECTS = ("resources", "bases", "components")
_FILES = ("crds", "configurations", "generators", "transformers", "validators", "patchesStrategicMerge")
_WITH_PATH = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")


class Reference(NamedTuple):
    """A file or folder that a kustomization.yaml names."""

    path: str
    """As written, from the kustomization.yaml's folder."""
    place: FieldPath
    """The field that names it."""
    holds_objects: bool = False
    """It holds objects to apply, not patches or settings."""

    @property
    def is_remote(self) -> bool:
        """Return whether kustomize would fetch it, should there be no such file."""
        return _REMOTE.search(self.path) is not None


def references(kustomization: dict[str, Any]) -> Iterator[Reference]:
    """Yield the files and folders that *kustomization* names; types are kustomize's to check."""
    for field in (*_OBJECTS, *_FILES):
        for index, path in enumerate(_list(kustomization, field)):
            # Some of these may hold YAML instead of a path.
            if isinstance(path, str) and "\n" not in path:
                yield Reference(path, (field, index), field in _OBJECTS)
    for field in _WITH_PATH:
        for index, entry in enumerate(_list(kustomization, field)):
            yield from _with_path(entry, (field, index))
    yield from _with_path(kustomization.get("openapi"), ("openapi",))
    for field in _GENERATORS:
        for index, entry in enumerate(_list(kustomization, field)):
            if isinstance(entry, dict):
                yield from _generated(entry, (field, index))


def _with_path(entry: Any, place: FieldPath) -> Iterator[Reference]:
    if isinstance(entry, dict) and isinstance(path := entry.get("path"), str):
        yield Reference(path, (*place, "path"))


def _generated(entry: dict[str, Any], place: FieldPath) -> Iterator[Reference]:
    for field in ("files", "envs"):
        for index, said in enumerate(_list(entry, field)):
            if isinstance(said, str):
                yield Reference(said.partition("=")[2] or said if field == "files" else said, (*place, field, index))
    if isinstance(path := entry.get("env"), str):
        yield Reference(path, (*place, "env"))


def inner_namespace(kustomization: dict[str, Any]) -> str:
    """Return the namespace that *kustomization* puts its objects in; ``""`` where it says none."""
    namespace = kustomization.get("namespace")
    return namespace if isinstance(namespace, str) else ""


def is_renaming(kustomization: dict[str, Any]) -> bool:
    """Return whether *kustomization*, kustomize's or Flux's, changes the names of its objects."""
    return bool(kustomization.get("namePrefix") or kustomization.get("nameSuffix"))


def secret_literals(kustomization: dict[str, Any]) -> Iterator[FieldPath]:
    """Yield the fields of *kustomization* that say a Secret's content in plain text."""
    for index, entry in enumerate(_list(kustomization, "secretGenerator")):
        if isinstance(entry, dict) and _list(entry, "literals"):
            yield ("secretGenerator", index, "literals")


def _list(data: dict[str, Any], field: str) -> list[Any]:
    found = data.get(field)
    return found if isinstance(found, list) else []
