"""Wait for what a created, changed or deleted object is to become."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from fluxapps.devcluster.standins.kubernetes_provider import shape
from fluxapps.devcluster.standins.kubernetes_provider.call import Call
from fluxapps.devcluster.standins.kubernetes_provider.cancellation import Cancellation
from fluxapps.devcluster.standins.kubernetes_provider.cluster import ApiError, Resource, UnreachableError
from fluxapps.devcluster.standins.kubernetes_provider.jsonpath import JSONPathError, parse_wait
from fluxapps.devcluster.standins.kubernetes_provider.reach import Reach

SKIP_AWAIT = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"
TIMEOUT = "pulumi.com/timeoutSeconds"

DEFAULT_SECONDS = 600.0

EVENTS = Resource("v1", "Event", "events", namespaced=True)

# As long as the longest wait anybody will ask for.
WARNINGS_SECONDS = 24 * 3600.0

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


class Target:
    """An object to wait for, as it is and as it becomes."""

    def __init__(self, reach: Reach, call: Call, live: Object) -> None:
        self.call = call
        self.live = live
        self._cluster = reach.cluster
        self._address = reach.address(live)
        self._uid = shape.metadata(live).get("uid")

    def until(self, done: Callable[[str, Object], bool], seconds: float) -> Object:
        """Watch the object until *done* says so of an event (ADDED, MODIFIED or DELETED) and the object in it.

        Returns:
            The object of that event.

        Raises:
            WaitError: The time is over, or the wait was cancelled.
        """
        deadline = time.monotonic() + seconds
        for attempt in itertools.count():
            remaining = deadline - time.monotonic()
            if attempt and (remaining <= 0 or self.call.cancellation.sleep(min(RETRY_SECONDS, remaining))):
                break
            if self._watched(done, deadline):
                return self.live
        if self.call.cancellation.cancelled:
            raise WaitError(f'Resource operation was cancelled for "{self._address.name}"', self.live)
        raise WaitError("timed out waiting for the condition", self.live)

    @contextmanager
    def warnings(self) -> Iterator[None]:
        """Show what controllers warn of beside the object, inside the block."""
        ended = Cancellation()

        def follow() -> None:
            # Whoever may not read events is told nothing.
            with suppress(ApiError, UnreachableError):
                for _, event in self._cluster.watch(
                    replace(self._address, resource=EVENTS),
                    f"involvedObject.uid={self._uid}",
                    since="",
                    seconds=WARNINGS_SECONDS,
                    cancellation=ended,
                ):
                    if event.get("type") == "Warning":
                        self.call.show(f"{event.get('reason')}: {event.get('message')}")

        thread = threading.Thread(target=follow, name="warnings", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.cancel()
            # A server that doesn't even answer is not waited for.
            thread.join(1)
            self.call.show("")

    def _watched(self, done: Callable[[str, Object], bool], deadline: float) -> bool:
        """Look, then watch for as long as the server lets us."""
        try:
            found = self._cluster.get(self._address)
            if self._uid and found["metadata"]["uid"] != self._uid and done("DELETED", self.live):
                return True  # Somebody has made it anew: the one that was to go is gone.
            self.live = found
            if done("MODIFIED", found):
                return True
            for event, live in self._cluster.watch(
                self._address,
                f"metadata.name={self._address.name}",
                since=found["metadata"]["resourceVersion"],
                seconds=max(deadline - time.monotonic(), 0),
                cancellation=self.call.cancellation,
            ):
                self.live = live
                if done(event, live):
                    return True
        except ApiError as error:
            if error.not_found:
                return done("DELETED", self.live)
            if error.code != HTTPStatus.GONE:
                raise WaitError(str(error), self.live) from error
        except UnreachableError as error:
            self.call.show(str(error))
        return False


def seconds_for(timeout: float, inputs: Object) -> float:
    """Return how long to wait: `custom_timeouts`, else the annotation, else ten minutes."""
    if timeout:
        return timeout
    said = shape.annotation(inputs, TIMEOUT)
    return float(said) if said.lstrip("-").isdigit() else DEFAULT_SECONDS


def conditions(inputs: Object, live: Object) -> list[Callable[[Object], str]]:
    """List what *live* must satisfy: each gives an empty text when it does, else what is missing.

    Raises:
        WaitError: The annotation cannot be read.
    """
    said = shape.annotation(live, WAIT_FOR)
    if shape.annotation(inputs, SKIP_AWAIT) == "true" or not said:
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


def until_ready(target: Target, inputs: Object) -> Object:
    """Wait until an object is what its annotations ask for.

    Args:
        target: The object, as the server answered.
        inputs: As the program wants it.

    Returns:
        The object as it was when it was ready.

    Raises:
        WaitError: It did not become so in time, or the wait was cancelled.
    """
    wanted = conditions(inputs, target.live)

    def ready(event: str, live: Object) -> bool:
        lacking = next(filter(None, (condition(live) for condition in wanted)), "")
        target.call.show(lacking)
        return not lacking and event != "DELETED"

    if not wanted:
        return target.live
    with target.warnings():
        return target.until(ready, seconds_for(target.call.timeout, inputs))


def until_gone(target: Target, inputs: Object) -> None:
    """Wait until a deleted object is gone.

    Raises:
        WaitError: It is still there when the time is over, or the wait was cancelled.
    """
    kind = (str(inputs.get("apiVersion")), str(inputs.get("kind")))
    if shape.annotation(inputs, SKIP_AWAIT) == "true" and kind in DELETED_WITHOUT_AWAIT:
        return

    def gone(event: str, live: Object) -> bool:
        finalizers = shape.metadata(live).get("finalizers")
        target.call.show(f"Deletion waits for finalizers: {', '.join(finalizers)}" if finalizers else "Deleting")
        return event == "DELETED"

    try:
        target.until(gone, seconds_for(target.call.timeout, inputs))
    finally:
        target.call.show("")
