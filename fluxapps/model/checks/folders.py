"""What Flux reads in a folder of other YAML, as kustomize-controller would: every object, and what can't be read.

Without a kustomization.yaml at its top, a folder is read recursively: each YAML file, and each folder that has a
kustomization.yaml of its own as one unit, of which only what that file names is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fluxapps.model.checks.kustomize import Reference, inner_namespace, is_renaming, references
from fluxapps.model.checks.report import at, error, exists, warning
from fluxapps.model.objects import Manifest
from fluxapps.model.problems import ConfigError, Problem
from fluxapps.model.resolved import App, Fleet
from fluxapps.model.sources import OtherFile, normalized
from fluxapps.model.strict import kind_of
from fluxapps.model.yaml_file import FieldPath, YamlFile

_DEEPEST = 50
"""Units within units; reading them recurses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherObject:
    """An object of other YAML."""

    manifest: Manifest
    app: App | None
    """None: of ``bootstrap/``."""
    file: YamlFile
    document: int
    path: FieldPath
    """In the document; not empty for an item of a List."""
    namespace: str
    """Where it goes: its own, or the one that a kustomization.yaml or the app's Kustomization sets."""
    unit: str
    """The folder of the kustomization.yaml that leads to it, the topmost one, from the app's folder."""
    renamed: bool
    """A kustomization.yaml or the app's Kustomization puts something before or behind its name."""


@dataclass(slots=True)
class Folder:
    """What Flux reads in the other YAML of one app, or in ``bootstrap/``."""

    objects: list[OtherObject] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def folders(fleet: Fleet) -> list[Folder]:
    """Return what Flux reads in every folder of *fleet*."""
    found = [
        _Reader(fleet, app, app.source.folder, app.other).folder()
        for app in fleet.apps
        # Where Flux is told to read something else, what lies here is nobody's.
        if app.other and not {"path", "sourceRef"} & app.said_kustomization.keys()
    ]
    if fleet.sources.bootstrap:
        found.append(_Reader(fleet, None, "bootstrap", fleet.sources.bootstrap).folder())
    return found


class _Reader:
    """Reads one folder."""

    def __init__(self, fleet: Fleet, app: App | None, top: str, files: tuple[OtherFile, ...]) -> None:
        self.fleet = fleet
        self.app = app
        self.top = top
        self.files = {file.path: file for file in files}
        self.units: dict[str, OtherFile] = {}
        self.named: set[str] = set()
        """Files that something reads."""
        self.open: list[str] = []
        """Units on the way to the one that is being read."""
        self.done: set[tuple[str, str, bool]] = set()
        """Units that have been read, and how."""
        self.found = Folder()
        said = app.kustomization if app is not None else {}
        target = said.get("targetNamespace")
        self.target = target if isinstance(target, str) else ""
        self.renaming = is_renaming(said)

    def folder(self) -> Folder:
        """Read it all."""
        for path, file in self.files.items():
            if file.is_kustomization:
                self._add_unit(path.rpartition("/")[0], file)
        loose = {folder for folder in self.units if not any(above in self.units for above in _above(folder))}
        for path, file in self.files.items():
            folder = path.rpartition("/")[0]
            if file.is_yaml and not any(above in self.units for above in (folder, *_above(folder))):
                self._objects(file, "", renamed=self.renaming)
        for folder in sorted(loose):
            self._unit(folder, "", renamed=self.renaming)
        for path, file in self.files.items():
            if file.is_yaml and not file.is_kustomization and path not in self.named:
                what = "no kustomization.yaml names this file, so Flux doesn't read it"
                fix = "name it under resources in the kustomization.yaml above it, or remove it"
                self.found.problems.append(warning("not-read", what, None, file.file, fix))
        return self.found

    def _add_unit(self, folder: str, file: OtherFile) -> None:
        if (other := self.units.setdefault(folder, file)) is not file:
            what = f"{other.file} is there too, and kustomize takes only one of them"
            self._error("several-kustomizations", what, None, file.file, "keep one")

    def _error(self, code: str, what: str, where: Any, file: str, fix: str) -> None:
        self.found.problems.append(error(code, what, where, file, fix))

    def _read(self, file: OtherFile) -> YamlFile | None:
        self.named.add(file.path)
        try:
            return self.fleet.sources.read(file.file)
        except ConfigError as wrong:
            self.found.problems += wrong.problems
            return None

    def _unit(self, folder: str, namespace: str, *, renamed: bool) -> None:
        """Read the folder of a kustomization.yaml; *namespace* is what one above it sets, which wins."""
        file = self.units[folder]
        if (read := self._read(file)) is None:
            return
        data = read.value
        if not isinstance(data, dict) and data is not None:
            self._error(
                "not-kustomize", f"it is {kind_of(data)}, but a map is wanted", None, file.file, "add resources:"
            )
            return
        said = data or {}
        api = said.get("apiVersion")
        if isinstance(api, str) and not api.startswith("kustomize.config.k8s.io/"):
            what = f"kustomize reads this file, and it is a {said.get('kind')} of {api}"
            fix = "call it otherwise; kustomization.yaml lists what kustomize builds"
            self._error("not-kustomize", what, at(read, ("apiVersion",)), file.file, fix)
            return
        self.open.append(folder)
        namespace = namespace or inner_namespace(said)
        for reference in references(said):
            self._follow(reference, folder, read, namespace, renamed=renamed or is_renaming(said))
        self.open.pop()

    def _nested(self, path: str, namespace: str, *, renamed: bool) -> tuple[str, str, str] | None:
        """Read the unit at *path*, unless something is wrong with naming it: code, what and fix."""
        if path in self.open:
            return "kustomization-cycle", "leads back to the kustomization.yaml that names it", "take it out"
        if len(self.open) == _DEEPEST:
            fix = "name what they name in fewer kustomization.yaml files"
            return "too-deep", f"is number {_DEEPEST + 1} in a chain of kustomization.yaml files", fix
        if (path, namespace, renamed) not in self.done:
            self.done.add((path, namespace, renamed))
            self._unit(path, namespace, renamed=renamed)
        return None

    def _follow(self, reference: Reference, folder: str, read: YamlFile, namespace: str, *, renamed: bool) -> None:
        path = _joined(folder, reference.path)
        said: tuple[str, str, str] | None = None
        if path is None:
            if not reference.is_remote:
                fix = f"copy it into {self.top}/, or make it an app of its own"
                said = "leaves-folder", f"leads out of {self.top}/, which Flux reads by itself", fix
        elif path in self.files:
            self.named.add(path)
            if reference.holds_objects:
                self._objects(self.files[path], namespace, renamed=renamed)
        elif path in self.units:
            said = self._nested(path, namespace, renamed=renamed)
        elif not reference.is_remote:
            said = self._missing(path)
        if said is not None:
            code, what, fix = said
            self._error(code, f"'{reference.path}' {what}", at(read, reference.place), read.file, fix)

    def _missing(self, path: str) -> tuple[str, str, str] | None:
        """Return code, what and fix for *path*, which is none of the files Flux reads."""
        file = f"{self.top}/{path}"
        if self.app is not None:
            source = self.app.source
            if file == source.file.file or file in source.values.values():
                fix = "take it out: Flux's source leaves out what is for fluxapps"
                return "names-ignored-file", "is one of fluxapps' own files, which Flux never sees", fix
            if any(f"{one.path}/".startswith(f"{path}/") for one in source.other) and path.startswith("stacks/"):
                fix = f"name only what lies in stacks/{self.fleet.stack}/, from a kustomization.yaml in there"
                return "names-ignored-file", "is another stack's, which Flux never sees on this one", fix
        if any(one.startswith(f"{path}/") for one in self.files):
            return "missing-file", "is a folder without a kustomization.yaml", "add one, or name its files one by one"
        if not exists(self.fleet.sources.root / file):
            return "missing-file", "isn't there", "add the file, or take it out"
        if self.fleet.delivery == "git":
            return "missing-file", "is a hidden file, which isn't rendered", "give it a name without a dot before it"
        return None

    def _objects(self, file: OtherFile, namespace: str, *, renamed: bool) -> None:
        if (read := self._read(file)) is None:
            return
        for index, document in enumerate(read.documents):
            if document.value is not None:
                for manifest, path in self._manifests(document.value, (), read, index):
                    self.found.objects.append(
                        OtherObject(
                            manifest=manifest,
                            app=self.app,
                            file=read,
                            document=index,
                            path=path,
                            unit=self.open[0] if self.open else "",
                            namespace=self.target or namespace or str(manifest["metadata"].get("namespace") or ""),
                            renamed=renamed,
                        )
                    )

    def _manifests(
        self, value: Any, path: FieldPath, read: YamlFile, index: int
    ) -> Iterator[tuple[Manifest, FieldPath]]:
        """Yield *value*, or its items where it is a List; what is no object is a problem."""
        lacking = _lacking(value)
        if isinstance(value, dict) and str(value.get("kind")).endswith("List") and isinstance(value.get("items"), list):
            for number, item in enumerate(value["items"]):
                yield from self._manifests(item, (*path, "items", number), read, index)
        elif lacking is not None:
            what = f"this is no Kubernetes object: {lacking}"
            fix = "Flux applies nothing of a folder in which it can't read one file; move it out of there"
            self._error("not-kubernetes", what, at(read, path, document=index), read.file, fix)
        else:
            yield value, path


def _lacking(value: Any) -> str | None:
    """Return what *value* lacks to be a Kubernetes object; None where it is one."""
    if not isinstance(value, dict):
        return f"it is {kind_of(value)}"
    for part in ("apiVersion", "kind"):
        if not (isinstance(value.get(part), str) and value[part]):
            return f"it has no {part}"
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not (isinstance(metadata.get("name"), str) and metadata["name"]):
        return "it has no metadata.name"
    return None


def _above(folder: str) -> list[str]:
    """Return the folders above *folder*, nearest first, ``""`` (the top) last; none above the top."""
    found: list[str] = []
    while folder:
        folder = folder.rpartition("/")[0]
        found.append(folder)
    return found


def _joined(folder: str, path: str) -> str | None:
    """Return where *path*, said in *folder*, leads to, from the top; None where it leads out of it."""
    return None if path.startswith("/") or "://" in path else normalized(folder, path)
