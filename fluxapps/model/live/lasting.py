"""Which failures count: those that have lasted as long as Flux takes to get over such a one by itself."""

from fluxapps.model.live.health import Health
from fluxapps.model.live.verdict import Verdict
from fluxapps.model.objects import ObjectId

_FORGOTTEN_AFTER = 10.0
"""Seconds without a failure after which the next one is new: between two tries Flux says that it is progressing."""


class Lasting:
    """The failures of one run, and since when each lasts."""

    def __init__(self) -> None:
        self._spans: dict[tuple[ObjectId, ObjectId | None], tuple[float, float]] = {}

    def counting(self, verdict: Verdict, now: float, least: float = 0) -> dict[ObjectId, Health]:
        """Return the failures of *verdict* that count.

        Args:
            verdict: How all stands.
            now: When it was looked at, in seconds by any clock that goes forward.
            least: Seconds that any failure has to last.
        """
        found = {}
        for one, health in verdict.failures.items():
            since, last = self._spans.get((one, health.root), (now, now))
            since = since if now - last < _FORGOTTEN_AFTER else now
            self._spans[one, health.root] = (since, now)
            if now - since >= max(health.lasting, least):
                found[one] = health
        return found
