"""Kustomizations of apps: one for each, which applies its other YAML and carries order and health."""

from collections.abc import Collection
from typing import Any

from fluxapps.model import preset
from fluxapps.model.declare.bootstrap import namespace_ids
from fluxapps.model.declare.claims import kept_claims
from fluxapps.model.declare.manifests import manifest, pruned, with_metadata
from fluxapps.model.declare.names import HELM_RELEASE_API, KUSTOMIZATION_API, KUSTOMIZE, SKIP_AWAIT, SOURCE
from fluxapps.model.declare.releases import GRACE, HELM_TIMEOUT, release_id, release_timeout
from fluxapps.model.declare.system import bootstrap_kustomization_ids
from fluxapps.model.durations import duration, seconds
from fluxapps.model.layers import merge_fields
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.resolved import App, Fleet


def kustomization_id(fleet: Fleet, app: str) -> ObjectId:
    """Return the identity of the Kustomization of the app named *app*: its own metadata may say name and namespace."""
    found = fleet.app_named(app)
    metadata = found.kustomization.get("metadata") if found is not None else None
    said: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
    namespace, name = said.get("namespace") or fleet.flux_namespace, said.get("name") or app
    return ObjectId(KUSTOMIZE, "Kustomization", namespace, name)


def has_kustomization(fleet: Fleet) -> bool:
    """Return whether apps have Kustomizations: where Flux reads this repository."""
    return fleet.git is not None


def kustomization(fleet: Fleet, app: App, wait_ready: int | None) -> DeclaredObject | None:
    """Return the Kustomization of *app*; None where Flux doesn't read this repository.

    *wait_ready* is how many seconds Pulumi waits for it, see :func:`waits_of`.
    """
    if fleet.git is None:
        return None
    spec = _spec(fleet, app, fleet.git.name, fleet.git.path)
    identity = kustomization_id(fleet, app.name)
    made = manifest(KUSTOMIZATION_API, "Kustomization", identity.name, identity.namespace, spec=spec)
    return DeclaredObject(
        manifest=with_metadata(made, app.kustomization.get("metadata") or {}),
        role=Role.KUSTOMIZATION,
        logical_name=f"{identity.namespace}/{identity.name}",
        app=app.name,
        after=_after(fleet, app),
        wait_ready=wait_ready,
        # A reconciliation that goes on, and the termination of what it applied.
        gone_within=2 * int(_timeout_of(app)) + GRACE,
    )


def waits_of(fleet: Fleet, apps: Collection[App]) -> dict[str, int]:
    """Return for each of *apps* (in topological order) that Pulumi waits for, how many seconds it does.

    Two tries of Flux's own and what lies between them, after those that its Kustomization waits for itself.
    """
    ready_within: dict[str, int] = {}
    for app in apps:
        timeout = _timeout_of(app)
        between = seconds(app.kustomization.get("retryInterval")) or seconds(app.kustomization.get("interval")) or 0.0
        before = max((ready_within[name] for name in fleet.app_dependencies(app) if name != app.name), default=0)
        ready_within[app.name] = before + int(2 * timeout + min(between, timeout))
    waited = (app.name for app in apps if is_waited_for(fleet, app) and not _skips_await(app))
    return {name: ready_within[name] for name in waited}


def is_waited_for(fleet: Fleet, app: App | None) -> bool:
    """Return whether Pulumi waits for *app*'s Kustomization: a release depends on what only it applies.

    A suspended one never gets Ready.
    """
    if app is None or fleet.delivery == "git" or app.kustomization.get("suspend") is True:
        return False
    return (app.has_other_yaml or not app.releases) and fleet.is_needed_by_release(app.name)


def _skips_await(app: App) -> bool:
    """Return whether its Kustomization says to Pulumi not to wait for it; what is made after it still is."""
    metadata = app.kustomization.get("metadata")
    said = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(said, dict) and said.items() >= SKIP_AWAIT.items()


def _spec(fleet: Fleet, app: App, source: str, git_path: str) -> dict[str, Any]:
    path = f"./{app.source.folder}" if fleet.delivery == "apply" else f"./{git_path}/{app.name}".replace("././", "./")
    spec: dict[str, Any] = {"path": path, "sourceRef": {"kind": "GitRepository", "name": source}}
    namespace = kustomization_id(fleet, app.name).namespace
    if namespace != fleet.flux_namespace:
        spec["sourceRef"]["namespace"] = fleet.flux_namespace
    if names := [name for name in fleet.app_dependencies(app) if name != app.name]:
        spec["dependsOn"] = [_dependency(kustomization_id(fleet, name), namespace) for name in names]
    generated = {"timeout": _timeout(app), **_health(fleet, app)}
    spec |= {name: value for name, value in generated.items() if name in app.generated}
    said = {key: value for key, value in app.kustomization.items() if key != "metadata"}
    merged = merge_fields(spec, said)
    if (kept := kept_claims(fleet, app)) is not None:
        # Before the user's, which may then say otherwise.
        merged["patches"] = [kept, *(merged.get("patches") or ())]
    return pruned(merged) or {}


def _dependency(other: ObjectId, namespace: str) -> dict[str, str]:
    """Return how a Kustomization in *namespace* names *other* in its ``dependsOn``."""
    return {"name": other.name} | ({} if other.namespace == namespace else {"namespace": other.namespace})


def _health(fleet: Fleet, app: App) -> dict[str, Any]:
    """Return what the Kustomization's Ready says of the app's health.

    In apply delivery its releases are Pulumi's, so ``wait`` (which looks at what it applies itself, and silences
    healthChecks) would say nothing of them. A Kustomization that checks a failing release holds one of
    kustomize-controller's few workers: only those do that something depends on.
    """
    if "healthChecks" not in app.generated:
        return {}
    if fleet.delivery == "git" or not app.releases:
        return {"wait": True}
    if not fleet.is_needed(app.name):
        return {}
    checks = [
        {"apiVersion": HELM_RELEASE_API, "kind": "HelmRelease", "name": one.name, "namespace": one.namespace}
        for one in app.releases
    ]
    return {"healthChecks": checks}


def _timeout(app: App) -> str:
    if not app.releases:
        return preset.TIMEOUT_WITHOUT_RELEASE
    return duration(max(release_timeout(release) for release in app.releases) + preset.TIMEOUT_BEYOND_RELEASES)


def _timeout_of(app: App) -> float:
    """Return how long one reconciliation of its Kustomization may take, in seconds."""
    return seconds(app.kustomization.get("timeout")) or seconds(_timeout(app)) or HELM_TIMEOUT


def _after(fleet: Fleet, app: App) -> tuple[ObjectId, ...]:
    """Return what is made before it and removed after it: on destroy its YAML goes while the app's operator lives."""
    after = [ObjectId(SOURCE, "GitRepository", fleet.flux_namespace, fleet.git.name)] if fleet.git is not None else []
    after += [kustomization_id(fleet, name) for name in fleet.app_dependencies(app) if name != app.name]
    after += [release_id(release) for release in app.releases]
    after += bootstrap_kustomization_ids(fleet)
    target = app.kustomization.get("targetNamespace")
    own = kustomization_id(fleet, app.name).namespace
    own_namespace = None if app.releases else app.namespace
    after += namespace_ids(fleet, own_namespace, own, target if isinstance(target, str) else None)
    return tuple(after)
