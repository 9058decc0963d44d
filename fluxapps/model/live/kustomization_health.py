"""How a Kustomization stands: its source, what it applies, and the releases whose health it waits for."""

import re
from collections.abc import Iterable

from fluxapps.model.declare.names import HELM, SOURCE
from fluxapps.model.durations import seconds
from fluxapps.model.live.condition import Condition, Live, condition, current_condition, holds
from fluxapps.model.live.dependencies import dependencies_health, dependency
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
from fluxapps.model.live.scene import Inquiry
from fluxapps.model.objects import ObjectId

_NEEDS_WHAT_A_RELEASE_MAKES = re.compile(r'no matches for kind |failed calling webhook |namespaces ".*" not found')
"""Flux has one reason for all that the API server refuses (ReconciliationFailed); what a release brings about is told
by its words alone: CRDs, the operator behind a webhook, a namespace."""
_NUMBER = re.compile(r"[0-9]+")
_UNPACKED_IS_GONE = re.compile(r"/kustomization-[0-9]+((?:/[^\s:']+)*): no such file or directory")
_NO_ROOM = re.compile(r"no space left on device|too many open files")
_UNSETTLED = 1.0
"""Seconds in which what Flux has just applied is looked at by the controller that is to."""


def kustomization_health(inquiry: Inquiry, identity: ObjectId, one: Live) -> Health:  # noqa: PLR0911 - a line a case
    """Return how the Kustomization *identity*, live as *one*, stands."""
    source = inquiry.of(source_of(identity, one))
    if source.state is not State.READY:
        return source
    said = current_condition(one, "Ready")
    if said is None:
        return UNTOUCHED
    revision = artifact_revision(inquiry.scene.find(source_of(identity, one)))
    status = one.get("status", {})
    if said["status"] == "True":
        applied = status.get("lastAppliedRevision") == revision and not holds(one, "Reconciling")
        return READY if applied else progressing("applying a new revision")
    if said["reason"] == "DependencyNotReady":
        return dependencies_health(inquiry, identity, one)
    if holds(one, "Stalled"):
        return failed(identity, said)
    if said["status"] == "Unknown" or said["reason"] == "Progressing":
        checking = current_condition(one, "Healthy")
        return _checked(inquiry, identity, one) or progressing("checking health" if checking else "applying")
    if said["reason"] == "ArtifactFailed":
        return failed(identity, said, FETCHED_AGAIN)
    if status.get("lastAttemptedRevision") != revision:
        return progressing("not yet at the latest revision")
    return _refused(inquiry, identity, one, said)


def _refused(inquiry: Inquiry, identity: ObjectId, one: Live, said: Condition) -> Health:
    """Return what a Kustomization's failure at the latest revision means."""
    if said["reason"] == "HealthCheckFailed":
        checked = _checked(inquiry, identity, one)
        if checked is not None or _mended_since(inquiry, said, _looked_at(inquiry, identity, one)):
            return checked or progressing("checks health again")
    if _NEEDS_WHAT_A_RELEASE_MAKES.search(said["message"]):
        bringing = list(_bringing(inquiry, identity, one))
        for health in map(inquiry.of, bringing):
            if health.state in {State.PROGRESSING, State.FAILED}:
                return health if health.is_failure else progressing("needs what a release makes")
        if _mended_since(inquiry, said, bringing):
            return progressing("tries again")
    return failed(identity, said, _until_tried_again(one) if _is_of_the_disk(one, said) else _UNSETTLED)


def _is_of_the_disk(one: Live, said: Condition) -> bool:
    """Return whether what failed is the folder that the controller unpacks the artifact to, not what is in it.

    It has found the Kustomization's own folder there shortly before; a file that a kustomization.yaml names in vain
    lies deeper, or elsewhere.
    """
    if said["reason"] == "DirectoryCreationFailed":
        return True
    if said["reason"] != "BuildFailed":
        return False
    if _NO_ROOM.search(said["message"]):
        return True
    gone = _UNPACKED_IS_GONE.search(said["message"])
    path = "/" + "/".join(part for part in one["spec"].get("path", "").split("/") if part not in {"", "."})
    return gone is not None and (path.rstrip("/") + "/").startswith(gone[1].rstrip("/") + "/")


def _until_tried_again(one: Live) -> float:
    spec = one["spec"]
    return (seconds(spec.get("retryInterval") or spec.get("interval")) or 0.0) + TRIED_AGAIN


def _checked(inquiry: Inquiry, identity: ObjectId, one: Live) -> Health | None:
    """Return the trouble of the releases whose health *identity* waits for; None where they have none."""
    found = [inquiry.of(each) for each in _looked_at(inquiry, identity, one)]
    for health in found:
        if health.is_failure:
            return health
    return next((progressing("waits for its release") for each in found if each.state is State.PROGRESSING), None)


def _looked_at(inquiry: Inquiry, identity: ObjectId, one: Live) -> list[ObjectId]:
    """Return the HelmReleases whose health *identity* waits for."""
    spec = one["spec"]
    checks = [check for check in spec.get("healthChecks") or () if check["kind"] == "HelmRelease"]
    found = [ObjectId(HELM, "HelmRelease", check.get("namespace", ""), check["name"]) for check in checks]
    if spec.get("wait") is True:
        found += [each for each, writer in inquiry.cast.applied_by.items() if writer == identity and each.group == HELM]
    return found


def _bringing(inquiry: Inquiry, identity: ObjectId, one: Live) -> Iterable[ObjectId]:
    """Return what may bring the kinds that *identity* applies objects of: its app's releases, and what it needs."""
    needed = [dependency(identity, each) for each in one["spec"].get("dependsOn") or ()]
    for each in (identity, *needed):
        yield from inquiry.cast.releases.get(inquiry.cast.app_of(each) or "", ())


def _mended_since(inquiry: Inquiry, said: Condition, needed: Iterable[ObjectId]) -> bool:
    """Return whether one of *needed* got Ready after Flux failed as *said*, or so shortly before that it was late."""
    for each in needed:
        found = inquiry.scene.find(each)
        ready = condition(found, "Ready") if found is not None else None
        if ready is not None and ready["status"] == "True" and _time(said) - _time(ready) < TRIED_AGAIN:
            return True
    return False


def source_of(kustomization: ObjectId, one: Live) -> ObjectId:
    """Return what *kustomization*, live as *one*, takes its folder from."""
    reference = one["spec"]["sourceRef"]
    return ObjectId(SOURCE, reference["kind"], reference.get("namespace") or kustomization.namespace, reference["name"])


def _time(said: Condition) -> int:
    """Return when *said* came about, in seconds whose differences are right within a month.

    >>> _time({"lastTransitionTime": "2026-01-01T00:01:05Z"}) - _time({"lastTransitionTime": "2026-01-01T00:00:00Z"})
    65
    """
    year, month, day, hours, minutes, seconds = (int(part) for part in _NUMBER.findall(said["lastTransitionTime"])[:6])
    return ((((year * 12 + month) * 31 + day) * 24 + hours) * 60 + minutes) * 60 + seconds
