"""What kustomize-controller makes of a path: the objects of its kustomization.yaml, or else of every file below it.

Source: https://github.com/fluxcd/pkg/tree/main/kustomize (the generator), and kustomize's own documentation.
"""

from typing import Any, Final

from fluxapps.importing.kustomize import opaque
from fluxapps.importing.kustomize.built import Built, UnbuildableError, built, entries
from fluxapps.importing.kustomize.generators import generated
from fluxapps.importing.kustomize.patches import apply_patches
from fluxapps.importing.kustomize.references import update_references
from fluxapps.importing.kustomize.transformers import transform
from fluxapps.importing.original import KUSTOMIZE_FILE, Original, joined
from fluxapps.model.checks.kustomize import Reference
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.sources import normalized
from fluxapps.model.yaml_file import YamlFile

_DONE: Final = frozenset(
    field.lower()
    for field in (
        *("apiVersion", "kind", "metadata", "resources", "bases", "components", "namespace", "labels", "commonLabels"),
        *("commonAnnotations", "images", "replicas", "patches", "patchesStrategicMerge", "patchesJson6902"),
        *("configMapGenerator", "secretGenerator", "generatorOptions", "namePrefix", "nameSuffix", "configurations"),
        *("buildMetadata", "sortOptions", "openapi", "crds", "validators"),
    )
)
"""Fields that are done here, or that change nothing of the objects."""
_REACHING: Final = (
    *("labels", "commonLabels", "commonAnnotations", "images", "replicas", "patches", "patchesStrategicMerge"),
    *("patchesJson6902", "namePrefix", "nameSuffix", "components"),
)
"""Fields that change objects, known here or not."""
_SUBSTITUTED: Final = {
    "helmCharts": "it renders a Helm chart",
    "helmChartInflationGenerator": "it renders a Helm chart",
    "generators": "it runs generators of its own",
    "transformers": "it runs transformers of its own",
    "replacements": "it copies fields from object to object (replacements)",
    "vars": "it copies fields from object to object (vars)",
}


class Builder:
    """Builds folders of one repository; each is built once."""

    def __init__(self, original: Original) -> None:
        self.original = original
        self.problems: dict[Problem, None] = {}
        self._done: dict[str, list[Built]] = {}
        self._open: list[str] = []

    def path(self, folder: str) -> list[Built]:
        """Return what Flux applies from the path *folder*.

        Raises:
            UnbuildableError: Something that isn't done here is used in it.
        """
        if self.original.kustomization_file(folder) is not None:
            return self._unit(folder)
        found: list[Built] = []
        self._below(folder, found)
        return found

    def component(self, folder: str, objects: list[Built]) -> list[Built]:
        """Return *objects* as the component in *folder* makes them.

        Raises:
            UnbuildableError: Something that isn't done here is used in it.
        """
        return self._accumulated(folder, objects)

    def _below(self, folder: str, found: list[Built]) -> None:
        for file in self.original.yaml_below(folder):
            found += self._file(file)
        for name in self.original.folders.get(folder, ()):
            if name.endswith("/"):
                inner = joined(folder, name[:-1])
                if self.original.kustomization_file(inner) is not None:
                    found += self._unit(inner)
                else:
                    self._below(inner, found)

    def _file(self, file: str) -> list[Built]:
        if file in self.original.broken:
            self.original.met.add(file)
        for problem in (*self.original.broken.get(file, ()), *self.original.no_objects(file)):
            self.problems[problem] = None
        return [built(document) for document in self.original.objects(file) if not _is_kustomize(document.manifest)]

    def _unit(self, folder: str) -> list[Built]:
        """Return the objects of the kustomization.yaml in *folder*, as copies that may be changed further."""
        if folder in self._open:
            raise UnbuildableError(f"{folder or '.'}/ leads back to itself")
        if folder not in self._done:
            self._open.append(folder)
            try:
                self._done[folder] = self._accumulated(folder, [])
            except UnbuildableError as error:
                self._done[folder] = self._opaque(folder, str(error))
            finally:
                self._open.pop()
        return [one.again() for one in self._done[folder]]

    def _accumulated(self, folder: str, below: list[Built]) -> list[Built]:
        """Return what the kustomization.yaml of *folder* makes of its resources, or of *below* if it is a component."""
        file = self.original.kustomization_file(folder)
        read = self.original.files.get(file or "")
        if read is None or file is None:
            for problem in self.original.broken.get(file or "", ()):
                self.problems[problem] = None
            raise UnbuildableError(f"{file} can't be read")
        said = read.value if isinstance(read.value, dict) else {}
        for field in said:
            # Keys are told apart by case nowhere in Go's JSON.
            if field.lower() not in _DONE and said[field]:
                raise UnbuildableError(f"{file}: {_SUBSTITUTED.get(field, f'it says {field}')}")
        objects = list(below)
        for field in ("resources", "bases"):
            for index, path in enumerate(entries(said, field)):
                objects += self._resource(folder, path, read, (field, index))
        if any(one.is_opaque for one in objects) and any(said.get(field) for field in _REACHING):
            raise UnbuildableError(f"{file}: it changes what is built of something that isn't known here")
        self._no_twins(objects, file)
        for index, path in enumerate(entries(said, "components")):
            inner = self._inner(folder, path, read, ("components", index))
            if inner is not None:
                objects = self._accumulated(inner, objects)
        objects = generated(self.original, folder, said, objects)
        apply_patches(self.original, folder, said, objects)
        transform(said, objects)
        update_references(self.original, folder, said, objects)
        return objects

    def _resource(self, folder: str, path: Any, read: YamlFile, place: tuple[str, int]) -> list[Built]:
        if isinstance(path, str) and _is_remote(path) and not self.original.exists(normalized(folder, path) or ".."):
            return [opaque.remote(path)]
        inner = self._inner(folder, path, read, place)
        if inner is None:
            return []
        if inner in self.original.folders:
            if self.original.kustomization_file(inner) is None:
                what = f"'{path}' is a folder without a kustomization.yaml"
                self._problem("missing-file", what, read, place, "add one, or name its files one by one")
                return []
            if inner in self._open:
                raise UnbuildableError(f"{read.file} leads back to itself")
            self._open.append(inner)
            try:
                return self._accumulated(inner, [])
            except UnbuildableError as error:
                return self._opaque(inner, str(error))
            finally:
                self._open.pop()
        return self._file(inner)

    def _opaque(self, folder: str, why: str) -> list[Built]:
        file = self.original.kustomization_file(folder) or folder
        what = f"what it makes can't be told here: {why.removeprefix(f'{file}: ')}"
        fix = "its folder is brought along as it is, releases in it too"
        severity = Severity.WARNING
        self.problems[Problem(code="unbuildable", what=what, file=file, fix=fix, severity=severity)] = None
        return opaque.folder(self.original, folder, why)

    def _inner(self, folder: str, path: Any, read: YamlFile, place: tuple[str, int]) -> str | None:
        """Return the path from the root that *path* means; None, after saying so, where there is nothing."""
        if not isinstance(path, str):
            raise UnbuildableError(f"{read.file}: it names something that is no path")
        inner = normalized(folder, path)
        if inner is None or not self.original.exists(inner):
            if _is_remote(path):
                raise UnbuildableError(f"{read.file}: it names something of another repository, {path}")
            if not (inner is not None and (self.original.root / inner).exists()):
                what = f"'{path}' isn't there"
                self._problem("missing-file", what, read, place, "add the file, or take it out")
            return None
        return inner

    def _no_twins(self, objects: list[Built], file: str) -> None:
        seen: dict[tuple[str, str, str, str], Built] = {}
        twins: list[Built] = []
        for one in objects:
            key = (one.group, one.kind, one.first_namespace, one.first_name)
            first = seen.setdefault(key, one)
            if first is not one:
                if first.manifest != one.manifest:
                    self._twin(one, first, file)
                twins.append(one)
        for one in twins:
            objects.remove(one)

    def _twin(self, one: Built, first: Built, file: str) -> None:
        place, other = one.document, first.document
        what = f"{one.id} stands twice in what {file} names, with different content"
        if other is not None:
            what += f": the first is in {other.file}, line {other.line}"
        self.problems[
            Problem(
                code="duplicate-object",
                what=what,
                file=place.file if place else file,
                line=place.line if place else None,
                fix="keep one of them; the first is taken",
                severity=Severity.WARNING,
            )
        ] = None

    def _problem(self, code: str, what: str, read: YamlFile, place: tuple[str, int], fix: str) -> None:
        position = read.position(place)
        problem = Problem(
            code=code,
            what=what,
            file=read.file,
            line=position.line,
            column=position.column,
            path=f"{place[0]}[{place[1]}]",
            fix=fix,
            severity=Severity.WARNING,
        )
        self.problems[problem] = None


def _is_remote(path: str) -> bool:
    return Reference(path, ()).is_remote


def _is_kustomize(manifest: dict[str, Any]) -> bool:
    return str(manifest["apiVersion"]).startswith(KUSTOMIZE_FILE)
