"""An API server that is busy, fails, or loses connections, as the proxy makes it."""

import json
import threading
from collections.abc import Callable

from tests.reliability.proxy import Answer, Fault, Request, Step

_IN_A_ROW = 2
"""How often the same request is met before it is let through."""


class Each(Fault):
    """Meets some of the requests of a kind with the same."""

    def __init__(self, which: Callable[[Request], bool], hit: Callable[[int], bool], step: Step | Answer) -> None:
        """Say what is met with what.

        Args:
            which: The kind of requests.
            hit: Whether the n-th of the kind, counted from 0, is met.
            step: With what.
        """
        self._which = which
        self._hit = hit
        self._step = step
        self._lock = threading.Lock()
        self._count = 0
        self._in_a_row: dict[tuple[str, str], int] = {}
        self.hits = 0
        """How many were met."""

    def meets(self, request: Request) -> Step | Answer:
        if not self._which(request):
            return Step.PASS
        same = request.method, request.target
        with self._lock:
            # Who asks many things at once must not meet it with one of them by chance until it gives up.
            hit = self._in_a_row.get(same, 0) < _IN_A_ROW and self._hit(self._count)
            self._in_a_row[same] = self._in_a_row.get(same, 0) + 1 if hit else 0
            self._count += 1
            self.hits += hit
        return self._step if hit else Step.PASS


def is_any(_: Request) -> bool:
    """Choose every request."""
    return True


def is_write(request: Request) -> bool:
    """Choose what changes something."""
    return request.is_write


def is_read(request: Request) -> bool:
    """Choose what changes nothing, but for a watch, which goes on for as long as it is wanted."""
    return not request.is_write and "watch=" not in request.target


def every(number: int) -> Callable[[int], bool]:
    """Hit one of so many, and not the first."""
    return lambda count: count % number == number - 1


def only(number: int) -> Callable[[int], bool]:
    """Hit this one alone."""
    return lambda count: count == number


def refusal(status: int, reason: str, message: str, *, retry_after: int | None = None) -> Answer:
    """Answer as an API server does that can't serve a request now.

    Args:
        status: HTTP's.
        reason: Kubernetes' word for it.
        message: For a person.
        retry_after: Seconds; None: it doesn't say when to come again.
    """
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Answer(status, headers, json.dumps({**said, "reason": reason, "message": message}).encode())


BUSY = refusal(429, "TooManyRequests", "the server has received too many requests", retry_after=1)
OVERLOADED = refusal(503, "ServiceUnavailable", "the server is currently unable to handle the request", retry_after=1)
BROKEN = refusal(500, "InternalError", "Internal error occurred: etcdserver: leader changed")
