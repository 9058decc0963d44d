"""What source-controller writes into the status of its objects, and the words it uses."""

from dataclasses import dataclass, field

from fluxapps.devcluster.flux.kubernetes import Object
from fluxapps.devcluster.flux.source.artifacts import now

REQUESTED = "reconcile.fluxcd.io/requestedAt"
STALLED_NOT = "ProgressingWithRetry"


class FailedError(Exception):
    """An object has no new artifact; the text is its Ready message.

    Attributes:
        reason: Its Ready reason, in source-controller's words.
        condition: The condition that tells it besides, e.g. ``FetchFailed``.
        stalls: Whether only a change of the object, or of its source, can mend it.
    """

    def __init__(self, reason: str, message: str, *, condition: str = "FetchFailed", stalls: bool = False) -> None:
        self.reason = reason
        self.condition = condition
        self.stalls = stalls
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an object was found to have."""

    artifact: Object
    reason: str
    message: str
    observed: Object = field(default_factory=dict)
    """More fields of the status."""


def requested(found: Object) -> str | None:
    """Return the moment that somebody asked for, by annotation."""
    annotations: dict[str, str] = found["metadata"].get("annotations") or {}
    return annotations.get(REQUESTED)


def is_new(found: Object) -> bool:
    """Whether the object has been changed, or somebody has asked, since the last turn."""
    status = found.get("status", {})
    return bool(
        status.get("observedGeneration") != found["metadata"]["generation"]
        or (requested(found) and status.get("lastHandledReconcileAt") != requested(found))
    )


def progressing(found: Object, artifact: Object | None) -> Object:
    """Return the status while an object is worked on."""
    status = found.get("status", {})
    generation = found["metadata"]["generation"]
    seen = status.get("observedGeneration", -1)
    message = f"processing object: new generation {seen} -> {generation}" if seen != generation else "building artifact"
    conditions = {"Reconciling": ("True", "Progressing", message), "Ready": ("Unknown", "Progressing", message)}
    return {
        **_kept(status, artifact),
        "conditions": [*_written(found, conditions), *_unchanged(status, {*conditions, "Stalled"})],
        "observedGeneration": seen,
    }


def ready(found: Object, fetched: Fetched) -> Object:
    """Return the status of an object whose artifact is stored."""
    told = ("True", fetched.reason, fetched.message)
    return {
        **_handled(found),
        **fetched.observed,
        "artifact": fetched.artifact,
        "conditions": _written(found, {"Ready": told, "ArtifactInStorage": told}),
        "observedGeneration": found["metadata"]["generation"],
    }


def failed(found: Object, artifact: Object | None, failure: FailedError) -> Object:
    """Return the status of an object that has no new artifact; an earlier one stays."""
    status = found.get("status", {})
    message = str(failure)
    conditions = {
        "Ready": ("False", failure.reason, message),
        failure.condition: ("True", failure.reason, message),
    }
    if failure.stalls:
        conditions["Stalled"] = ("True", failure.reason, message)
    else:
        text = "reconciliation in progress" if artifact else "building artifact"
        conditions["Reconciling"] = ("True", STALLED_NOT, text)
    stored = [entry for entry in status.get("conditions", []) if entry["type"] == "ArtifactInStorage" and artifact]
    seen = found["metadata"]["generation"] if failure.stalls else status.get("observedGeneration", -1)
    return {
        **_kept(status, artifact),
        **_handled(found),
        "conditions": [*_written(found, conditions), *stored],
        "observedGeneration": seen,
    }


def change(found: Object, status: Object) -> Object | None:
    """Return the merge patch that gives an object this status, or None where it has it."""
    before = found.get("status", {})
    patch = {name: value for name, value in status.items() if before.get(name) != value}
    patch |= {name: None for name in before if name not in status}
    return {"status": patch} if patch else None


def _kept(status: Object, artifact: Object | None) -> Object:
    left = {name: value for name, value in status.items() if name not in {"artifact", "conditions"}}
    if artifact is None:
        left.pop("url", None)
    return left | ({"artifact": artifact} if artifact else {})


def _handled(found: Object) -> Object:
    return {"lastHandledReconcileAt": moment} if (moment := requested(found)) else {}


def _unchanged(status: Object, other_than: set[str]) -> list[Object]:
    return [entry for entry in status.get("conditions", []) if entry["type"] not in other_than]


def _written(found: Object, conditions: dict[str, tuple[str, str, str]]) -> list[Object]:
    before = {entry["type"]: entry for entry in found.get("status", {}).get("conditions", [])}
    return [
        {
            "type": kind,
            "status": value,
            "reason": reason,
            "message": message,
            "observedGeneration": found["metadata"]["generation"],
            "lastTransitionTime": before[kind]["lastTransitionTime"]
            if kind in before and before[kind]["status"] == value
            else now(),
        }
        for kind, (value, reason, message) in conditions.items()
    ]
