"""What each cluster applies: where Flux enters the repository, and every Kustomization that is reached from there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fluxapps.importing.applied import Applied, apply
from fluxapps.importing.kustomize.build import Builder
from fluxapps.importing.kustomize.built import Built, UnbuildableError
from fluxapps.importing.original import FLUX_KUSTOMIZATION, Document, Original, common_folder, folder_of
from fluxapps.importing.reading import Reading, Source, reading_of
from fluxapps.model.live.takeover import BOOTSTRAPPED
from fluxapps.model.objects import ObjectId, object_id
from fluxapps.model.sources import normalized


@dataclass(slots=True, eq=False)
class Cluster:
    """One cluster, as the repository makes it."""

    name: str
    entry: str
    """The folder where Flux enters."""
    root: Applied
    """What is applied from there; its ``manifest`` is None where ``flux bootstrap``'s objects aren't committed."""
    own: Source | None = None
    """The source that is the repository."""
    applied: list[Applied] = field(default_factory=list)
    """Every Kustomization that is reached, the root's first."""

    @property
    def is_bootstrapped(self) -> bool:
        """Return whether its root is `flux bootstrap`'s own, which has Flux itself to look after."""
        own = self.own[2] if self.own is not None else ""
        return (self.root.name if self.root.built is not None else own) == BOOTSTRAPPED


def in_depth(cluster: Cluster) -> list[Applied]:
    """Return what *cluster* applies, those of the deepest folders first; of one folder, the one called like it."""

    def depth(one: Applied) -> tuple[bool, int, bool]:
        path = one.path or ""
        return one is cluster.root, -len(path), one.name != path.rpartition("/")[2]

    return sorted(cluster.applied, key=depth)


def find_clusters(original: Original, builder: Builder, entry: str | None = None) -> list[Cluster]:
    """Return the clusters of *original*, sorted by name.

    Args:
        original: The repository.
        builder: Its builder.
        entry: The folder where Flux enters (the ``--path`` of ``flux bootstrap``); None: found by what applies what.
    """
    every = _kustomizations(original)
    reading = reading_of(original, (one.manifest for one in every))
    documents = [one for one in every if reading.path(one.manifest) is not None]
    if entry is not None:
        folder = normalized("", entry) or ""
        return [_cluster(original, builder, reading.entering(folder), _root_in(builder, reading, documents, folder))]
    reached = {
        id(one): {id(other.document) for other in _reached(original, builder, reading, one)} for one in documents
    }
    roots = _topmost([one for one in documents if id(one) in reached[id(one)]], reached)
    if roots:
        different = {(reading.path(one.manifest), object_id(one.manifest)): one for one in roots}.values()
        return _named(
            [_cluster(original, builder, reading.entering(reading.path(one.manifest) or ""), one) for one in different]
        )
    by_others = {one for document in documents for one in reached[id(document)]}
    loose = _read(builder, [one for one in documents if id(one) not in by_others])
    paths = {path for one in documents if (path := reading.path(one.manifest)) is not None}
    holding = {one.file for one in every}
    entries = dict.fromkeys(_widened(group, paths, holding) for group in _groups(loose))
    return _named([_cluster(original, builder, reading.entering(folder), None) for folder in entries])


def _kustomizations(original: Original) -> list[Document]:
    return [
        document
        for file in original.files
        if FLUX_KUSTOMIZATION in original.files[file].text
        for document in original.objects(file)
        if document.manifest["kind"] == "Kustomization"
        and document.manifest["apiVersion"].startswith(FLUX_KUSTOMIZATION)
    ]


def _reached(original: Original, builder: Builder, reading: Reading, document: Document) -> Iterable[Built]:
    path = reading.path(document.manifest)
    if path is None or path not in original.folders:
        return ()
    try:
        return builder.path(path)
    except UnbuildableError:
        return ()


def _read(builder: Builder, documents: list[Document]) -> list[Document]:
    """Return those of *documents* that are objects of their folders: a patch looks like one, and isn't."""
    objects: set[int] = set()
    unknown: set[str] = set()
    for folder in dict.fromkeys(folder_of(one.file) for one in documents):
        try:
            objects |= {id(one.document) for one in builder.path(folder)}
        except UnbuildableError:
            unknown.add(folder)
    return [one for one in documents if id(one) in objects or folder_of(one.file) in unknown]


def _topmost(roots: list[Document], reached: dict[int, set[int]]) -> list[Document]:
    """Return those of *roots* that no other of them reaches; of two that reach each other, the first."""
    kept: list[Document] = []
    for one in roots:
        above = [other for other in roots if other is not one and id(one) in reached[id(other)]]
        if not any(id(other) not in reached[id(one)] or other in kept for other in above):
            kept.append(one)
    return kept


def _root_in(builder: Builder, reading: Reading, documents: list[Document], folder: str) -> Document | None:
    for one in documents:
        if reading.path(one.manifest) == folder and any(
            other.document is one for other in _reached(builder.original, builder, reading, one)
        ):
            return one
    return None


def _groups(loose: list[Document]) -> list[list[Document]]:
    """Return *loose* Kustomizations, which nothing applies, by cluster.

    Folders beside each other are clusters of their own where they say the same things of different clusters: a file
    name or an object in common. Else all are one cluster's.
    """
    folders: dict[str, list[Document]] = defaultdict(list)
    for one in loose:
        folders[folder_of(one.file)].append(one)
    tops = [folder for folder in folders if not any(_is_below(folder, other) for other in folders)]
    if len(tops) > 1:
        names: dict[Any, set[str]] = defaultdict(set)
        for top in tops:
            for folder, found in folders.items():
                if folder == top or _is_below(folder, top):
                    for one in found:
                        names[object_id(one.manifest)].add(top)
                        names[one.file.removeprefix(top)].add(top)
        alike = {top for found in names.values() if len(found) > 1 for top in found}
        if alike:
            return [
                [one for folder, found in folders.items() if folder == top or _is_below(folder, top) for one in found]
                for top in tops
            ]
    return [loose] if loose else []


def _is_below(folder: str, above: str) -> bool:
    return folder != above and (not above or folder.startswith(f"{above}/"))


def _widened(group: list[Document], paths: set[str], holding: set[str]) -> str:
    """Return the folder where Flux enters: around all of *group*, and as wide as nothing else is applied from it.

    *paths* are what Kustomizations apply, *holding* the files that hold one.
    """
    folder = common_folder([folder_of(one.file) for one in group])
    files = {one.file for one in group}
    while folder:
        above = folder.rpartition("/")[0]
        inside = [path for path in paths if path == above or _is_below(path, above)]
        others = [file for file in holding if _is_below(file, above) and file not in files]
        if not above or inside or others:
            break
        folder = above
    return folder


def _cluster(original: Original, builder: Builder, reading: Reading, document: Document | None) -> Cluster:
    entry = reading.entry or ""
    root = apply(original, builder, document, None, reading)
    cluster = Cluster(entry, entry, root, own=reading.own)
    seen: set[ObjectId] = set()
    if root.manifest is not None:
        seen.add(object_id(root.manifest))
    rest = [root]
    while rest:
        one = rest.pop(0)
        cluster.applied.append(one)
        for child in _children(one):
            identity = object_id(child.manifest)
            if identity not in seen:
                seen.add(identity)
                rest.append(apply(original, builder, child, one, reading))
    return cluster


def _children(applied: Applied) -> Iterator[Built]:
    for one in applied.moving:
        if one.kind == "Kustomization" and one.group == FLUX_KUSTOMIZATION:
            yield one


def _named(clusters: list[Cluster]) -> list[Cluster]:
    """Give each of *clusters* the shortest name that tells it from the others: the last part of its folder."""
    for cluster in clusters:
        others = [other.entry.split("/") for other in clusters if other is not cluster]
        parts = cluster.entry.split("/")
        name = next(
            (
                part
                for index, part in reversed(list(enumerate(parts)))
                if part and all(len(other) <= index or other[index] != part for other in others)
            ),
            parts[-1],
        )
        cluster.name = name or "cluster"
    return sorted(clusters, key=lambda one: one.name)
