"""``dependsOn`` as Flux spells it, ``{name, namespace}``: what it names, as far as that is in this stack."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from fluxapps.model.checks.folders import OtherObject
from fluxapps.model.checks.report import error, warning
from fluxapps.model.declare.names import HELM, KUSTOMIZE
from fluxapps.model.layers import Origin
from fluxapps.model.problems import Problem
from fluxapps.model.resolved import App, Fleet, Release
from fluxapps.model.yaml_file import FieldPath

_OF_FLUX = "flux-system"
"""The Kustomization that ``flux bootstrap`` makes."""

ObjectName = tuple[str, str]
"""Namespace and name."""


class Dependency(NamedTuple):
    """One entry of a list, and where it is said."""

    named: ObjectName
    origin: Callable[..., Origin | None]
    path: FieldPath

    @property
    def where(self) -> Origin | None:
        """Return its place; looked for only where something is wrong."""
        return self.origin(*self.path)


def kustomization_dependencies(fleet: Fleet, app: App) -> list[Dependency]:
    """Return what *app*'s ``kustomization`` depends on."""
    path = ("kustomization", "dependsOn")
    return _entries(app.said_kustomization.get("dependsOn"), fleet.flux_namespace, app.origin, path)


def release_dependencies(release: Release) -> list[Dependency]:
    """Return what the ``release`` of *release* depends on."""
    return _entries(release.said.get("dependsOn"), release.namespace, release.origin, ("release", "dependsOn"))


def _entries(
    said: Any, namespace: str, origin: Callable[..., Origin | None], path: tuple[str, str]
) -> list[Dependency]:
    # Types are the schema's to check.
    entries = enumerate(said) if isinstance(said, list) else ()
    return [
        Dependency((str(entry.get("namespace") or namespace), entry["name"]), origin, (*path, index))
        for index, entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    ]


def flux_dependency_problems(fleet: Fleet, others: Sequence[OtherObject]) -> Iterator[Problem]:
    """Yield entries that name their own object, and those that name nothing where this stack's objects are."""
    for app in fleet.apps:
        if entries := kustomization_dependencies(fleet, app):
            known = {(fleet.flux_namespace, name) for name in (*(one.name for one in fleet.apps), _OF_FLUX)}
            if fleet.git is not None:
                known.add((fleet.flux_namespace, fleet.git.name))
            known |= _in_other_yaml(others, KUSTOMIZE, "Kustomization")
            own = (fleet.flux_namespace, app.name)
            yield from _unfit(app, entries, own, known, {fleet.flux_namespace})
        for release in app.releases:
            if entries := release_dependencies(release):
                known = {(one.namespace, one.name) for other in fleet.apps for one in other.releases}
                namespaces = {namespace for namespace, _ in known}
                known |= _in_other_yaml(others, HELM, "HelmRelease")
                yield from _unfit(app, entries, (release.namespace, release.name), known, namespaces)


def _in_other_yaml(others: Sequence[OtherObject], group: str, kind: str) -> set[ObjectName]:
    return {
        (one.namespace, one.manifest["metadata"]["name"])
        for one in others
        if one.manifest["kind"] == kind and one.manifest["apiVersion"].startswith(f"{group}/")
    }


def _unfit(
    app: App, entries: list[Dependency], own: ObjectName, known: set[ObjectName], namespaces: set[str]
) -> Iterator[Problem]:
    """Yield the *entries* that are their *own*, or none of the *known* in *namespaces*: elsewhere others live."""
    file = app.source.file.file
    for entry in entries:
        namespace, name = entry.named
        if entry.named == own:
            yield error("self-dependency", f"'{name}' depends on itself", entry.where, file, "take it out")
        elif namespace in namespaces and entry.named not in known:
            what = f"nothing in this stack is called '{name}' in namespace {namespace}: Flux waits until it is there"
            fix = "take it out, unless somebody else makes it; apps of this repository are named in our own dependsOn"
            yield warning("undeclared-dependency", what, entry.where, file, fix)
