"""Namespaces: what they say, and which of them what is said is in: those that the model would declare."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fluxapps.importing.apps import place_of
from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.said import AppSaid, CannotSayError, Kept, StackSaid
from fluxapps.importing.sources import namespace_said


def say_namespaces(stack: StackSaid, moved: Iterable[Built], root: list[Built]) -> dict[str, dict[str, Any]]:
    """Return what the Namespaces in *moved* have beside their name.

    Those that can't be said stay other YAML, of no app: they are added to *root*, and noted in *stack*.
    """
    said: dict[str, dict[str, Any]] = {}
    for one in moved:
        if one.kind != "Namespace":
            continue
        foreign = _is_foreign(stack, one.name)
        try:
            said[one.name] = namespace_said(one, foreign=foreign)
        except CannotSayError as why:
            stack.kept.append(Kept(str(one.id), *place_of(one), str(why)))
            root.append(one)
            if not foreign:
                stack.namespaces[one.name] = {"external": True}
    return said


def use_namespaces(stack: StackSaid, said: Mapping[str, dict[str, Any]], of_sources: Iterable[str]) -> None:
    """Say in *stack* what *said* has, and which of the namespaces in use (*of_sources* too) are somebody else's."""
    used = used_namespaces(stack.apps.values()) | set(of_sources)
    for name, fields in said.items():
        if fields or name not in used:
            stack.namespaces[name] = fields
    for name in used - set(said) - set(stack.namespaces):
        if not _is_foreign(stack, name):
            stack.namespaces[name] = {"external": True}


def _is_foreign(stack: StackSaid, namespace: str) -> bool:
    return namespace in ("default", stack.flux_namespace) or namespace.startswith("kube-")


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
