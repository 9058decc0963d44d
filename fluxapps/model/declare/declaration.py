"""A stack's objects as a whole, and which of them Pulumi delivers."""

from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from fluxapps.model.collector import collector_paused
from fluxapps.model.declare.bootstrap import declared_namespaces, declared_sources, namespace_ids
from fluxapps.model.declare.kustomizations import (
    has_kustomization,
    is_waited_for,
    kustomization,
    kustomization_id,
    waits_of,
)
from fluxapps.model.declare.marks import marked
from fluxapps.model.declare.names import stack_label
from fluxapps.model.declare.order import apps_in_order, releases_in_order
from fluxapps.model.declare.releases import release_id, release_objects, releases_called
from fluxapps.model.declare.system import bootstrap_kustomization_ids, system_objects
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.resolved import App, Delivery, Fleet, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDeclaration:
    """One app's objects, each after those it needs."""

    name: str
    namespace: str | None
    objects: tuple[DeclaredObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """All objects of a stack."""

    project: str
    stack: str
    delivery: Delivery
    flux_namespace: str
    system: tuple[DeclaredObject, ...]
    """Where Flux reads this repository."""
    bootstrap: tuple[DeclaredObject, ...]
    """Namespaces and sources that apps share."""
    apps: tuple[AppDeclaration, ...]
    """In topological order, by name where order leaves a choice."""
    granted: dict[ObjectId, int]
    """What ``up`` is to wait for until it is Ready, and how many failed tries each is granted."""
    outputs: dict[str, Any]
    """What a person wants to see after ``pulumi up``."""

    @property
    def label(self) -> str:
        """Return the value of the label ``fluxapps/stack``."""
        return stack_label(self.project, self.stack)

    def objects(self) -> tuple[DeclaredObject, ...]:
        """Return every object."""
        return (*self.system, *self.bootstrap, *(one for app in self.apps for one in app.objects))

    def for_pulumi(self) -> "Declaration":
        """Return what Pulumi delivers, with our marks: all in ``apply``, only FluxSystem in ``git``."""
        system = marked(self.system, self.label)
        if self.delivery == "git":
            return replace(self, system=system, bootstrap=(), apps=())
        apps = tuple(replace(app, objects=marked(app.objects, self.label)) for app in self.apps)
        return replace(self, system=system, bootstrap=marked(self.bootstrap, self.label), apps=apps)


_declared: WeakKeyDictionary[Fleet, Declaration] = WeakKeyDictionary()
"""What a fleet declares, so that who checks it and who then delivers it don't both build it."""


@collector_paused
def declare(fleet: Fleet, commit: str | None = None) -> Declaration:
    """Return the objects of *fleet*, which has passed its checks; *commit* is the pinned one, if any.

    Raises:
        graphlib.CycleError: Its apps depend on each other; the checks find that first.
    """
    if (made := _declared.get(fleet)) is None:
        made = _declared[fleet] = _declare(fleet)
    return made if commit is None else replace(made, system=system_objects(fleet, commit))


def _declare(fleet: Fleet) -> Declaration:
    apps = apps_in_order(fleet)
    waits = waits_of(fleet, apps)
    return Declaration(
        project=fleet.project,
        stack=fleet.stack,
        delivery=fleet.delivery,
        flux_namespace=fleet.flux_namespace,
        system=system_objects(fleet, None),
        bootstrap=declared_namespaces(fleet) + declared_sources(fleet),
        apps=tuple(_app(fleet, app, waits) for app in apps),
        granted=_granted(fleet),
        outputs=_outputs(fleet, apps),
    )


def _granted(fleet: Fleet) -> dict[ObjectId, int]:
    """Return what ``up`` waits for: never for what is declared as suspended, which doesn't get Ready."""
    granted: dict[ObjectId, int] = {}
    if fleet.granted is not None:
        granted |= {one.id: fleet.granted for one in system_objects(fleet, None) if one.role is Role.KUSTOMIZATION}
    for app in fleet.apps:
        if app.granted is None:
            continue
        for release in app.releases:
            if release.spec.get("suspend") is not True:
                granted[release_id(release)] = app.granted
        if has_kustomization(fleet) and app.kustomization.get("suspend") is not True:
            granted[kustomization_id(fleet, app.name)] = app.granted
    return granted


def _app(fleet: Fleet, app: App, waits: dict[str, int]) -> AppDeclaration:
    objects: list[DeclaredObject] = []
    for release in releases_in_order(app):
        namespace = namespace_ids(fleet, release.namespace, release.release_namespace, release.storage_namespace)
        before = (*namespace, *bootstrap_kustomization_ids(fleet), *_dependencies_before(fleet, app, release))
        made = release_objects(fleet, app, release, before)
        own = [one for one in (made.source, made.values) if one is not None]
        objects += [replace(one, after=(*namespace, *one.after)) for one in own]
        objects.append(made.release)
    if (last := kustomization(fleet, app, waits.get(app.name))) is not None:
        objects.append(last)
    return AppDeclaration(name=app.name, namespace=app.namespace, objects=tuple(objects))


def _dependencies_before(fleet: Fleet, app: App, release: Release) -> tuple[ObjectId, ...]:
    """Return the releases, and Kustomizations of other YAML, that are there before *release*."""
    before: dict[ObjectId, None] = {}
    for name in (*app.depends_on, *(release.depends_on if release.key is not None else ())):
        for other in releases_called(fleet, name):
            if other is not release:
                before[release_id(other)] = None
        other_app = fleet.app_named(name.partition("/")[0])
        if (
            other_app is not None
            and other_app is not app
            and has_kustomization(fleet)
            and is_waited_for(fleet, other_app)
        ):
            before[kustomization_id(fleet, other_app.name)] = None
    return tuple(before)


def _outputs(fleet: Fleet, apps: tuple[App, ...]) -> dict[str, Any]:
    """Return what a person wants to see after ``up``: a line an app, since Pulumi prints it all."""
    return {
        "delivery": fleet.delivery,
        "namespaces": ", ".join(one.id.name for one in declared_namespaces(fleet)),
        "apps": {app.name: ", ".join(_summary(one) for one in app.releases) or "plain YAML" for app in apps},
    }


def _summary(release: Release) -> str:
    """Return ``keycloakx 7.1.x in identity/keycloak``."""
    version = f" {release.version}" if release.version else ""
    return f"{release.chart or release.repository}{version} in {release.namespace}/{release.name}"
