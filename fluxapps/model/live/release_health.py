"""How a HelmRelease stands: Helm's actions, its values, and the chart that it needs."""

import re
from math import inf

from fluxapps.model.declare.names import SOURCE
from fluxapps.model.live.condition import Condition, Live, condition, current_condition, holds
from fluxapps.model.live.dependencies import dependencies_health
from fluxapps.model.live.health import (
    FETCHED_AGAIN,
    READY,
    TRIED_AGAIN,
    UNTOUCHED,
    Health,
    State,
    artifact_revision,
    failed,
    progressing,
)
from fluxapps.model.live.helm_release import latest_release
from fluxapps.model.live.scene import Inquiry
from fluxapps.model.objects import ObjectId

_ACTION = re.compile(r"Running '(\w+)' action")
"""Which action goes on is said by words alone; it is only shown."""
_DOING = {"install": "installing", "upgrade": "upgrading", "test": "testing", "rollback": "rolling back"}
_ACTIONS_FAILED = frozenset(
    {
        "InstallFailed",
        "UpgradeFailed",
        "TestFailed",
        "RollbackFailed",
        "UninstallFailed",
        "RollbackSucceeded",
        "UninstallSucceeded",
    }
)
"""Reasons of a release whose last action failed, or was remedied after it failed."""


def release_health(inquiry: Inquiry, identity: ObjectId, one: Live) -> Health:  # noqa: PLR0911 - a line a case
    """Return how the HelmRelease *identity*, live as *one*, stands."""
    said = current_condition(one, "Ready")
    if said is None:
        return UNTOUCHED
    if said["status"] == "True":
        return progressing("reconciling") if holds(one, "Reconciling") else _with_its_chart(inquiry, one)
    reason = said["reason"]
    if reason == "DependencyNotReady":
        return dependencies_health(inquiry, identity, one)
    if reason == "SourceNotReady":
        return _chart_of(inquiry, identity, one)
    if said["status"] == "Unknown" or reason == "Progressing":
        return progressing(_doing(one))
    if reason == "ValuesError":
        return _values(inquiry, identity, one, said)
    if reason in _ACTIONS_FAILED:
        return _action(inquiry, identity, one, said)
    return failed(identity, said, 0 if holds(one, "Stalled") else FETCHED_AGAIN)


def _with_its_chart(inquiry: Inquiry, one: Live) -> Health:
    """Return whether what is deployed is what an OCIRepository has now: its tag moves without the release."""
    reference = one["spec"].get("chartRef")
    if reference is None or reference["kind"] != "OCIRepository":
        return READY
    source = _chart_source(one)
    health = inquiry.of(source)
    if health.state is not State.READY:
        return health
    wanted = artifact_revision(inquiry.scene.find(source)).rpartition("@")[2]
    deployed = latest_release(one).get("ociDigest", wanted)
    return READY if deployed == wanted else progressing("a newer chart has been fetched")


def _action(inquiry: Inquiry, identity: ObjectId, one: Live, said: Condition) -> Health:
    """Return what a failed action of Helm means: final, granted, or to be tried again by Flux."""
    status = one.get("status", {})
    released = current_condition(one, "Released")
    if released is not None and released["status"] == "False":
        # Ready speaks of the remedy: that a rollback succeeded.
        said = released
    chart = inquiry.of(_chart_source(one))
    newer = artifact_revision(inquiry.scene.find(_chart_source(one)))
    if chart.state is State.PROGRESSING:
        return chart
    if one["spec"].get("chartRef") is None and newer and newer != status.get("lastAttemptedRevision"):
        return progressing(f"failed, tries again with chart {newer}")
    if holds(one, "Stalled"):
        return failed(identity, said)
    failures = max(1, int(status.get("failures") or 0))
    if failures > _granted(inquiry, identity, one, said):
        return failed(identity, said)
    return progressing(f"failed {failures} time{'s' * (failures != 1)}, tries again")


def _values(inquiry: Inquiry, identity: ObjectId, one: Live, said: Condition) -> Health:
    """Return what values that can't be put together mean: what they are read from may be on its way."""
    missing = None
    for reference in one["spec"].get("valuesFrom") or ():
        source = ObjectId("", reference["kind"], identity.namespace, reference["name"])
        found = inquiry.scene.find(source)
        if found is None and not reference.get("optional"):
            missing = source
        elif found is not None and said["lastTransitionTime"] <= found["metadata"].get("creationTimestamp", ""):
            # Flux has not tried again since it came.
            return progressing("values have come")
    if missing is None:
        return failed(identity, said, FETCHED_AGAIN)
    bringing = inquiry.cast.kustomizations.get(inquiry.cast.app_of(identity) or "")
    if bringing is not None:
        brought = inquiry.of(bringing)
        if brought.is_failure and brought.root != identity:
            return brought
        if brought.state is State.PROGRESSING and not _has_applied(inquiry, bringing):
            return progressing(f"waits for {missing}")
    # What was applied may still have to make it: a SealedSecret, an operator's resource.
    return failed(identity, said, TRIED_AGAIN)


def _has_applied(inquiry: Inquiry, kustomization: ObjectId) -> bool:
    """Return whether *kustomization* has applied its objects, and only looks at their health."""
    found = inquiry.scene.find(kustomization)
    return found is not None and current_condition(found, "Healthy") is not None


def _chart_of(inquiry: Inquiry, identity: ObjectId, one: Live) -> Health:
    chart = inquiry.of(_chart_source(one))
    if chart.state is State.READY:
        # Fetched meanwhile: helm-controller is told, and goes on.
        return progressing("its chart has been fetched")
    if chart.state is State.SUSPENDED:
        return failed(identity, "its chart's source is suspended")
    return chart


def _chart_source(one: Live) -> ObjectId:
    """Return what hands the chart of the release *one* over: an OCIRepository, or the HelmChart that Flux makes."""
    metadata, spec = one["metadata"], one["spec"]
    if (reference := spec.get("chartRef")) is not None:
        namespace = reference.get("namespace") or metadata["namespace"]
        return ObjectId(SOURCE, reference["kind"], namespace, reference["name"])
    namespace = spec["chart"]["spec"]["sourceRef"].get("namespace") or metadata["namespace"]
    return ObjectId(SOURCE, "HelmChart", namespace, f"{metadata['namespace']}-{metadata['name']}")


def _granted(inquiry: Inquiry, identity: ObjectId, one: Live, said: Condition) -> float:
    """Return how many failures of the action that failed are none yet.

    Flux remedies as often as the release says, and then stalls; where nothing was installed it goes on for ever.
    """
    action = "install" if said["reason"] == "InstallFailed" else "upgrade"
    if said["reason"] not in {"InstallFailed", "UpgradeFailed"}:
        action = one.get("status", {}).get("lastAttemptedReleaseAction", action)
    spec = one["spec"].get(action) or {}
    if (spec.get("strategy") or {}).get("name") == "RetryOnFailure":
        return inquiry.cast.granted.get(identity, 0)
    retries = int((spec.get("remediation") or {}).get("retries") or 0)
    return retries if retries >= 0 else inf


def _doing(one: Live) -> str:
    going_on = condition(one, "Reconciling")
    found = _ACTION.match(going_on["message"]) if going_on is not None else None
    return _DOING.get(found[1], found[1]) if found is not None else "reconciling"
