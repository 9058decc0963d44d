"""Names: of apps, of Helm releases, of what FluxSystem makes."""

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

from fluxapps.model.checks.report import at, error, stack_file
from fluxapps.model.layers import Origin
from fluxapps.model.problems import Problem
from fluxapps.model.resolved import App, Fleet, Release

RESERVED = ("bootstrap", "flux-system", "stacks")
"""Folders of the rendered tree, and Flux's own Kustomization, that an app of that name would take the place of."""

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_LONGEST = 63
_HELM_LONGEST = 53
_DIGITS = 12


def name_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is wrong with names that no single file could know to be wrong."""
    yield from _app_names(fleet)
    for app in fleet.apps:
        yield from _namespace(app.kustomization, app.origin, ("kustomization", "targetNamespace"), app)
        for release in app.releases:
            yield from _release_name(fleet, app, release)
            for field in ("targetNamespace", "storageNamespace"):
                yield from _namespace(release.spec, release.origin, ("release", field), app)
    if fleet.git is not None and DNS_LABEL.fullmatch(fleet.git.name) is None:
        what = f"the project's name '{fleet.git.name}' can't be the name of a GitRepository in Kubernetes"
        fix = "name it otherwise: add name to git, at most 63 lower-case letters, digits and hyphens"
        yield error("bad-name", what, fleet.origin("git"), stack_file(fleet), fix)


def _namespace(
    spec: dict[str, Any], origin: Callable[..., Origin | None], path: tuple[str, str], app: App
) -> Iterator[Problem]:
    """Yield what is wrong with the namespace at *path*, of which Flux's schema checks the length alone."""
    name = spec.get(path[1])
    if isinstance(name, str) and 1 <= len(name) <= _LABEL_LONGEST and DNS_LABEL.fullmatch(name) is None:
        what = f"'{name}' is not a name Kubernetes takes for a namespace"
        fix = "at most 63 lower-case letters, digits and hyphens; a letter or digit first and last"
        yield error("wrong-value", what, origin(*path), app.source.file.file, fix)


def helm_name(fleet: Fleet, release: Release) -> str:
    """Return the name Helm knows *release* by.

    Our recommended settings always say it. Without, Flux puts the target namespace, if one is said, before the
    HelmRelease's name, and shortens what is too long (helm-controller, HelmRelease.GetReleaseName and ShortenName).
    """
    if fleet.preset and not isinstance(release.spec.get("releaseName"), str):
        return release.name
    return helm_name_of(release.spec, release.name)


def helm_name_of(spec: dict[str, Any], name: str) -> str:
    """Return the name Helm knows a release by, from *spec* and *name* of its HelmRelease."""
    said, target = spec.get("releaseName"), spec.get("targetNamespace")
    if isinstance(said, str) and said:
        return said
    name = f"{target}-{name}" if isinstance(target, str) and target else name
    if len(name) <= _HELM_LONGEST:
        return name
    return f"{name[: _HELM_LONGEST - _DIGITS - 1]}-{sha256(name.encode()).hexdigest()[:_DIGITS]}"


def _app_names(fleet: Fleet) -> Iterator[Problem]:
    first: dict[str, App] = {}
    for app in sorted((*fleet.apps, *fleet.disabled), key=lambda one: one.source.folder):
        file = app.source.file.file
        where = _said(app)
        if app.name in RESERVED:
            what = f"no app can be called '{app.name}': the name is taken in the rendered tree"
            fix = "rename its folder, or add a name to app.yaml" if where is None else "choose another name"
            yield error("reserved-name", what, where, file, fix)
        elif where is None and DNS_LABEL.fullmatch(app.name) is None:
            what = f"the folder '{app.name}' can't give its app a name that Kubernetes takes"
            fix = "add a name to app.yaml, at most 63 lower-case letters, digits and hyphens, or rename the folder"
            yield error("bad-name", what, where, file, fix)
        if (other := first.setdefault(app.name, app)) is not app:
            what = f"the app in {other.source.folder} is called '{app.name}' too"
            yield error("duplicate-app", what, where, file, "say another name in one of them")


def _said(app: App) -> Origin | None:
    return at(app.source.file, ("name",)) if "name" in app.source.fields else None


def _release_name(fleet: Fleet, app: App, release: Release) -> Iterator[Problem]:
    # A releaseName that a file says is Flux's schema to check.
    if "releaseName" in release.spec or len(name := helm_name(fleet, release)) <= _HELM_LONGEST:
        return
    where = _said(app) if release.key is None else app.origin("releases", release.key)
    what = f"'{name}' has {len(name)} characters, the name of a Helm release {_HELM_LONGEST} at most"
    yield error("long-release-name", what, where, app.source.file.file, "add release: {releaseName: …}")
