"""Says what of a cluster stands in the way of a deployment, whose it is, and the ways out."""

import posixpath
from collections.abc import Collection, Iterator

from fluxapps.engine.adoption import Survey
from fluxapps.engine.cluster import Cluster, plural
from fluxapps.engine.owner import FLUX_OWNER, OTHER_STACK
from fluxapps.model.declare.names import HELM, HELM_RELEASE_API, KUSTOMIZE, STACK_LABEL
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.resolved import App, Fleet, place
from fluxapps.model.sources import BOOTSTRAP

_SHOWN = 3
"""So many names make a sentence."""


def obstacles(
    survey: Survey, cluster: Cluster, fleet: Fleet, objects: tuple[DeclaredObject, ...], label: str
) -> Iterator[Problem]:
    """Yield a problem for each of *objects* that is somebody else's already (error) or being deleted (warning)."""
    declared = {one.id: one for one in objects}
    foreign = dict(survey.foreign)
    if _flux_delivers(survey, fleet) and (tree := [one for one in foreign if foreign[one].startswith(FLUX_OWNER)]):
        yield _delivered_by_flux(tree, cluster, fleet)
        foreign = {one: owner for one, owner in foreign.items() if one not in tree}
    for identity, owner in sorted(foreign.items()):
        yield Problem(
            code="not-ours",
            what=f"{identity} is in {cluster} already and belongs to {owner}",
            file=file_of(fleet, declared[identity]),
            fix=_ways_out(declared[identity], owner, cluster, fleet.stack, label),
        )
    for identity in sorted(survey.going):
        yield Problem(
            code="being-deleted",
            severity=Severity.WARNING,
            what=f"{identity} is being deleted in {cluster}, and can't be made anew before it is gone",
            file=file_of(fleet, declared[identity]),
            fix=f"wait for it (kubectl {cluster.choice.flags} get {reference_to(identity)}), then run this again",
        )


def delivery_changed(cluster: Cluster, fleet: Fleet, label: str) -> list[Problem]:
    """Return a problem where Pulumi would delete the releases that it delivered, because Flux is to from now on.

    Raises:
        ClusterError: The cluster can't be read.
    """
    if fleet.delivery != "git":
        return []
    left = cluster.metadata_of_all(HELM_RELEASE_API, "HelmRelease", label=f"{STACK_LABEL}={label}")
    if not left:
        return []
    some = ", ".join(f"{one.namespace}/{one.name}" for one in sorted(left)[:_SHOWN])
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    problem = Problem(
        code="delivery-changed",
        what=f"with `delivery: git` this would uninstall what Pulumi delivered to {cluster}: {some}{more}",
        fix="say `delivery: apply` again; to hand them over to Flux as they run, then: "
        f"fluxapps detach --all --stack {fleet.stack}, and only then `delivery: git`, render, commit and push, up",
        **place(fleet.origin("delivery"), f"Pulumi.{fleet.stack}.yaml"),
    )
    return [problem]


def _flux_delivers(survey: Survey, fleet: Fleet) -> bool:
    """Return whether the stack's own Kustomization still applies the rendered tree, though Pulumi is to deliver now."""
    if fleet.git is None or fleet.delivery == "git":
        return False
    found = survey.live.get(ObjectId(KUSTOMIZE, "Kustomization", fleet.flux_namespace, fleet.git.name))
    tree = posixpath.normpath(posixpath.join(fleet.git.path, BOOTSTRAP))
    return found is not None and posixpath.normpath(str(found["spec"].get("path") or "")) == tree


def _delivered_by_flux(objects: list[ObjectId], cluster: Cluster, fleet: Fleet) -> Problem:
    return Problem(
        code="delivery-changed",
        what=f"with `delivery: apply` Pulumi would write what Flux delivers from Git to {cluster}: {_some(objects)}",
        fix=f"have Pulumi take them over as they run: fluxapps attach --all --stack {fleet.stack}; "
        "or say `delivery: git` again",
        **place(fleet.origin("delivery"), f"Pulumi.{fleet.stack}.yaml"),
    )


def _some(objects: Collection[ObjectId]) -> str:
    more = f" and {len(objects) - _SHOWN} more" if len(objects) > _SHOWN else ""
    return ", ".join(map(str, sorted(objects)[:_SHOWN])) + more


def file_of(fleet: Fleet, declared: DeclaredObject) -> str:
    """Return the file that makes us declare it."""
    app = fleet.app_named(declared.app) if declared.app is not None else None
    if app is None and declared.role is Role.NAMESPACE and declared.id.name not in fleet.namespaces:
        app = next((one for one in fleet.apps if _is_in(one, declared.id.name)), None)
    if app is not None:
        return app.source.file.file
    is_ours = declared.id.name in fleet.namespaces or declared.id.name in fleet.repositories
    if is_ours and fleet.sources.fleet is not None:
        return fleet.sources.fleet.file
    return f"Pulumi.{fleet.stack}.yaml"


def _is_in(app: App, namespace: str) -> bool:
    return app.namespace == namespace or any(
        namespace in (one.namespace, one.release_namespace, one.storage_namespace) for one in app.releases
    )


def _ways_out(one: DeclaredObject, owner: str, cluster: Cluster, stack: str, label: str) -> str:
    identity, app = one.id, one.app
    kubectl = f"kubectl {cluster.choice.flags}"
    if owner.startswith(OTHER_STACK):
        old, kind = owner.removeprefix(OTHER_STACK), reference_to(identity).partition(" ")[0]
        every = f"{kubectl} label {kind} -A -l {STACK_LABEL}={old} --overwrite {STACK_LABEL}={label}"
        detach = f"fluxapps detach {app or '--all'} --stack {old.partition('.')[2] or old}"
        attach = f"fluxapps attach {app or '--all'} --stack {stack}"
        return (
            f"take it out of one of the two stacks; to move it as it runs: {detach}, then {attach}; "
            f"or, if stack {old} was renamed to this one, give it all: {every}"
        )
    take = f"have this stack take it over as it runs: fluxapps attach {app or '--all'} --stack {stack}"
    if identity.kind == "Namespace":
        return f"leave it to them: `namespaces: {{{identity.name}: {{external: true}}}}`; or {take}"
    gone = "name the release otherwise" if identity.group == HELM else "delete it"
    return f"{take}; or {gone}"


def reference_to(identity: ObjectId) -> str:
    """Return *identity* as kubectl takes it: ``helmreleases.helm.toolkit.fluxcd.io web -n web``."""
    resource = f"{plural(identity.kind)}.{identity.group}".rstrip(".")
    return f"{resource} {identity.name}" + (f" -n {identity.namespace}" if identity.namespace else "")
