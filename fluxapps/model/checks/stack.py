"""All checks of a stack, in the order in which one rests on the other."""

from collections.abc import Iterator
from graphlib import CycleError

from fluxapps.model.checks.dependencies import dependency_problems
from fluxapps.model.checks.fields import field_problems
from fluxapps.model.checks.flux_dependencies import flux_dependency_problems
from fluxapps.model.checks.flux_fields import metadata_problems, schema_problems, unmade_problems
from fluxapps.model.checks.folders import folders
from fluxapps.model.checks.git import git_problems
from fluxapps.model.checks.names import name_problems
from fluxapps.model.checks.other_releases import other_release_clashes
from fluxapps.model.checks.other_yaml import layout_problems, object_problems
from fluxapps.model.checks.ownership import (
    APP,
    BOOTSTRAP,
    SYSTEM,
    Groups,
    declared_clashes,
    other_clashes,
    release_clashes,
)
from fluxapps.model.checks.repositories import repository_problems, unused_problems
from fluxapps.model.checks.values import size_problem, values_problems
from fluxapps.model.collector import collector_paused
from fluxapps.model.declare import Declaration, declare
from fluxapps.model.declare.bootstrap import declared_namespaces, declared_sources
from fluxapps.model.declare.kustomizations import kustomization
from fluxapps.model.declare.releases import release_objects
from fluxapps.model.declare.system import system_objects
from fluxapps.model.objects import DeclaredObject, Role
from fluxapps.model.problems import Problem
from fluxapps.model.resolved import Fleet


@collector_paused
def check(fleet: Fleet) -> list[Problem]:
    """Return all problems of *fleet*, sorted by place; errors mean that it can't be declared."""
    # A fault in what apps have in common is met again by each of them.
    found = dict.fromkeys(_problems(fleet))
    return sorted(found, key=lambda problem: problem.order)


def _problems(fleet: Fleet) -> Iterator[Problem]:
    yield from fleet.sources.problems
    yield from name_problems(fleet)
    yield from field_problems(fleet)
    yield from dependency_problems(fleet)
    yield from repository_problems(fleet)
    yield from values_problems(fleet)
    yield from git_problems(fleet)
    yield from layout_problems(fleet)
    yield from release_clashes(fleet)
    read = folders(fleet)
    others = [one for folder in read for one in folder.objects]
    for folder in read:
        yield from folder.problems
    yield from object_problems(fleet, others)
    yield from flux_dependency_problems(fleet, others)
    yield from other_release_clashes(fleet, others)
    yield from unused_problems(fleet, others)
    misshapen = list(metadata_problems(fleet))
    yield from misshapen
    groups: Groups = [] if misshapen else _declared(fleet)
    yield from declared_clashes(fleet, groups)
    objects = [one for _, group in groups for one in group]
    yield from other_clashes(fleet, groups, others)
    yield from unmade_problems(fleet)
    for declared in objects:
        yield from schema_problems(fleet, declared)
        if declared.role is Role.VALUES and (problem := _size(fleet, declared)) is not None:
            yield problem


def _size(fleet: Fleet, declared: DeclaredObject) -> Problem | None:
    app = fleet.app_named(declared.app or "")
    return size_problem(app, declared) if app is not None else None


def _declared(fleet: Fleet) -> Groups:
    """Return what *fleet* declares, in no order where its ``dependsOn`` goes round."""
    try:
        return _groups(declare(fleet))
    except CycleError:
        apps = [one for app in fleet.apps for one in _unordered(fleet, app.name)]
        shared = (*declared_namespaces(fleet), *declared_sources(fleet))
        return [(SYSTEM, system_objects(fleet, None)), (BOOTSTRAP, shared), (APP, tuple(apps))]


def _groups(declaration: Declaration) -> Groups:
    apps = tuple(one for app in declaration.apps for one in app.objects)
    return [(SYSTEM, declaration.system), (BOOTSTRAP, declaration.bootstrap), (APP, apps)]


def _unordered(fleet: Fleet, name: str) -> Iterator[DeclaredObject]:
    app = fleet.app_named(name)
    assert app is not None  # noqa: S101 - asked by the name of an enabled app; mypy can't know
    for release in app.releases:
        yield from (one for one in release_objects(fleet, app, release, ()) if one is not None)
    if (last := kustomization(fleet, app, None)) is not None:
        yield last
