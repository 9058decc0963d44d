"""What points a stack at the local cluster's own charts and at this working tree's commits, and makes it wait."""

from dataclasses import dataclass
from typing import Any

from fluxapps.model import Fleet
from fluxapps.model.declare.kustomizations import has_kustomization, is_waited_for
from fluxapps.model.declare.names import SKIP_AWAIT
from fluxapps.model.resolved import Repository

_OF_THE_REAL_ONE = (
    *("secretRef", "certSecretRef", "proxySecretRef", "serviceAccountName", "provider", "verify"),
    *("passCredentials", "accessFrom"),
)
"""Fields of a source that say how to be let in where it is, and whom to trust there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where the local cluster has what Flux reads."""

    charts: str
    """A Helm repository."""
    registry: str
    """The same charts in an OCI registry that speaks plain HTTP, ``oci://…`` without the chart's name."""
    git: str
    """This working tree's commits."""
    branch: str


def overlay(fleet: Fleet, servers: Servers) -> dict[str, Any]:
    """Return the fields of ``cluster`` that stand over those of *fleet*'s files while it runs on the local cluster."""
    sources = {name: _stand_in(one, servers) for name, one in fleet.repositories.items()}
    said: dict[str, Any] = {"repositories": {name: fields for name, fields in sources.items() if fields}}
    if fleet.git is not None:
        # Its own ref would stand instead of the branch.
        said["git"] = {**_opened(fleet.git.spec, "ref"), "url": servers.git, "branch": servers.branch}
    if not any("wait" in said for layer in fleet.layers for said in (layer.data, layer.data.get("defaults") or {})):
        # The files say nothing of what is waited for.
        said["wait"] = "ready"
    return said


def without_flux(fleet: Fleet) -> dict[str, Any]:
    """Return the fields of ``cluster`` by which nothing of *fleet* is waited for: no controller makes it Ready."""
    apps: dict[str, dict[str, Any]] = {app.name: {"wait": "none"} for app in fleet.apps if app.granted is not None}
    for app in fleet.apps:
        if has_kustomization(fleet) and is_waited_for(fleet, app):
            # A release depends on what it applies: Pulumi waits, whatever `wait` says.
            apps.setdefault(app.name, {})["kustomization"] = {"metadata": {"annotations": SKIP_AWAIT}}
    said: dict[str, Any] = {"wait": "none"} if fleet.granted is not None else {}
    return {**said, "apps": apps} if apps else said


def _stand_in(repository: Repository, servers: Servers) -> dict[str, Any]:
    """Return the fields by which a source of charts is ours; none for what isn't charts in a repository."""
    opened = _opened(repository.spec)
    if repository.url.startswith("http") and repository.kind == "HelmRepository":
        return {**opened, "url": servers.charts}
    if not repository.url.startswith("oci:"):
        return {}
    chart = "" if repository.kind != "OCIRepository" or repository.is_template else repository.url.rpartition("/")[2]
    return {**opened, "url": f"{servers.registry}/{chart}".rstrip("/"), "insecure": True}


def _opened(spec: dict[str, Any], *fields: str) -> dict[str, None]:
    """Return what takes fields away that mean nothing to the local cluster's servers."""
    return dict.fromkeys(field for field in (*_OF_THE_REAL_ONE, *fields) if field in spec)
