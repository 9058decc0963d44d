"""Which namespaces what is said is in: those that the model would declare."""

from collections.abc import Iterable, Iterator
from typing import Any

from fluxapps.importing.said import AppSaid


def used_namespaces(apps: Iterable[AppSaid]) -> set[str]:
    """Return the namespaces that *apps* use."""
    used: set[str] = set()
    for app in apps:
        shared = app.fields.get("namespace")
        for release in releases_said(app.fields):
            used.add(release.get("namespace") or shared or app.name)
            spec = release.get("release") or {}
            used |= {spec[key] for key in ("targetNamespace", "storageNamespace") if isinstance(spec.get(key), str)}
        kustomization = app.fields.get("kustomization") or {}
        used |= {
            name
            for name in (
                kustomization.get("targetNamespace"),
                (kustomization.get("metadata") or {}).get("namespace"),
            )
            if isinstance(name, str)
        }
    return used


def releases_said(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the releases that *fields* of an app say."""
    if "releases" in fields:
        yield from fields["releases"].values()
    elif "chart" in fields:
        yield fields
