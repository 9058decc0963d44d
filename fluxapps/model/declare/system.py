"""FluxSystem: the stack's GitRepository, and the Kustomization on what belongs to no app."""

from typing import Any

from fluxapps.model.declare.claims import kept_shared_claims
from fluxapps.model.declare.manifests import manifest, pruned, with_metadata
from fluxapps.model.declare.names import KUSTOMIZATION_API, KUSTOMIZE, SOURCE_API
from fluxapps.model.layers import merge_fields
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.resolved import SETTINGS_FILES, Fleet, GitSource
from fluxapps.model.sources import BOOTSTRAP

_GIT_INTERVAL = "1m"
_BOOTSTRAP_SPEC = {"interval": "10m", "prune": True, "deletionPolicy": "WaitForTermination"}


def bootstrap_kustomization_ids(fleet: Fleet) -> tuple[ObjectId, ...]:
    """Return the identity of the Kustomization on YAML of no app in ``./bootstrap``, where Pulumi declares one.

    Apps come after it: on destroy its YAML (StorageClasses, issuers) goes when they are gone.
    """
    if fleet.git is None or fleet.delivery == "git" or not any(file.is_yaml for file in fleet.sources.bootstrap):
        return ()
    return (ObjectId(KUSTOMIZE, "Kustomization", fleet.flux_namespace, fleet.git.name),)


def system_objects(fleet: Fleet, commit: str | None) -> tuple[DeclaredObject, ...]:
    """Return FluxSystem's objects; *commit* is the pinned one, where ``git.follow: up`` pins it."""
    if fleet.git is None:
        return ()
    source = _git_repository(fleet, fleet.git, commit)
    path = f"./{BOOTSTRAP}" if fleet.delivery == "apply" else f"./{fleet.git.path}/{BOOTSTRAP}".replace("././", "./")
    if fleet.delivery == "apply" and not bootstrap_kustomization_ids(fleet):
        return (source,)
    reference = {"kind": "GitRepository", "name": fleet.git.name}
    spec: dict[str, Any] = {**_BOOTSTRAP_SPEC, "path": path, "sourceRef": reference}
    metadata = fleet.git.kustomization.get("metadata") or {}
    said = {key: value for key, value in fleet.git.kustomization.items() if key != "metadata"}
    spec = merge_fields(spec, said)
    if (kept := kept_shared_claims(fleet)) is not None:
        spec["patches"] = [kept, *(spec.get("patches") or ())]
    made = manifest(KUSTOMIZATION_API, "Kustomization", fleet.git.name, fleet.flux_namespace, spec=pruned(spec))
    kustomization = DeclaredObject(
        manifest=with_metadata(made, metadata),
        role=Role.KUSTOMIZATION,
        logical_name=f"{fleet.flux_namespace}/{fleet.git.name}",
        after=(source.id,),
    )
    return (source, kustomization)


def _git_repository(fleet: Fleet, git: GitSource, commit: str | None) -> DeclaredObject:
    reference = {"branch": git.branch} | ({"commit": commit} if commit is not None else {})
    spec: dict[str, Any] = {"interval": _GIT_INTERVAL, "url": git.url, "ref": reference, **git.spec}
    if fleet.delivery == "apply":
        # Lines of the user's first: ours only take away, and the last one that matches counts.
        spec["ignore"] = "\n".join([*str(git.spec.get("ignore", "")).splitlines(), *ignored(fleet.stack), ""])
    made = manifest(SOURCE_API, "GitRepository", git.name, fleet.flux_namespace, spec=pruned(spec))
    return DeclaredObject(
        manifest=with_metadata(made, git.metadata),
        role=Role.SOURCE,
        logical_name=f"{fleet.flux_namespace}/{git.name}",
    )


def ignored(stack: str) -> tuple[str, ...]:
    """Return what the artifact of *stack* leaves out, as ``spec.ignore`` spells it: our own files, other stacks' YAML.

    ``**/.sops.yaml`` stands among Flux's default exclusions, which a ``spec.ignore`` replaces.
    """
    return (*SETTINGS_FILES, "apps/**/stacks/*/", f"!apps/**/stacks/{stack}/", "**/.sops.yaml")
