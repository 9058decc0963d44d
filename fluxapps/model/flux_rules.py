"""The rules Flux's CRDs add to their schemas in CEL, each said in Python and in words.

The table's key is the rule's text in the CRD, so a regenerated schema with a changed rule finds no entry here, which a
test lists. Absent and null are the same to these rules: where null is no fault of its own, a default takes its place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Self = Mapping[str, Any]
"""The object a rule stands on, the schema's defaults filled in."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a CRD."""

    holds: Callable[[Self], bool]
    """Whether the object keeps the rule; never raises, whatever the types of its fields."""
    fields: tuple[str, ...]
    """The fields it is about; a fault points at the first that is there."""
    what: str
    """What is wrong where the rule doesn't hold."""
    fix: str
    """What would be right."""


def _has(self: Self, *path: str) -> bool:
    """Say what ``has(self.a.b)`` says."""
    return _get(self, *path) is not None


def _get(self: Self, *path: str) -> object:
    value: object = self
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


RULES: Final[Mapping[str, Rule]] = {
    "(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))": Rule(
        lambda self: _has(self, "chart") != _has(self, "chartRef"),
        ("chartRef", "chart"),
        "a HelmRelease has exactly one of chart and chartRef",
        "chart names a chart of a HelmRepository, GitRepository or Bucket, chartRef an OCIRepository or HelmChart",
    ),
    "!has(self.retryInterval) || self.name != 'RemediateOnFailure'": Rule(
        lambda self: not _has(self, "retryInterval") or _get(self, "name") != "RemediateOnFailure",
        ("retryInterval",),
        "strategy RemediateOnFailure has no retryInterval",
        "leave retryInterval out, or use name: RetryOnFailure",
    ),
    "!has(self.retryInterval) || self.name == 'RetryOnFailure'": Rule(
        lambda self: not _has(self, "retryInterval") or _get(self, "name") == "RetryOnFailure",
        ("retryInterval",),
        "only strategy RetryOnFailure has a retryInterval",
        "leave retryInterval out, or use name: RetryOnFailure",
    ),
    "has(self.configMapRef) || has(self.secretRef)": Rule(
        lambda self: _has(self, "configMapRef") or _has(self, "secretRef"),
        (),
        "kubeConfig names neither a configMapRef nor a secretRef",
        "add secretRef: {name: …}, or configMapRef: {name: …}",
    ),
    "!has(self.configMapRef) || !has(self.secretRef)": Rule(
        lambda self: not _has(self, "configMapRef") or not _has(self, "secretRef"),
        ("configMapRef",),
        "kubeConfig names both a configMapRef and a secretRef",
        "keep one of them",
    ),
    (
        "!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))"
    ): Rule(
        lambda self: not _has(self, "serviceAccountName") or _get(self, "provider") in ("azure", "aws"),
        ("serviceAccountName",),
        "a GitRepository has a serviceAccountName only with provider azure or aws",
        "leave serviceAccountName out, or set provider: azure or aws",
    ),
    "!has(self.verify) || self.sourceRef.kind == 'HelmRepository'": Rule(
        lambda self: not _has(self, "verify") or _get(self, "sourceRef", "kind") == "HelmRepository",
        ("verify",),
        "only charts of a HelmRepository can be verified",
        "leave verify out",
    ),
    "self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)": Rule(
        lambda self: _get(self, "provider") in ("aws", "generic") or not _has(self, "sts"),
        ("sts",),
        "a Bucket has sts only with provider aws or generic",
        "leave sts out",
    ),
    "self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'": Rule(
        lambda self: _get(self, "provider") != "aws" or not _has(self, "sts") or _get(self, "sts", "provider") == "aws",
        ("sts",),
        "a Bucket with provider aws has sts.provider aws",
        "write sts.provider: aws",
    ),
    "self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'": Rule(
        lambda self: (
            _get(self, "provider") != "generic" or not _has(self, "sts") or _get(self, "sts", "provider") == "ldap"
        ),
        ("sts",),
        "a Bucket with provider generic (the default) has sts.provider ldap",
        "write sts.provider: ldap, or set the Bucket's provider: aws",
    ),
    "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)": Rule(
        lambda self: _get(self, "sts", "provider") != "aws" or not _has(self, "sts", "secretRef"),
        ("sts",),
        "sts with provider aws has no secretRef",
        "leave sts.secretRef out",
    ),
    "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)": Rule(
        lambda self: _get(self, "sts", "provider") != "aws" or not _has(self, "sts", "certSecretRef"),
        ("sts",),
        "sts with provider aws has no certSecretRef",
        "leave sts.certSecretRef out",
    ),
    "self.provider != 'generic' || !has(self.serviceAccountName)": Rule(
        lambda self: _get(self, "provider") != "generic" or not _has(self, "serviceAccountName"),
        ("serviceAccountName",),
        "a Bucket with provider generic (the default) has no serviceAccountName",
        "leave serviceAccountName out, or set provider",
    ),
    "!has(self.secretRef) || !has(self.serviceAccountName)": Rule(
        lambda self: not _has(self, "secretRef") or not _has(self, "serviceAccountName"),
        ("serviceAccountName",),
        "secretRef and serviceAccountName exclude each other",
        "keep one of them",
    ),
}
"""Every rule of the kinds in ``fluxapps/schemas``, by its text."""
