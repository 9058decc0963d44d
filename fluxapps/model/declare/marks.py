"""Our marks on what Pulumi delivers: labels to know it by, an annotation by which Flux leaves it alone."""

from collections.abc import Iterable
from dataclasses import replace

from fluxapps.model.declare.names import APP_LABEL, SSA_IGNORE, STACK_LABEL
from fluxapps.model.objects import DeclaredObject


def marked(objects: Iterable[DeclaredObject], label: str) -> tuple[DeclaredObject, ...]:
    """Return *objects* with our marks; *label* is the stack's."""
    return tuple(_marked(one, label) for one in objects)


def _marked(declared: DeclaredObject, label: str) -> DeclaredObject:
    metadata = declared.manifest["metadata"]
    labels = {**metadata.get("labels", {}), STACK_LABEL: label}
    if declared.app is not None:
        labels[APP_LABEL] = declared.app
    annotations = {**metadata.get("annotations", {}), **SSA_IGNORE}
    manifest = {**declared.manifest, "metadata": {**metadata, "labels": labels, "annotations": annotations}}
    return replace(declared, manifest=manifest)
