"""Names that several builders need to agree on, and digests in names."""

from hashlib import sha256

VALUES_SUFFIX = "helm-chart-value-overrides"
"""Of values ConfigMaps: the Geek Cookbook's name for them."""

HELM = "helm.toolkit.fluxcd.io"
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
SOURCE = "source.toolkit.fluxcd.io"

HELM_RELEASE_API = f"{HELM}/v2"
KUSTOMIZATION_API = f"{KUSTOMIZE}/v1"
SOURCE_API = f"{SOURCE}/v1"

WATCH_LABEL = {"reconcile.fluxcd.io/watch": "Enabled"}
"""Flux acts at once on a change of a ConfigMap or Secret that carries it (Flux >= 2.7)."""

PULUMI_MANAGER = "pulumi-kubernetes"
"""Field manager of the creations of Pulumi's provider; its later ones have an ending of their own."""
FLUX_MANAGER = "kustomize-controller"
"""Field manager of what Flux applies from Git."""

STACK_LABEL = "fluxapps/stack"
APP_LABEL = "fluxapps/app"
SSA_IGNORE = {f"{KUSTOMIZE}/ssa": "Ignore"}
"""A copy of the object in a Flux path then does nothing: Flux neither applies nor prunes it."""
PRUNE_DISABLED = {f"{KUSTOMIZE}/prune": "disabled"}
SUBSTITUTE_DISABLED = {f"{KUSTOMIZE}/substitute": "disabled"}
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""Pulumi doesn't wait for the object, whatever else it is told of it."""

_LABEL_LENGTH = 63
_LABEL_KEPT = 54


def hash8(text: str) -> str:
    """Return the first eight hex digits of *text*'s SHA-256."""
    return sha256(text.encode()).hexdigest()[:8]


def stack_label(project: str, stack: str) -> str:
    """Return the value of the label that marks the objects of a stack."""
    whole = f"{project}.{stack}"
    return whole if len(whole) <= _LABEL_LENGTH else f"{whole[:_LABEL_KEPT]}-{hash8(whole)}"
