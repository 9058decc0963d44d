"""Wait for what a created, changed or deleted object is to become."""

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fluxapps.devcluster.standins.kubernetes_provider.cluster import (
    GONE,
    ApiError,
    Cancellation,
    Cluster,
    Resource,
    UnreachableError,
)
from fluxapps.devcluster.standins.kubernetes_provider.jsonpath import JSONPathError, parse_wait
from fluxapps.devcluster.standins.kubernetes_provider.shape import annotation

SKIP_AWAIT = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"
TIMEOUT = "pulumi.com/timeoutSeconds"

DEFAULT_SECONDS = 600.0

# Pause before a watch that could not be opened is tried again.
RETRY_SECONDS = 1.0

# Kinds whose deletion `skipAwait` leaves to itself; for all others a delete waits (pulumi-kubernetes issue 3154).
DELETED_WITHOUT_AWAIT = {
    *(("v1", kind) for kind in ("Namespace", "Pod", "ReplicationController")),
    *(("apps/v1", kind) for kind in ("DaemonSet", "Deployment", "StatefulSet")),
    ("batch/v1", "Job"),
}

Object = dict[str, Any]


class WaitError(Exception):
    """The object exists, but did not become what it was waited for; *live* is its last known form."""

    def __init__(self, message: str, live: Object) -> None:
        super().__init__(message)
        self.live = live


@dataclass(frozen=True)
class Target:
    """One object to wait for."""

    cluster: Cluster
    resource: Resource
    namespace: str
    name: str
    cancellation: Cancellation
    status: Callable[[str], None]
    """Shows a line beside the resource while it is waited for."""


def seconds_for(timeout: float, inputs: Object) -> float:
    """Return how long to wait: `custom_timeouts`, else the annotation, else ten minutes."""
    if timeout:
        return timeout
    said = annotation(inputs, TIMEOUT)
    return float(said) if said.lstrip("-").isdigit() else DEFAULT_SECONDS


def conditions(inputs: Object, live: Object) -> list[Callable[[Object], str]]:
    """List what *live* must satisfy: each gives an empty text when it does, else what is missing.

    Raises:
        WaitError: The annotation cannot be read.
    """
    said = annotation(live, WAIT_FOR)
    if annotation(inputs, SKIP_AWAIT) == "true" or not said:
        return []
    try:
        parsed = json.loads(said)
    except json.JSONDecodeError:
        parsed = said
    expressions = parsed if isinstance(parsed, list) and all(isinstance(each, str) for each in parsed) else [said]
    if not expressions:
        raise WaitError("at least one condition must be specified", live)
    found: list[Callable[[Object], str]] = []
    for expression in expressions:
        if expression.startswith("condition="):
            found.append(_condition(expression.removeprefix("condition=")))
        elif expression.startswith("jsonpath="):
            try:
                found.append(_observed(parse_wait(expression.removeprefix("jsonpath="))))
            except JSONPathError as error:
                raise WaitError(str(error), live) from error
        else:
            raise WaitError(f'expected a "jsonpath=" or "condition=" prefix, got "{expression}"', live)
    return found


def _condition(expression: str) -> Callable[[Object], str]:
    kind, _, status = expression.partition("=")
    status = status or "True"

    def missing(live: Object) -> str:
        state = _status(live)
        listed = state.get("conditions")
        if not isinstance(listed, list):
            return "Has no .status.conditions"
        for each in listed:
            if not isinstance(each, dict) or str(each.get("type", "")).lower() != kind.lower():
                continue
            wanted = (live.get("metadata") or {}).get("generation")
            seen = each.get("observedGeneration", state.get("observedGeneration"))
            if isinstance(wanted, int) and isinstance(seen, int) and seen < wanted:
                return f"Generation {seen} is less than expected {wanted}"
            if str(each.get("status", "")).lower() == status.lower():
                return ""
            return f"Resource has condition {kind}={each.get('status')} (want {status})"
        return f"Waiting for condition {kind}={status}"

    return missing


def _observed(missing: Callable[[Object], str]) -> Callable[[Object], str]:
    def checked(live: Object) -> str:
        wanted = (live.get("metadata") or {}).get("generation")
        seen = _status(live).get("observedGeneration")
        if isinstance(wanted, int) and isinstance(seen, int) and seen < wanted:
            return f"Generation {seen} is less than expected {wanted}"
        return missing(live)

    return checked


def _status(live: Object) -> Object:
    status = live.get("status")
    return status if isinstance(status, dict) else {}


def until_ready(target: Target, inputs: Object, live: Object, timeout: float) -> Object:
    """Wait until an object is what its annotations ask for.

    Args:
        target: The object.
        inputs: As the program wants it.
        live: As the server answered.
        timeout: The engine's, 0 when none is set.

    Returns:
        The object as it was when it was ready.

    Raises:
        WaitError: It did not become so in time, was deleted, or the wait was cancelled.
    """
    wanted = conditions(inputs, live)

    def ready(event: str, seen: Object) -> bool:
        missing = next(filter(None, (condition(seen) for condition in wanted)), "")
        target.status(missing)
        return not missing and event != "DELETED"

    return _until(target, live, ready, seconds_for(timeout, inputs)) if wanted else live


def until_gone(target: Target, inputs: Object, live: Object, timeout: float) -> None:
    """Wait until a deleted object is gone.

    Raises:
        WaitError: It is still there when the time is over, or the wait was cancelled.
    """
    kind = (str(inputs.get("apiVersion")), str(inputs.get("kind")))
    if annotation(inputs, SKIP_AWAIT) == "true" and kind in DELETED_WITHOUT_AWAIT:
        return

    def gone(event: str, seen: Object) -> bool:
        if event == "DELETED":
            return True
        finalizers = (seen.get("metadata") or {}).get("finalizers")
        target.status(f"Deletion waits for finalizers: {', '.join(finalizers)}" if finalizers else "Deleting")
        return False

    _until(target, live, gone, seconds_for(timeout, inputs))


def _until(target: Target, live: Object, done: Callable[[str, Object], bool], seconds: float) -> Object:
    """Watch an object until *done* says so of an event."""
    uid = (live.get("metadata") or {}).get("uid")
    deadline = time.monotonic() + seconds
    for attempt in itertools.count():
        remaining = deadline - time.monotonic()
        if attempt and (remaining <= 0 or target.cancellation.sleep(min(RETRY_SECONDS, remaining))):
            break
        try:
            found = target.cluster.get(target.resource, target.namespace, target.name)
            if uid and found["metadata"]["uid"] != uid and done("DELETED", live):
                return live  # Somebody has made it anew: the one that was to go is gone.
            live = found
            if done("MODIFIED", live):
                return live
            for event, seen in target.cluster.watch(
                target.resource,
                target.namespace,
                target.name,
                since=live["metadata"]["resourceVersion"],
                seconds=max(deadline - time.monotonic(), 0),
                cancellation=target.cancellation,
            ):
                live = seen
                if done(event, seen):
                    return live
        except ApiError as error:
            if error.not_found and done("DELETED", live):
                return live
            if not error.not_found and error.code != GONE:
                raise WaitError(str(error), live) from error
        except UnreachableError as error:
            target.status(str(error))
        if target.cancellation.cancelled:
            break
    if target.cancellation.cancelled:
        raise WaitError(f"Resource operation was cancelled for {json.dumps(target.name)}", live)
    raise WaitError("timed out waiting for the condition", live)
