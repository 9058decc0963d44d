"""One writer for each object: identities, names in Pulumi, Helm releases and HelmCharts, over the whole stack."""

from collections.abc import Iterable, Iterator
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


class Owner(NamedTuple):
    """Who declares an object, and where it is said."""

    name: str
    """In words: ``app 'podinfo'``."""
    where: Origin | None
    file: str
    """Where ``where`` is None."""


def owner_of(fleet: Fleet, declared: DeclaredObject) -> Owner:
    """Return who declares *declared*."""
    identity = declared.id
    app = fleet.app_named(declared.app) if declared.app is not None else None
    if app is not None:
        release = release_of(app, declared)
        where = app.origin("releases", release.key) if release is not None and release.key is not None else None
        return Owner(f"the app '{app.name}'", where, app.source.file.file)
    if declared.role is Role.NAMESPACE:
        namespace = fleet.namespaces.get(identity.name)
        where = namespace.origin() if namespace is not None else None
        return Owner(
            f"the namespace '{identity.name}'", where, where.file if where else _first_in(fleet, identity.name)
        )
    repository = fleet.repositories.get(identity.name)
    if declared.role is Role.SOURCE and repository is not None and repository.kind == identity.kind:
        where = repository.origin()
        return Owner(f"the repository '{identity.name}'", where, stack_file(fleet))
    return Owner("git", fleet.origin("git", "name") or fleet.origin("git"), stack_file(fleet))


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


def declared_clashes(fleet: Fleet, groups: Iterable[tuple[str, Iterable[DeclaredObject]]]) -> Iterator[Problem]:
    """Yield objects that are declared twice, and those that Pulumi would call alike.

    *groups* are declared objects, each with the component that has them: Pulumi's URN of an object holds the
    component's type, the object's, and its logical name.
    """
    by_id: dict[ObjectId, DeclaredObject] = {}
    by_urn: dict[tuple[str, str, str, str], DeclaredObject] = {}
    for component, objects in groups:
        for declared in objects:
            identity = declared.id
            urn = (component, declared.manifest["apiVersion"], identity.kind, declared.logical_name)
            if (other := by_id.setdefault(identity, declared)) is not declared:
                yield _clash(fleet, "duplicate-object", f"{identity} is declared", other, declared)
            elif (other := by_urn.setdefault(urn, declared)) is not declared:
                what = f"{other.id} and {identity} are both called '{declared.logical_name}' in Pulumi's state"
                owner = owner_of(fleet, declared)
                fix = "give one of them another valuesName or another name"
                yield error("pulumi-name-clash", what, owner.where, owner.file, fix)


def _clash(fleet: Fleet, code: str, what: str, first: DeclaredObject, second: DeclaredObject) -> Problem:
    one, other = owner_of(fleet, first), owner_of(fleet, second)
    fix = "name one of them otherwise, or put it in another namespace"
    return error(code, f"{what} by {one.name} and by {other.name}{_place(one)}", other.where, other.file, fix)


def _place(owner: Owner) -> str:
    line = f":{owner.where.line}" if owner.where is not None else ""
    return f" (the former in {owner.where.file if owner.where is not None else owner.file}{line})"


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
            chart = _helm_chart(fleet, release)
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


def _helm_chart(fleet: Fleet, release: Release) -> tuple[str, str] | None:
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


def other_clashes(fleet: Fleet, declared: Iterable[DeclaredObject], others: Iterable[OtherObject]) -> Iterator[Problem]:
    """Yield objects of other YAML that are declared too, or that stand twice in the stack's other YAML."""
    others = tuple(others)
    ours = {one.id: one for one in declared} if others else {}
    seen: dict[ObjectId, OtherObject] = {}
    for other in others:
        if other.renamed:
            continue
        identity = identity_of(other)
        if (mine := ours.get(identity)) is not None:
            owner = owner_of(fleet, mine)
            what = f"{identity} is declared by {owner.name}{_place(owner)}: two would write it"
            yield error("two-writers", what, _name_of(other), other.file.file, _one_writer(identity))
        elif (first := seen.setdefault(identity, other)) is not other:
            what = f"{identity} stands in {first.file.file} too: two would write it"
            yield error("two-writers", what, _name_of(other), other.file.file, "keep one of them")


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
