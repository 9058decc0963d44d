"""Says what of a cluster stands in the way of a deployment, whose it is, and the ways out."""

from collections.abc import Iterator

from fluxapps.engine.adoption import Survey
from fluxapps.engine.cluster import Cluster, plural
from fluxapps.engine.owner import OTHER_STACK
from fluxapps.model.declare.names import HELM, HELM_RELEASE_API, SSA_IGNORE, STACK_LABEL
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.resolved import App, Fleet, place

_SHOWN = 3
"""So many names make a sentence."""


def obstacles(
    survey: Survey, cluster: Cluster, fleet: Fleet, objects: tuple[DeclaredObject, ...], label: str
) -> Iterator[Problem]:
    """Yield a problem for each of *objects* that is somebody else's already (error) or being deleted (warning)."""
    files = {one.id: file_of(fleet, one) for one in objects}
    for identity, owner in sorted(survey.foreign.items()):
        yield Problem(
            code="not-ours",
            what=f"{identity} is in {cluster} already and belongs to {owner}",
            file=files[identity],
            fix=_ways_out(identity, owner, cluster, label),
        )
    for identity in sorted(survey.going):
        yield Problem(
            code="being-deleted",
            severity=Severity.WARNING,
            what=f"{identity} is being deleted in {cluster}, and can't be made anew before it is gone",
            file=files[identity],
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
        fix=f"say `delivery: apply` again; to have them uninstalled, pulumi destroy --stack {fleet.stack} first",
        **place(fleet.origin("delivery"), f"Pulumi.{fleet.stack}.yaml"),
    )
    return [problem]


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


def _ways_out(identity: ObjectId, owner: str, cluster: Cluster, label: str) -> str:
    kubectl = f"kubectl {cluster.choice.flags}"
    if owner.startswith(OTHER_STACK):
        old, kind = owner.removeprefix(OTHER_STACK), reference_to(identity).partition(" ")[0]
        every = f"{kubectl} label {kind} -A -l {STACK_LABEL}={old} --overwrite {STACK_LABEL}={label}"
        return f"take it out of one of the two stacks; or, if stack {old} was renamed to this one, give it all: {every}"
    take = f"give it to this stack: {kubectl} label {reference_to(identity)} --overwrite {STACK_LABEL}={label}"
    if identity.kind == "Namespace":
        return f"leave it to them: `namespaces: {{{identity.name}: {{external: true}}}}`; or {take}"
    (key, value), *_ = SSA_IGNORE.items()
    mark = f"{kubectl} annotate {reference_to(identity)} {key}={value}"
    flux = f"; where Flux applies it, first take it from Flux: {mark}"
    gone = "name the release otherwise" if identity.group == HELM else "delete it"
    return f"{gone}; or {take}{flux}"


def reference_to(identity: ObjectId) -> str:
    """Return *identity* as kubectl takes it: ``helmreleases.helm.toolkit.fluxcd.io web -n web``."""
    resource = f"{plural(identity.kind)}.{identity.group}".rstrip(".")
    return f"{resource} {identity.name}" + (f" -n {identity.namespace}" if identity.namespace else "")
