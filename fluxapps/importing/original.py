"""A repository as it was found: every YAML file read once, the objects in each, and what is wrong with them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluxapps.importing.lift import is_old, lift
from fluxapps.importing.surprises import surprises
from fluxapps.model.collector import collector_paused
from fluxapps.model.objects import Manifest
from fluxapps.model.problems import ConfigError, Problem, Severity
from fluxapps.model.sources import KUSTOMIZATION_NAMES, YAML_ENDINGS
from fluxapps.model.yaml_file import FieldPath, YamlFile, read_yaml

FLUX_KUSTOMIZATION = "kustomize.toolkit.fluxcd.io"
KUSTOMIZE_FILE = "kustomize.config.k8s.io"
_TEMPLATES = (".j2", ".tmpl", ".gotmpl", ".tpl", ".jinja", ".jinja2")
_DEEPEST = 50


@dataclass(slots=True, eq=False)
class Document:
    """One object as it stands in a file, lifted to today's API version."""

    file: str
    """Path from the repository's root."""
    index: int
    """Which document of the file."""
    path: FieldPath
    """In the document; not empty for an item of a List."""
    line: int
    manifest: Manifest
    lifted: tuple[str, ...] = ()
    """Fields that lifting changed."""

    @property
    def name(self) -> str:
        """Return how people call it: ``HelmRelease podinfo``."""
        return f"{self.manifest['kind']} {self.manifest['metadata']['name']}"


@dataclass(slots=True, eq=False)
class Original:
    """A repository that is to be brought in."""

    root: Path
    files: dict[str, YamlFile] = field(default_factory=dict)
    """Files of YAML that could be read, by path."""
    broken: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    """Files of YAML that can't be read, each with what is wrong."""
    met: set[str] = field(default_factory=set)
    """Of those, the ones that stand where Flux would read them."""
    folders: dict[str, list[str]] = field(default_factory=dict)
    """Names in each folder that aren't hidden, sorted; folders end in a slash."""
    problems: list[Problem] = field(default_factory=list)
    _objects: dict[str, list[Document]] = field(default_factory=dict)
    _no_objects: dict[str, list[Problem]] = field(default_factory=dict)

    def objects(self, file: str) -> list[Document]:
        """Return the Kubernetes objects in *file*; what is none is left out."""
        if file not in self._objects:
            self._objects[file] = self._documents(file)
        return self._objects[file]

    def no_objects(self, file: str) -> list[Problem]:
        """Return what is wrong with what stands in *file* and is no object that Flux could apply."""
        self.objects(file)
        return self._no_objects.get(file, [])

    def kustomization_file(self, folder: str) -> str | None:
        """Return the kustomization.yaml of *folder*, by whichever of its names."""
        names = self.folders.get(folder, ())
        found = next((name for name in KUSTOMIZATION_NAMES if name in names), None)
        if found is None:
            return None
        path = joined(folder, found)
        read = self.files.get(path)
        if read is None:
            return path
        said = read.value
        api = said.get("apiVersion") if isinstance(said, dict) else None
        # A Flux Kustomization may stand in a file of that name.
        return None if isinstance(api, str) and api.startswith(FLUX_KUSTOMIZATION) else path

    def exists(self, path: str) -> bool:
        """Return whether *path* is a file or a folder that isn't hidden."""
        if path in self.folders:
            return True
        folder, _, name = path.rpartition("/")
        return name in self.folders.get(folder, ())

    def yaml_below(self, folder: str) -> list[str]:
        """Return the YAML files directly in *folder*."""
        return [joined(folder, name) for name in self.folders.get(folder, ()) if name.endswith(YAML_ENDINGS)]

    def content(self, file: str) -> bytes:
        """Return the bytes of *file*."""
        return (self.root / file).read_bytes()

    def _documents(self, file: str) -> list[Document]:
        read = self.files.get(file)
        found: list[Document] = []
        for index, document in enumerate(read.documents if read is not None else ()):
            if document.value is not None:
                self._add(found, document.value, file, index, (), document.line)
        return found

    def _add(self, found: list[Document], value: Any, file: str, index: int, path: FieldPath, line: int) -> None:  # noqa: PLR0913, PLR0917 - what a document is
        if not _is_object(value):
            what = "this is no Kubernetes object: it lacks apiVersion, kind or metadata.name"
            fix = "Flux applies nothing of a folder in which it can't read one file; move it out of there"
            self._no_objects.setdefault(file, []).append(_problem("not-kubernetes", what, file, line, fix))
            return
        if value["kind"].endswith("List") and isinstance(value.get("items"), list):
            for number, item in enumerate(value["items"]):
                self._add(found, item, file, index, (*path, "items", number), line)
            return
        if _is_nameless(value):
            what = f"this {value['kind']} has no metadata.name"
            problem = _problem("not-kubernetes", what, file, line, "give it a name")
            self._no_objects.setdefault(file, []).append(problem)
            return
        lifted_fields: tuple[str, ...] = ()
        if is_old(value):
            try:
                lifted = lift(value)
            except ValueError as why:
                self.problems.append(_problem("unknown-version", str(why), file, line, "write today's version by hand"))
            else:
                value, lifted_fields = lifted.manifest, lifted.fields
        found.append(Document(file, index, path, line, value, lifted_fields))


@collector_paused
def read_original(root: Path) -> Original:
    """Read the repository at *root*: all YAML in it that isn't hidden."""
    original = Original(root)
    _walk(original, "", 0)
    return original


def joined(folder: str, name: str) -> str:
    """Return the path of *name* in *folder*."""
    return f"{folder}/{name}" if folder else name


def folder_of(file: str) -> str:
    """Return the folder that *file* is in; "" for the root."""
    return file.rpartition("/")[0]


def common_folder(folders: Iterable[str]) -> str:
    """Return the deepest folder that all *folders* are, or are in."""
    shared: list[str] = []
    for level in zip(*(folder.split("/") for folder in folders), strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/".join(shared)


def _walk(original: Original, folder: str, depth: int) -> None:
    names = original.folders[folder] = _names(original, folder)
    for name in names:
        path = joined(folder, name)
        if name.endswith("/"):
            if depth < _DEEPEST:
                _walk(original, path[:-1], depth + 1)
        elif name.endswith(YAML_ENDINGS) or name == "Kustomization":
            _read(original, path)
        elif name.endswith(_TEMPLATES) and any(ending in name for ending in YAML_ENDINGS):
            what = "this is a template: what it becomes is not in the repository"
            original.problems.append(_problem("unrendered-template", what, path, None, "import what it is rendered to"))


def _names(original: Original, folder: str) -> list[str]:
    """Return what is in *folder* and isn't hidden, sorted; folders with a slash behind. Links to folders are left."""
    try:
        with os.scandir(original.root / folder) as entries:
            return sorted(
                f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
                for entry in entries
                if not entry.name.startswith(".") and (entry.is_dir(follow_symlinks=False) or entry.is_file())
            )
    except OSError as error:
        what = f"it can't be read: {(error.strerror or str(error)).lower()}"
        original.problems.append(_problem("not-readable", what, folder or ".", None, "check that it may be read"))
        return []


def _read(original: Original, path: str) -> None:
    try:
        read = read_yaml(original.root, path)
    except ConfigError as error:
        original.broken[path] = error.problems
        return
    original.files[path] = read
    original.problems += surprises(read)


def _is_object(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    api, kind = value.get("apiVersion"), value.get("kind")
    if not (isinstance(api, str) and api and isinstance(kind, str) and kind):
        return False
    return isinstance(value.get("metadata"), dict) or (kind.endswith("List") and isinstance(value.get("items"), list))


def _is_nameless(value: Manifest) -> bool:
    name = value["metadata"].get("name")
    return not (isinstance(name, str) and name)


def _problem(code: str, what: str, file: str, line: int | None, fix: str) -> Problem:
    return Problem(code=code, what=what, file=file, line=line, fix=fix, severity=Severity.WARNING)
