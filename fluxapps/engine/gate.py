"""The readiness gate: the last thing a program waits for, so that ``up`` ends when its apps are Ready, or says why not.

It holds no worker of the engine. What the engine deletes, it deletes after the program: when the gate fails, all of it
stays.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import pulumi

from fluxapps.engine.branch_head import ask_to_fetch
from fluxapps.engine.cluster import ClusterError
from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.engine.resource import Leaves
from fluxapps.engine.watch import Look, Watch, only
from fluxapps.model.declare.declaration import Declaration
from fluxapps.model.live.bounds import bounds
from fluxapps.model.live.health import UNTOUCHED, Health, State, failed
from fluxapps.model.live.lasting import Lasting
from fluxapps.model.live.scene import Cast
from fluxapps.model.live.verdict import Verdict
from fluxapps.model.objects import DeclaredObject, ObjectId

_TOLD_EVERY: Final = 0.1
"""Of the time that went by, between two lines of progress: a log, where each stays, has few of a long wait."""
_IN_FLIGHT_LASTS: Final = 3.0
"""Seconds that a failure lasts before it is told of what Pulumi itself is waiting for: its update may be on the way."""


class Gate:
    """One run's wait for its stack."""

    def __init__(
        self,
        choice: ClusterChoice,
        whole: Declaration,
        left: Collection[ObjectId],
        outdated: Mapping[ObjectId, str] = MappingProxyType({}),
    ) -> None:
        """Prepare to wait.

        Args:
            choice: The cluster.
            whole: The whole declaration.
            left: What the run would remove.
            outdated: Sources that have to fetch again, and the revision that each has.
        """
        self._choice = choice
        self._cast = replace(Cast.of(whole), outdated=outdated)
        self._bounds = bounds(self._cast)
        self._left = frozenset(left)
        self._loop = asyncio.get_running_loop()
        self._watch = Watch(choice, self._cast, self._seen_in_thread)
        self._looked = asyncio.Event()
        self._look: Look | ClusterError | None = None
        self._lasting = Lasting()
        self._lasting_in_flight = Lasting()
        self._in_flight: set[ObjectId] = set()
        self._told: set[ObjectId] = set()

    @classmethod
    def is_needed(cls, whole: Declaration) -> bool:
        """Return whether anything of *whole* is waited for, by the gate or by Pulumi itself."""
        return bool(whole.granted) or any(one.wait_ready for one in whole.for_pulumi().objects())

    def open(self) -> None:
        """Begin to watch."""
        self._watch.start()

    def follow(self, objects: Iterable[DeclaredObject], leaves: Leaves) -> None:
        """Wait for all that is registered, then for it to get Ready; the last statement of the program.

        Args:
            objects: What Pulumi delivers.
            leaves: The resources made of it.
        """
        for one in objects:
            if one.wait_ready and one.id in leaves:
                self._follow_in_flight(one, leaves)
        ids = [leaf.id for leaf in leaves.values()]
        _done: pulumi.Output[None] = pulumi.Output.all(*ids).apply(self.wait)

    def _follow_in_flight(self, one: DeclaredObject, leaves: Leaves) -> None:
        """Know when Pulumi waits for *one*: once all before it is made, until it is Ready."""
        before = [leaves[each].id for each in one.after if each in leaves]
        pulumi.Output.all(*before).apply(lambda _: self._in_flight.add(one.id))
        leaves[one.id].id.apply(lambda _: self._in_flight.discard(one.id))

    async def wait(self, _: object = None) -> None:
        """Return once all that is waited for is Ready.

        Raises:
            pulumi.RunError: With what waiting won't mend, or because the cluster can't be read.
        """
        try:
            if self._cast.granted:
                if self._cast.outdated:
                    await asyncio.to_thread(ask_to_fetch, self._choice, self._cast.outdated)
                await self._until_ready()
        finally:
            self._watch.end()

    async def _until_ready(self) -> None:
        begun = told = moved = time.monotonic()
        shown, ready = "", -1
        touched: dict[ObjectId, float] = {}
        while True:
            verdict = await self._next_verdict(begun)
            now = time.monotonic()
            count = sum(health.state is State.READY for health in verdict.healths.values())
            if count > ready:
                ready, moved = count, now
            for one, health in verdict.healths.items():
                if health != UNTOUCHED:
                    touched.setdefault(one, now)
            failures = self._lasting.counting(verdict, now) | self._overdue(verdict, touched, moved, now)
            if failures:
                raise pulumi.RunError(verdict.report(failures, self._left))
            line = verdict.progress()
            if not verdict.waiting and not verdict.failures:
                pulumi.log.info(f"{line}, {now - begun:.0f} s after all was made")
                return
            if line != shown and now - told > _TOLD_EVERY * (now - begun):
                pulumi.log.info(line, ephemeral=True)
                told, shown = now, line

    async def _next_verdict(self, begun: float) -> Verdict:
        """Return the next verdict, of a look that began after *begun*: one before it may miss what was just made."""
        while True:
            self._looked.clear()
            look = self._look
            if isinstance(look, ClusterError):
                raise pulumi.RunError(f"what this run waits for can't be seen: {look.what}\n  fix: {look.fix}")
            if look is not None and look.begun > begun:
                self._look = None
                return only(look.verdict, self._cast.granted)
            await self._looked.wait()

    def _overdue(
        self, verdict: Verdict, touched: dict[ObjectId, float], moved: float, now: float
    ) -> dict[ObjectId, Health]:
        """Return what Flux should be done with by its own timeouts, counted since it began, or anything got Ready."""
        return {
            one: failed(one, f"not Ready within {self._bounds[one]:.0f} s: {health.why}")
            for one, health in verdict.waiting.items()
            if now - max(touched.get(one, moved), moved) > self._bounds[one]
        }

    def _seen_in_thread(self, look: Look | ClusterError) -> None:
        with suppress(RuntimeError):  # the program has ended meanwhile, and its loop with it
            self._loop.call_soon_threadsafe(self._seen, look)

    def _seen(self, look: Look | ClusterError) -> None:
        self._look = look
        self._looked.set()
        if isinstance(look, Look) and (held := self._in_flight - self._told):
            verdict = only(look.verdict, sorted(held))
            for one, health in self._lasting_in_flight.counting(verdict, look.begun, _IN_FLIGHT_LASTS).items():
                self._told.add(one)
                pulumi.log.warn(f"{one} won't get Ready; up ends with the wait for it\n  {health.root}: {health.why}")
