"""What a stack's state holds of Kubernetes: which objects, in which cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluxapps.model.objects import Manifest, ObjectId, object_id

_OF_AN_OBJECT = {"apiVersion", "kind", "metadata"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptObject:
    """An object that Pulumi has made, and would delete."""

    urn: str
    manifest: Manifest
    """As the program declared it last."""
    uid: str
    """"" where the state doesn't say."""
    retained: bool
    """Whether it stays in the cluster when the stack lets it go."""

    @property
    def id(self) -> ObjectId:
        """Return its identity in the cluster."""
        return object_id(self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A stack's state, as far as it is about a cluster."""

    objects: dict[ObjectId, KeptObject]
    context: str
    """Of the cluster that the state's provider talks to; "" where there is none."""
    kubeconfig: str | None
    """As the provider is told it."""
    cluster: str
    """UID of that cluster's kube-system; "" where the state doesn't say."""


def kept(state: Mapping[str, Any]) -> Kept:
    """Return what *state*, as ``pulumi stack export`` gives it, holds."""
    resources = (state.get("deployment") or {}).get("resources") or ()
    objects: dict[ObjectId, KeptObject] = {}
    provider: dict[str, Any] = {}
    cluster = ""
    for one in resources:
        kind = str(one.get("type", ""))
        inputs = one.get("inputs") or {}
        if kind == "pulumi:providers:kubernetes":
            provider = inputs
        elif kind == "pulumi:index:Stash":
            said = (one.get("outputs") or {}).get("output")
            cluster = str(said.get("uid", "")) if isinstance(said, dict) else ""
        elif kind.startswith("kubernetes:") and one.get("custom") and inputs.keys() >= _OF_AN_OBJECT:
            found = _object(one, inputs)
            objects[found.id] = found
    return Kept(
        objects=objects,
        context=str(provider.get("context") or ""),
        kubeconfig=provider.get("kubeconfig"),
        cluster=cluster,
    )


def _object(resource: Mapping[str, Any], inputs: dict[str, Any]) -> KeptObject:
    metadata = (resource.get("outputs") or {}).get("metadata")
    return KeptObject(
        urn=str(resource["urn"]),
        manifest=inputs,
        uid=str(metadata.get("uid", "")) if isinstance(metadata, dict) else "",
        retained=bool(resource.get("retainOnDelete")),
    )
