"""Differences between an original and what it became that are as they should be, each with the reason."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from fluxapps.importing.applied import SOURCE_GROUP, Applied
from fluxapps.importing.by_pulumi import Explained
from fluxapps.importing.clusters import Cluster
from fluxapps.importing.comparison import ABSENT, APPLIED_BY, WHOLE, Difference
from fluxapps.importing.original import FLUX_KUSTOMIZATION
from fluxapps.importing.said import StackSaid
from fluxapps.model.declare.names import HELM
from fluxapps.model.objects import ObjectId
from fluxapps.model.resolved import Fleet


@dataclass(slots=True)
class Context:
    """What explanations look at."""

    cluster: Cluster
    fleet: Fleet
    left: dict[ObjectId, str]
    """Why objects were left out."""
    kustomizations: dict[ObjectId, Applied]
    root: ObjectId | None
    by_pulumi: Explained = field(default_factory=dict)
    """What differs because Pulumi writes the releases."""

    @classmethod
    def of(cls, cluster: Cluster, fleet: Fleet, said: StackSaid) -> "Context":
        """Return the context of one comparison."""
        return cls(
            cluster,
            fleet,
            {one.id: one.why for one in said.left},
            {one.built.id: one for one in cluster.applied if one.built is not None},
            cluster.root.built.id if cluster.root.built is not None else None,
        )


def explanation(context: Context, one: Difference) -> str:
    """Return why *one* is as it should be; ``""`` where nobody knows."""
    return next((why for rule in _RULES if (why := rule(context, one))), "")


def _left_out(context: Context, one: Difference) -> str:
    return context.left.get(one.id, "") if one.field == WHOLE and one.ours is ABSENT else ""


def _system(context: Context, one: Difference) -> str:
    """Explain what Pulumi declares: GitRepository and Kustomization of the stack."""
    git = context.fleet.git
    if git is None or one.field != WHOLE or one.original is not ABSENT:
        return ""
    ours = {
        ObjectId(SOURCE_GROUP, "GitRepository", context.fleet.flux_namespace, git.name),
        ObjectId(FLUX_KUSTOMIZATION, "Kustomization", context.fleet.flux_namespace, git.name),
    }
    if one.id not in ours:
        return ""
    if context.cluster.is_bootstrapped:
        return "the stack's own, beside `flux bootstrap`'s, which goes on for Flux itself"
    return "Pulumi declares where Flux reads the repository; in the original nothing committed does"


def _new_place(context: Context, one: Difference) -> str:
    """Explain where Flux reads the repository from now on."""
    own = context.cluster.own
    if own is None:
        return ""
    if one.id == ObjectId(SOURCE_GROUP, *own) and one.field == "spec.url":
        return "what was written is read from a repository of its own, as --url says"
    applied = context.kustomizations.get(one.id)
    if one.field.startswith("spec.sourceRef.") and applied is not None and applied.source == own:
        return "it reads the stack's own GitRepository"
    return ""


def _own_app(_: Context, one: Difference) -> str:
    """Explain the Kustomization of an app whose release the root applied by itself."""
    if one.id.group != FLUX_KUSTOMIZATION or one.field != WHOLE or one.original is not ABSENT:
        return ""
    return "the root applied this release by itself; an app has a Kustomization of its own"


def _applier(_: Context, one: Difference) -> str:
    if one.field != APPLIED_BY:
        return ""
    if one.original == "":
        return "the root applied it by itself; an app has a Kustomization of its own"
    return ""


def _path(context: Context, one: Difference) -> str:
    if one.id.group == FLUX_KUSTOMIZATION and one.field.startswith("spec.sourceRef."):
        applied = context.kustomizations.get(one.id)
        if applied is not None and applied.is_ours and (applied.source or ("",))[0] == "ExternalArtifact":
            return "the rendered tree is read from the repository itself, not from an artifact made of it"
    if one.id.group == FLUX_KUSTOMIZATION and one.field == "spec.path":
        return "the rendered tree stands in a folder of its own, so that several clusters fit in one repository"
    return ""


def _nothing(_: Context, one: Difference) -> str:
    if one.ours is ABSENT and one.original is None:
        return "Kubernetes takes null for absent"
    if one.ours is ABSENT and one.original in ({}, []) and one.original is not ABSENT:
        return "Kubernetes takes an empty map or list for an absent one"
    return ""


_SAID_DEFAULTS: Final[dict[str, str]] = {"valuesKey": "values.yaml"}


def _default_said(_: Context, one: Difference) -> str:
    last = one.field.rpartition(".")[2]
    if last == "namespace" and one.ours is ABSENT and one.original == one.id.namespace:
        return "a reference without a namespace means the object's own"
    if one.original is not ABSENT:
        return ""
    if one.id.group == HELM and last == "valuesKey" and one.ours == "values.yaml":
        return "the default, which we always say"
    if last == "namespace" and one.ours == one.id.namespace and one.field.startswith("spec."):
        return "the namespace of a reference is always said; it is the object's own"
    return ""


def _baked(context: Context, one: Difference) -> str:
    applied = context.kustomizations.get(one.id)
    if applied is None or one.ours is not ABSENT:
        return ""
    field = one.field.removeprefix("spec.").partition(".")[0].partition("[")[0]
    if field in applied.baked:
        return "done in the files already: what it names lies outside of the app's folder"
    if field == "patches" and applied is context.cluster.root:
        return "done in the files already: what the root patches is said in them"
    return ""


def _gone_dependency(context: Context, one: Difference) -> str:
    """Explain the dependency on a Kustomization that isn't needed any more."""
    if one.id.group != FLUX_KUSTOMIZATION or not one.field.startswith("spec.dependsOn"):
        return ""
    gone = {identity.name for identity in context.left if identity.kind == "Kustomization"}
    applied = context.kustomizations.get(one.id)
    named = {str(entry.get("name")) for entry in (applied.spec.get("dependsOn") or ())} if applied else set()
    if gone & named:
        return f"Kustomization {', '.join(sorted(gone & named))} is gone: the stack's own one applies what it did"
    return ""


def _by_pulumi(context: Context, one: Difference) -> str:
    fields, why = context.by_pulumi.get(one.id, ((), ""))
    return why if any(one.field == each or one.field.startswith((f"{each}.", f"{each}[")) for each in fields) else ""


_RULES: Final[tuple[Callable[[Context, Difference], str], ...]] = (
    _left_out,
    _system,
    _own_app,
    _applier,
    _path,
    _new_place,
    _nothing,
    _default_said,
    _baked,
    _gone_dependency,
    _by_pulumi,
)
