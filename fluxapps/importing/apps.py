"""One app in our words: its releases, their values, and what stays other YAML."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fluxapps.importing.applied import Applied
from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.original import Original
from fluxapps.importing.other import other_yaml
from fluxapps.importing.releases import ReleaseSaid, Sources, release_said
from fluxapps.importing.said import AppSaid, CannotSayError, Kept, Left, StackSaid
from fluxapps.model.declare.names import HELM
from fluxapps.model.objects import Manifest, ObjectId


@dataclass(slots=True, eq=False)
class AppParts:
    """What an app is made of."""

    original: Original
    name: str
    objects: list[Built]
    """All that its Kustomization applies, in their namespaces, without what moves to the root's."""
    folder: str
    """Where they stood."""
    refused: Mapping[ObjectId, str]
    """Releases that have to stay other YAML, and why."""


def app_said(
    parts: AppParts, sources: Sources, config_maps: Mapping[tuple[str, str], Built], stack: StackSaid
) -> AppSaid:
    """Return the app of *parts*, without what its Kustomization says; what can't be said is noted in *stack*."""
    app = AppSaid(name=parts.name, fields={})
    known = {
        (one.namespace, one.name): one
        for one in parts.objects
        if one.kind == "ConfigMap" and config_maps.get((one.namespace, one.name)) is one
    }
    said: list[ReleaseSaid] = []
    rest: list[Built] = []
    for one in parts.objects:
        if one.kind != "HelmRelease" or one.group != HELM:
            continue
        why = parts.refused.get(one.id, "")
        try:
            release = release_said(parts.original, one, sources, known, by_pulumi=stack.to.delivery == "apply")
        except CannotSayError as reason:
            why = why or str(reason)
        else:
            if not why:
                said.append(release)
                stack.kept += _values_kept(release, known)
        if why:
            rest.append(one)
            stack.kept.append(Kept(str(one.id), *place_of(one), why))
    taken = {id(release.taken) for release in said if release.taken is not None}
    taken |= {id(release.built) for release in said}
    taken |= {id(one) for one in rest}
    rest += [one for one in parts.objects if id(one) not in taken]
    _releases(app, said)
    other = other_yaml(parts.original, rest, parts.folder)
    app.other = other.files
    stack.kept += [_rewritten(one) for one in other.rewritten]
    stack.left += [plain_secret(one) for one in other.secrets]
    app.documents = [release.built.document for release in said if release.built and release.built.document]
    return app


def own_config_maps(every: Iterable[Applied], owned: Mapping[int, Iterable[Built]]) -> dict[tuple[str, str], Built]:
    """Return the ConfigMaps that one release names and nobody else does, by namespace and name.

    Args:
        every: The cluster's Kustomizations.
        owned: What each of them applies and no deeper one does, by its id.
    """
    named: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, str], Built] = {}
    for applied in every:
        for one in owned.get(id(applied), ()):
            if one.kind == "ConfigMap":
                found[one.namespace, one.name] = one
            elif one.kind == "HelmRelease" and one.group == HELM:
                for reference in (one.manifest.get("spec") or {}).get("valuesFrom") or ():
                    if isinstance(reference, dict) and reference.get("kind") == "ConfigMap":
                        named[one.namespace, str(reference.get("name"))] += 1
        build = applied.spec.get("postBuild")
        for reference in (build.get("substituteFrom") or ()) if isinstance(build, dict) else ():
            if isinstance(reference, dict) and applied.built is not None:
                named[applied.built.namespace, str(reference.get("name"))] += 2
    return {key: one for key, one in found.items() if named[key] == 1}


def place_of(one: Built) -> tuple[str, int | None]:
    """Return file and line of *one*; the files that a generator read."""
    if one.document is not None:
        return one.document.file, one.document.line
    return ", ".join(one.generated_from), None


def plain_secret(one: Built) -> Left:
    """Return what is said of *one*, a Secret in plain text."""
    why = "a Secret in plain text is not copied: seal it, encrypt it with SOPS, or let an operator fetch it"
    return Left(one.id, *place_of(one), why)


def _values_kept(release: ReleaseSaid, config_maps: Mapping[tuple[str, str], Built]) -> list[Kept]:
    """Return the ConfigMaps of values that *release* alone names and that no values file can stand for."""
    named = [one for one in release.fields.get("valuesFrom") or () if isinstance(one, dict)]
    if not named or named[0].get("kind") != "ConfigMap" or release.values is not None:
        return []
    one = config_maps.get((release.namespace, str(named[0].get("name"))))
    if one is None:
        return []
    why = "it says more than values under values.yaml, or values that can't be read: valuesFrom names it as before"
    return [Kept(str(one.id), *place_of(one), why)]


def _rewritten(one: Built) -> Kept:
    changed = ", ".join(sorted(one.changed - {"target"}))
    return Kept(str(one.id), *place_of(one), f"kustomize changes it ({changed}): it is written as built")


def _releases(app: AppSaid, said: list[ReleaseSaid]) -> None:
    keys = _keys(said)
    siblings = {(one.namespace, one.name): key for key, one in keys.items()}
    if len(said) == 1 and said[0].name == app.name and "chart" in said[0].fields:
        (one,) = said
        app.fields |= _fields(one, app.name, app.name, {})
        _note(app, None, one)
        return
    if not said:
        return
    namespaces = Counter(one.namespace for one in said)
    shared, count = namespaces.most_common(1)[0]
    if count == 1 and len(said) > 1:
        shared = app.name
    if shared != app.name:
        app.fields["namespace"] = shared
    app.fields["releases"] = {}
    for key, one in keys.items():
        fields = _fields(one, shared, app.name, siblings)
        app.depends_on[key] = one.depends_on
        _note(app, key, one)
        if key != one.name:
            release = fields.setdefault("release", {})
            release["metadata"] = {"name": one.name, **release.get("metadata", {})}
        app.fields["releases"][key] = fields


def _note(app: AppSaid, key: str | None, one: ReleaseSaid) -> None:
    app.identities[key] = one.id
    if one.values is not None:
        app.values[key] = one.values
    if one.moved:
        app.moved.add(key)


def _keys(said: list[ReleaseSaid]) -> dict[str, ReleaseSaid]:
    """Return *said* by the keys they get: their names, with the namespace before where that is needed."""
    counted = Counter(one.name for one in said)
    return {
        one.name if counted[one.name] == 1 else f"{one.namespace}-{one.name}"[:63].strip("-"): one
        for one in sorted(said, key=lambda one: (one.name, one.namespace))
    }


def _fields(
    one: ReleaseSaid, default_namespace: str, app: str, siblings: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if one.namespace != default_namespace:
        fields["namespace"] = one.namespace
    fields |= one.fields
    if one.depends_on:
        named = [_named(entry, one) for entry in one.depends_on]
        names = [name[1] for name in named if name is not None and name in siblings]
        if len(names) == len(named) and all(sum(n == name for _, n in siblings) == 1 for name in names):
            fields["dependsOn"] = [f"{app}/{name}" for name in names]
        else:
            fields["release"] = {**fields.get("release", {}), "dependsOn": one.depends_on}
    return fields


def _named(entry: Manifest, one: ReleaseSaid) -> tuple[str, str] | None:
    if entry.keys() - {"name", "namespace"}:
        return None
    return str(entry.get("namespace") or one.namespace), str(entry.get("name"))
