"""Check: complete a resource's inputs."""

import hashlib
from typing import Any

from fluxapps.devcluster.standins.kubernetes_provider import shape
from fluxapps.devcluster.standins.kubernetes_provider.call import Call, OperationError, Properties
from fluxapps.devcluster.standins.kubernetes_provider.properties import Unknown, has_unknown, with_secrets_of
from fluxapps.devcluster.standins.kubernetes_provider.reach import CRD, Reach, kind_of

AUTONAMED = "pulumi.com/autonamed"


def check(reach: Reach, call: Call, old: Properties, new: Properties, proposed: str) -> tuple[Properties, list[str]]:
    """Give an object without name or namespace one.

    Args:
        reach: The provider's cluster.
        call: The operation.
        old: The inputs of the last update.
        new: Those of the program.
        proposed: The name for an object that has none.

    Returns:
        The inputs, and the reasons why they cannot be taken.

    Raises:
        OperationError: This provider has no such resource.
    """
    if reach.unreachable and reach.settings.skip_update_unreachable:
        call.warn("Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...")
        return old, []
    api_version, kind = kind_of(call)
    wanted = shape.normalized(shape.manifest(new))
    if kind == f"{wanted.get('kind')}Patch":
        raise OperationError(f"{call.type}: this stand-in of the Kubernetes provider knows no Patch resources")
    if kind.endswith("List") and isinstance(wanted.get("items"), list):
        raise OperationError(
            "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be created "
            "directly. Use the underlying resource type instead"
        )
    failures = []
    meta = wanted.setdefault("metadata", {})
    if isinstance(meta, dict):
        if not meta.get("name") and meta.get("generateName"):
            failures.append("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
        elif not meta.get("name"):
            _name(meta, shape.manifest(old), proposed)
        if not meta.get("namespace") and reach.namespaced(api_version, kind):
            meta["namespace"] = reach.namespace
    if wanted.get("kind") == CRD and not has_unknown(wanted):
        reach.expect(wanted)
    return with_secrets_of(shape.renamed(wanted, shape.UNDERSCORED), new), failures


def autoname(call: Call, seed: bytes) -> str:
    """Make a name of a resource's logical name; the same seed gives the same name."""
    return f"{call.name}-{hashlib.sha256(seed or call.urn.encode()).hexdigest()[:8]}"


def _name(meta: dict[str, Any], old: shape.Object, proposed: str) -> None:
    kept = shape.name_of(old) if shape.annotation(old, AUTONAMED) == "true" else ""
    meta["name"] = kept or proposed
    annotations = meta.setdefault("annotations", {})
    if not isinstance(annotations, Unknown):
        annotations[AUTONAMED] = "true"
