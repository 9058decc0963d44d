"""An object on its way through a build."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from fluxapps.importing.original import Document
from fluxapps.model.checks.kinds import is_namespaced
from fluxapps.model.objects import Manifest, ObjectId


class UnbuildableError(Exception):
    """A folder uses something of kustomize's that isn't done here; the message says what, and where."""


@dataclass(slots=True, eq=False)
class Built:
    """An object, and what has been done to it."""

    manifest: Manifest
    """The document's own until something changes it."""
    document: Document | None
    """Where it stands; None for one that a generator made."""
    changed: set[str] = field(default_factory=set)
    """What changed it: ``namespace``, ``patches``, …"""
    first_name: str = ""
    """Its name before anything changed it, by which kustomization.yaml files refer to it."""
    first_namespace: str = ""
    hashed: bool = False
    """A generator made it, and its name ends in a hash of its content."""
    generated_from: tuple[str, ...] = ()
    """Files that a generator read."""
    unbuilt: str = ""
    """The folder that it stands for, of which nothing could be built."""
    why: str = ""
    """Why nothing could."""
    owned: bool = False
    """The manifest is no one else's: it may be changed in place."""

    @property
    def kind(self) -> str:
        """Return its kind."""
        return str(self.manifest["kind"])

    @property
    def group(self) -> str:
        """Return its API group."""
        return str(self.manifest["apiVersion"]).rpartition("/")[0]

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Return its namespace, ``""`` where it says none."""
        return str(self.manifest["metadata"].get("namespace") or "")

    @property
    def id(self) -> ObjectId:
        """Return its identity as it is now."""
        return ObjectId(self.group, self.kind, self.namespace, self.name)

    @property
    def is_opaque(self) -> bool:
        """Return whether it stands for what couldn't be built."""
        return self.group == "kustomize.config.k8s.io"

    @property
    def is_namespaced(self) -> bool:
        """Return whether it lives in a namespace; what nobody knows is taken to."""
        return is_namespaced(self.group, self.kind) is not False

    def own(self, why: str) -> Manifest:
        """Return the manifest to be changed, a copy of the document's at the first change; *why* is kept."""
        if not self.owned:
            self.manifest = copy.deepcopy(self.manifest)
            self.owned = True
        self.changed.add(why)
        return self.manifest

    def again(self) -> "Built":
        """Return it as the beginning of another build, which may change it and leave this one alone."""
        return replace(self, changed=set(self.changed), owned=False)


def built(document: Document) -> Built:
    """Return *document* as the beginning of a build."""
    metadata = document.manifest["metadata"]
    return Built(
        document.manifest,
        document,
        first_name=str(metadata["name"]),
        first_namespace=str(metadata.get("namespace") or ""),
    )


def strings(value: Any) -> dict[str, str]:
    """Return *value* as a map of strings; what isn't one is none."""
    return {str(key): str(one) for key, one in value.items()} if isinstance(value, dict) else {}


def entries(data: Manifest, field_name: str) -> list[Any]:
    """Return the list that *data* says under *field_name*; an empty one where it says none."""
    found = data.get(field_name)
    return found if isinstance(found, list) else []
