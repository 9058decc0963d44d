"""One writer for each object: identities, names in Pulumi, Helm releases and HelmCharts, over the whole stack."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fluxapps.model.checks.fields import below
from fluxapps.model.checks.folders import OtherObject
from fluxapps.model.checks.kinds import is_namespaced
from fluxapps.model.checks.names import helm_name
from fluxapps.model.checks.report import at, error, stack_file
from fluxapps.model.layers import Origin
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.problems import Problem
from fluxapps.model.resolved import App, Fleet, Release

Groups = list[tuple[str, tuple[DeclaredObject, ...]]]
"""Declared objects by the component that has them."""

SYSTEM, BOOTSTRAP, APP = "system", "bootstrap", "app"
"""Components, as far as they matter here."""


class Owner(NamedTuple):
    """Who declares an object, and where it is said."""

    name: str
    """In words: ``app 'podinfo'``."""
    where: Origin | None
    file: str
    """Where ``where`` is None."""


def owner_of(fleet: Fleet, component: str, declared: DeclaredObject) -> Owner:
    """Return who declares *declared*, an object of *component*."""
    identity = declared.id
    app = fleet.app_named(declared.app) if declared.app is not None else None
    if app is not None:
        release = release_of(app, declared)
        where = app.origin("releases", release.key) if release is not None and release.key is not None else None
        return Owner(f"the app '{app.name}'", where, app.source.file.file)
    if declared.role is Role.NAMESPACE:
        namespace = fleet.namespaces.get(identity.name)
        where = namespace.origin() if namespace is not None else None
        return Owner("fluxapps", where, _first_in(fleet, identity.name))
    if component == SYSTEM:
        return Owner("'git'", fleet.origin("git", "name") or fleet.origin("git"), stack_file(fleet))
    return Owner(f"the repository '{identity.name}'", fleet.repositories[identity.name].origin(), stack_file(fleet))


def _first_in(fleet: Fleet, namespace: str) -> str:
    """Return the app.yaml of the first app that uses *namespace*."""
    for app in fleet.apps:
        names = {app.namespace, *(release.namespace for release in app.releases)}
        names |= {release.release_namespace for release in app.releases}
        names |= {release.storage_namespace for release in app.releases}
        if namespace in names:
            return app.source.file.file
    return stack_file(fleet)


def release_of(app: App, declared: DeclaredObject) -> Release | None:
    """Return the release of *app* that *declared* is made for; None for its Kustomization."""
    if declared.role is Role.KUSTOMIZATION:
        return None
    if len(app.releases) == 1:
        return app.releases[0]
    identity = declared.id
    for release in app.releases:
        ours = (release.name, release.values_name)
        if release.namespace == identity.namespace and (
            identity.name in ours
            or declared.logical_name.startswith(f"{release.namespace}/{release.name}-helm-chart-")
            or declared.logical_name == f"{release.namespace}/{release.name}"
        ):
            return release
    return None


def declared_clashes(fleet: Fleet, groups: Groups) -> Iterator[Problem]:
    """Yield objects that are declared twice, and those that Pulumi would call alike.

    Pulumi's URN of an object holds the component's type, the object's, and its logical name.
    """
    by_id: dict[ObjectId, tuple[str, DeclaredObject]] = {}
    by_urn: dict[tuple[str, str, str, str], ObjectId] = {}
    for component, objects in groups:
        for declared in objects:
            identity = declared.id
            urn = (component, declared.manifest["apiVersion"], identity.kind, declared.logical_name)
            first = by_id.setdefault(identity, (component, declared))
            if first[1] is not declared:
                one, other = owner_of(fleet, *first), owner_of(fleet, component, declared)
                what = f"{identity} is declared by {other.name}, and by {one.name} ({_place(one)})"
                fix = "name one of them otherwise, or put it in another namespace"
                yield error("duplicate-object", what, other.where, other.file, fix)
            elif (called := by_urn.setdefault(urn, identity)) != identity:
                what = f"{called} and {identity} are both called '{declared.logical_name}' in Pulumi's state"
                owner = owner_of(fleet, component, declared)
                fix = "give one of them another valuesName or another name"
                yield error("pulumi-name-clash", what, owner.where, owner.file, fix)


def _place(owner: Owner) -> str:
    return f"{owner.where.file}:{owner.where.line}" if owner.where is not None else owner.file


def release_clashes(fleet: Fleet) -> Iterator[Problem]:
    """Yield releases that Helm would take for one, and HelmCharts that Flux would take for one."""
    helm: dict[tuple[str, str], Release] = {}
    charts: dict[tuple[str, str], Release] = {}
    for app in fleet.apps:
        for release in app.releases:
            stored = (release.storage_namespace, helm_name(fleet, release))
            if (other := helm.setdefault(stored, release)) is not release and _id(other) != _id(release):
                what = f"Helm would take '{release.name}' and '{other.name}' ({_called(fleet, other)}) for one release"
                what += f": both are '{stored[1]}' in namespace {stored[0]}"
                fix = "say another release: {releaseName: …}, or another namespace"
                yield error(
                    "release-name-clash", what, _place_of(app, release, "releaseName"), app.source.file.file, fix
                )
            chart = helm_chart(fleet, release)
            if (
                chart is not None
                and (other := charts.setdefault(chart, release)) is not release
                and _id(other) != _id(release)
            ):
                what = f"Flux makes one HelmChart '{chart[1]}' in {chart[0]} for {_id(release)} and for {_id(other)}"
                what += f" ({_called(fleet, other)})"
                fix = "name one of them otherwise: it is called <namespace>-<name>"
                yield error("helm-chart-clash", what, _place_of(app, release), app.source.file.file, fix)


def _id(release: Release) -> str:
    return f"{release.namespace}/{release.name}"


def _called(fleet: Fleet, release: Release) -> str:
    app = fleet.app_named(release.app)
    return app.source.folder if app is not None else release.app


def _place_of(app: App, release: Release, *field: str) -> Origin | None:
    said = release.origin("release", *field) if field else None
    return said or (app.origin("releases", release.key) if release.key is not None else None)


def helm_chart(fleet: Fleet, release: Release) -> tuple[str, str] | None:
    """Return namespace and name of the HelmChart that Flux makes for *release*, if it makes one.

    Source: helm-controller, HelmRelease.GetHelmChartName; the HelmChart is in the source's namespace.
    """
    repository = fleet.repositories.get(release.repository or "")
    if repository is not None and repository.kind != "OCIRepository":
        return repository.namespace, f"{release.namespace}-{release.name}"
    said = below(release.said, ("chart", "spec", "sourceRef"))
    if repository is not None or not said:
        return None
    return str(said.get("namespace") or release.namespace), f"{release.namespace}-{release.name}"


def other_clashes(fleet: Fleet, groups: Groups, others: Sequence[OtherObject]) -> Iterator[Problem]:
    """Yield objects of other YAML that are declared too, or that stand twice in the stack's other YAML."""
    ours = {one.id: (component, one) for component, objects in groups for one in objects} if others else {}
    seen: dict[ObjectId, OtherObject] = {}
    for other in others:
        identity = identity_of(other)
        # Flux fills a variable in, in each app with a value of its own.
        if other.renamed or "${" in identity.name or "${" in identity.namespace:
            continue
        if (mine := ours.get(identity)) is not None:
            owner = owner_of(fleet, *mine)
            what = f"{identity} is declared by {owner.name} too ({_place(owner)}): two would write it"
            yield error("two-writers", what, _name_of(other), other.file.file, _one_writer(identity))
        elif (first := seen.setdefault(identity, other)) is not other:
            if (first.file.file, first.document, first.path) == (other.file.file, other.document, other.path):
                what, fix = _read_twice(identity, first, other)
            else:
                what, fix = f"{identity} stands in {first.file.file} too: two would write it", "keep one of them"
            yield error("two-writers", what, _name_of(other), other.file.file, fix)


def _read_twice(identity: ObjectId, first: OtherObject, second: OtherObject) -> tuple[str, str]:
    """Return what and fix where two units have one object: a base, say, that an overlay beside it names."""
    top = first.app.source.folder if first.app is not None else "bootstrap"
    units = sorted({first.unit, second.unit})
    if len(units) == 1:
        return f"{identity} is read twice: kustomization.yaml files name it by two ways", "name it once"
    what = f"{identity} is read twice: for {units[0]}/ and for {units[1]}/, which have a kustomization.yaml each"
    naming = [unit for unit in units if not first.file.file.startswith(f"{top}/{unit}/")]
    if any(unit.startswith("stacks/") for unit in units):
        return what, f"take it out of the kustomization.yaml in {top}/{naming[0]}/: Flux reads every folder by itself"
    root = f"at the app's root, {top}/," if first.app is not None else f"in {top}/"
    return what, f"add a kustomization.yaml {root} that names {' or '.join(naming)} alone"


def _name_of(other: OtherObject) -> Origin:
    return at(other.file, (*other.path, "metadata", "name"), document=other.document)


def _one_writer(identity: ObjectId) -> str:
    if identity.kind == "Namespace":
        return "remove it here; labels and annotations are said in fleet.yaml under namespaces"
    return "remove it here, or rename it"


def identity_of(other: OtherObject) -> ObjectId:
    """Return the identity of *other* in the cluster."""
    manifest: dict[str, Any] = other.manifest
    group = manifest["apiVersion"].rpartition("/")[0]
    namespaced = is_namespaced(group, manifest["kind"]) is not False
    return ObjectId(group, manifest["kind"], other.namespace if namespaced else "", manifest["metadata"]["name"])
