"""Kustomizations of apps: one for each, which applies its other YAML and carries order and health."""

from typing import Any

from fluxapps.model import preset
from fluxapps.model.declare.bootstrap import is_ours
from fluxapps.model.declare.manifests import manifest, pruned, with_metadata
from fluxapps.model.declare.names import HELM_RELEASE_API, KUSTOMIZATION_API, KUSTOMIZE, SOURCE
from fluxapps.model.declare.releases import release_id
from fluxapps.model.durations import duration, seconds
from fluxapps.model.layers import merge_fields
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.resolved import App, Fleet, Release

_HELM_TIMEOUT = 300.0
"""Seconds Flux gives a Helm action unless told."""


def kustomization_id(fleet: Fleet, app: str) -> ObjectId:
    """Return the identity of the Kustomization of the app named *app*."""
    return ObjectId(KUSTOMIZE, "Kustomization", fleet.flux_namespace, app)


def has_kustomization(fleet: Fleet) -> bool:
    """Return whether apps have Kustomizations: where Flux reads this repository."""
    return fleet.git is not None


def kustomization(fleet: Fleet, app: App) -> DeclaredObject | None:
    """Return the Kustomization of *app*; None where Flux doesn't read this repository."""
    if fleet.git is None:
        return None
    spec = _spec(fleet, app, fleet.git.name, fleet.git.path)
    made = manifest(KUSTOMIZATION_API, "Kustomization", app.name, fleet.flux_namespace, spec=spec)
    return DeclaredObject(
        manifest=with_metadata(made, app.kustomization.get("metadata") or {}),
        role=Role.KUSTOMIZATION,
        logical_name=f"{fleet.flux_namespace}/{app.name}",
        app=app.name,
        after=_after(fleet, app),
        wait_ready=_wait_ready(spec) if is_waited_for(fleet, app) else None,
    )


def is_waited_for(fleet: Fleet, app: App) -> bool:
    """Return whether Pulumi waits for *app*'s Kustomization: a release depends on YAML that only it applies."""
    return fleet.delivery == "apply" and app.has_other_yaml and fleet.is_needed_by_release(app.name)


def _spec(fleet: Fleet, app: App, source: str, git_path: str) -> dict[str, Any]:
    path = f"./{app.source.folder}" if fleet.delivery == "apply" else f"./{git_path}/{app.name}".replace("././", "./")
    spec: dict[str, Any] = {"path": path, "sourceRef": {"kind": "GitRepository", "name": source}}
    if names := [name for name in fleet.app_dependencies(app) if name != app.name]:
        spec["dependsOn"] = [{"name": name} for name in names]
    if fleet.preset:
        spec["timeout"] = _timeout(app)
        spec |= _health(fleet, app)
    said = {key: value for key, value in app.kustomization.items() if key != "metadata"}
    return pruned(merge_fields(spec, said)) or {}


def _health(fleet: Fleet, app: App) -> dict[str, Any]:
    """Return what the Kustomization's Ready says of the app's health.

    In apply delivery its releases are Pulumi's, so ``wait`` (which looks at what it applies itself, and silences
    healthChecks) would say nothing of them. A Kustomization that checks a failing release holds one of
    kustomize-controller's few workers: only those do that something depends on.
    """
    if "healthChecks" in app.said_kustomization:
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
    return duration(max(_release_timeout(release) for release in app.releases) + preset.TIMEOUT_BEYOND_RELEASES)


def _release_timeout(release: Release) -> float:
    """Return the longest timeout of one of Helm's actions, in seconds."""
    actions = [release.spec.get(action) for action in ("install", "upgrade", "rollback", "uninstall", "test")]
    said = [release.spec.get("timeout"), *(action.get("timeout") for action in actions if isinstance(action, dict))]
    known = [length for one in said if (length := seconds(one)) is not None]
    if "timeout" not in release.spec:
        known.append(_HELM_TIMEOUT)
    return max(known, default=_HELM_TIMEOUT)


def _wait_ready(spec: dict[str, Any]) -> int:
    """Return how long Pulumi waits for Ready, in seconds: two tries of Flux's own, and what lies between them."""
    timeout = seconds(spec.get("timeout")) or _HELM_TIMEOUT
    retry = seconds(spec.get("retryInterval")) or seconds(spec.get("interval")) or 0.0
    return int(2 * timeout + min(retry, timeout))


def _after(fleet: Fleet, app: App) -> tuple[ObjectId, ...]:
    """Return what is made before it and removed after it: on destroy its YAML goes while the app's operator lives."""
    after = [ObjectId(SOURCE, "GitRepository", fleet.flux_namespace, fleet.git.name)] if fleet.git is not None else []
    after += [kustomization_id(fleet, name) for name in fleet.app_dependencies(app) if name != app.name]
    after += [release_id(release) for release in app.releases]
    if not app.releases and app.namespace is not None and is_ours(fleet, app.namespace):
        after.append(ObjectId("", "Namespace", "", app.namespace))
    return tuple(after)
