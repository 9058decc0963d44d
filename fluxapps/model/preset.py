"""Our recommended settings: the lowest layer, which ``defaults: {preset: none}`` leaves out.

Where a number comes from: Flux's own "Recommended settings" for HelmRelease and Kustomization, see docs/reference.
"""

from typing import Any

RELEASE: dict[str, Any] = {
    "interval": "30m",
    "install": {"strategy": {"name": "RetryOnFailure", "retryInterval": "5m"}},
    "upgrade": {"strategy": {"name": "RetryOnFailure", "retryInterval": "5m"}, "crds": "CreateReplace"},
    "driftDetection": {"mode": "enabled"},
}
"""Spec of a HelmRelease. Without a strategy one failed install is final; with it Flux tries again."""

KUSTOMIZATION: dict[str, Any] = {
    "interval": "1h",
    "retryInterval": "2m",
    "prune": True,
    "deletionPolicy": "WaitForTermination",
}
"""Spec of a Kustomization; timeout and wait depend on the app's releases."""

GENERATED_RELEASE = frozenset({"releaseName"})
"""Fields of a HelmRelease's spec that are worked out where no file says them."""

GENERATED_KUSTOMIZATION = frozenset({"timeout", "wait", "healthChecks"})
"""Fields of a Kustomization's spec that are worked out where no file says them."""

SOURCE_INTERVAL = "5m"
"""How often a source of charts is looked at."""

TIMEOUT_BEYOND_RELEASES = 120
"""Seconds a Kustomization's timeout is longer than its longest release's."""

TIMEOUT_WITHOUT_RELEASE = "5m"
"""A Kustomization's timeout without a release."""


def release_defaults(said: dict[str, Any]) -> dict[str, Any]:
    """Return :data:`RELEASE` for a release whose files say *said*.

    A default strategy goes as a whole where the files name one, or say ``remediation``: the two exclude each other.
    """
    defaults = dict(RELEASE)
    for action in ("install", "upgrade"):
        below = said.get(action)
        if not isinstance(below, dict):
            continue
        strategy = below.get("strategy")
        if "remediation" in below or (isinstance(strategy, dict) and "name" in strategy):
            defaults[action] = {key: value for key, value in defaults[action].items() if key != "strategy"}
    return defaults
