"""Says whose an object in a cluster is, from the marks that tools leave on it."""

from collections.abc import Mapping
from typing import Any, Final

from fluxapps.model.declare.names import HELM, KUSTOMIZE, PULUMI_MANAGER, SSA_IGNORE, STACK_LABEL

OTHER_STACK: Final = "another stack of fluxapps, "
"""How :func:`owner_of` begins for what another stack made."""

FLUX_OWNER: Final = "the Flux Kustomization"
"""How :func:`owner_of` begins for what Flux applied from Git."""

_FLUX_OWNERS: Final = ((KUSTOMIZE, FLUX_OWNER), (HELM, "the Flux HelmRelease"))
_OTHERS: Final = (
    ("annotations", "meta.helm.sh/release-name", "the Helm release"),
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD, as"),
    ("labels", "app.kubernetes.io/managed-by", ""),
)

Metadata = Mapping[str, Any]


def owner_of(metadata: Metadata) -> str:
    """Return who seems to own an object, in words that follow "belongs to"."""
    labels = metadata.get("labels", {})
    if STACK_LABEL in labels:
        return f"{OTHER_STACK}{labels[STACK_LABEL]}"
    for group, words in _FLUX_OWNERS:
        if f"{group}/name" in labels:
            return f"{words} {labels.get(f'{group}/namespace', '')}/{labels[f'{group}/name']}"
    for place, key, words in _OTHERS:
        if key in metadata.get(place, {}):
            return f"{words} {metadata[place][key]}".strip()
    managers = _managers(metadata)
    return f"somebody else (written by {', '.join(managers)})" if managers else "somebody else"


def lost_its_label(metadata: Metadata) -> bool:
    """Return whether an object without the stack's label was made by a program like this one all the same.

    Whoever took the label away left the rest: Pulumi wrote it, and it carries our other mark. It may well be in the
    state, which nobody can read here, so it is left to the engine to know it or not.
    """
    wrote = any(manager.startswith(PULUMI_MANAGER) for manager in _managers(metadata))
    marked = SSA_IGNORE.items() <= metadata.get("annotations", {}).items()
    return wrote and marked and STACK_LABEL not in metadata.get("labels", {})


def is_being_deleted(metadata: Metadata) -> bool:
    """Return whether an object is on its way out."""
    return "deletionTimestamp" in metadata


def _managers(metadata: Metadata) -> list[str]:
    """Return who wrote an object, besides those that only report its status."""
    entries = metadata.get("managedFields", ())
    return list(dict.fromkeys(one["manager"] for one in entries if one.get("manager") and "subresource" not in one))
