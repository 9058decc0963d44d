"""Declared objects: Kubernetes objects as plain data, with what delivering them needs to know.

This is the whole contract between the model and whoever delivers (components, or a tree of files).
Settings never cross it.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, NamedTuple

Manifest = dict[str, Any]
"""A Kubernetes object as Flux or Kubernetes spells it; never an empty map or list in it (a diff for ever in Pulumi)."""


class ObjectId(NamedTuple):
    """The identity of an object in a cluster; the API version's number is not part of it."""

    group: str
    """API group, ``""`` for core."""
    kind: str
    namespace: str
    """``""`` for what has no namespace."""
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


@unique
class Role(StrEnum):
    """What an object is for."""

    NAMESPACE = "namespace"
    SOURCE = "source"
    VALUES = "values"
    RELEASE = "release"
    KUSTOMIZATION = "kustomization"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredObject:
    """One object, and what must exist before it."""

    manifest: Manifest
    role: Role
    logical_name: str
    """Pulumi's name for it: ``<namespace>/<name>``, ``<name>`` without a namespace; hashed names without their hash."""
    app: str | None = None
    """The app it belongs to; None for what apps share."""
    after: tuple[ObjectId, ...] = ()
    """Objects that are made before it and removed after it; all are declared in the same fleet."""
    wait_ready: int | None = None
    """Seconds Pulumi waits for condition Ready before it goes on to what comes after; None: it doesn't wait."""
    gone_within: int | None = None
    """Seconds that its deletion takes at most, Flux's finalizer included; None: what the engine takes for usual."""
    retain: bool = False
    """Stays in the cluster when it leaves the program (Namespaces hold other people's data)."""
    adopt: bool = False
    """It is in the cluster already and carries our mark: the engine takes it over (set by the engine alone)."""

    @property
    def id(self) -> ObjectId:
        """Return its identity in the cluster."""
        return object_id(self.manifest)


def object_id(manifest: Manifest) -> ObjectId:
    """Return the identity of *manifest*, which must have apiVersion, kind and metadata.name."""
    api_version: str = manifest["apiVersion"]
    metadata = manifest["metadata"]
    group = api_version.rpartition("/")[0]
    return ObjectId(group, manifest["kind"], metadata.get("namespace", ""), metadata["name"])
