"""PersistentVolumeClaims among an app's other YAML: Flux is told to leave them when it prunes.

Pruned, a claim takes its data with it; and one that a pod still uses would hold up the removal of the whole app: the
Kustomization goes while the app's releases still run.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fluxapps.model.declare.names import PRUNE_DISABLED
from fluxapps.model.problems import ConfigError
from fluxapps.model.resolved import App, Fleet
from fluxapps.model.sources import OtherFile, Sources
from fluxapps.model.yaml_text import dump_yaml

KIND: Final = "PersistentVolumeClaim"

_ELSEWHERE: Final = frozenset({"path", "sourceRef"})
"""Where a file says one of these, Flux reads another folder than the app's."""


def kept_claims(fleet: Fleet, app: App) -> dict[str, Any] | None:
    """Return the patch of *app*'s Kustomization by which its claims outlast it; None where there is nothing to keep."""
    if not fleet.preset or _ELSEWHERE & app.said_kustomization.keys() or leaves_objects(app.kustomization):
        return None
    return _patch() if has_claim(fleet.sources, app.other) else None


def kept_shared_claims(fleet: Fleet) -> dict[str, Any] | None:
    """Return the same for YAML of no app, in ``bootstrap/``."""
    return _patch() if fleet.preset and has_claim(fleet.sources, fleet.sources.bootstrap) else None


def leaves_objects(spec: Mapping[str, Any]) -> bool:
    """Return whether what a Kustomization of this *spec* applied stays when it is deleted.

    As kustomize-controller decides it (finalizerShouldDeleteResources): without a policy, by ``prune``.
    """
    policy = spec.get("deletionPolicy") or "MirrorPrune"
    return spec.get("suspend") is True or policy == "Orphan" or (policy == "MirrorPrune" and not spec.get("prune"))


def has_claim(sources: Sources, files: Iterable[OtherFile]) -> bool:
    """Return whether one of *files* holds a PersistentVolumeClaim; what can't be read is the checks' to say."""
    return any(
        manifest.get("kind") == KIND
        for file in files
        if file.is_yaml and not file.is_kustomization
        for manifest in _manifests(sources, file)
    )


def _manifests(sources: Sources, file: OtherFile) -> Iterator[dict[str, Any]]:
    try:
        documents = sources.read(file.file).documents
    except ConfigError:
        return
    for document in documents:
        if isinstance(value := document.value, dict):
            yield value
            items = value.get("items")
            yield from (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()


def _patch() -> dict[str, Any]:
    """Return a patch for each claim that says nothing of its own on whether it is pruned."""
    ((prune, _),) = PRUNE_DISABLED.items()
    # kustomize wants a name in the patch; the target says which objects are meant.
    metadata = {"name": "claim", "annotations": PRUNE_DISABLED}
    return {
        "target": {"kind": KIND, "annotationSelector": f"!{prune}"},
        "patch": dump_yaml({"apiVersion": "v1", "kind": KIND, "metadata": metadata}),
    }
