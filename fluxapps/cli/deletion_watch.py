"""Watches the deletions that pulumi waits for: says early why one is held up, and ends pulumi where nothing moves.

Pulumi itself waits for each deletion until that has used up its time, ten minutes and more, and says nothing.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Final, Self

from fluxapps.cli.screen import counted
from fluxapps.engine.cluster import Cluster, ClusterError
from fluxapps.engine.departure import deletions, examine
from fluxapps.model.live.departure import listed
from fluxapps.model.live.held import Held
from fluxapps.model.objects import ObjectId

PATIENCE: Final = 60.0
"""Seconds without any progress, with nobody at work, after which pulumi is ended."""
_QUIET: Final = 15.0
"""Seconds in which an object that is being deleted usually changes or goes."""
_QUIETLY: Final = 4
"""The part of a shorter patience that counts as quiet."""
_POLLS: Final = 3
"""Looks while it is quiet."""


@dataclass(kw_only=True)
class DeletionWatch:
    """Use it in a ``with`` block around pulumi, in the main thread."""

    cluster: Cluster
    label: str
    """Value of the stack's label."""
    say: Callable[[str], None]
    """Gets each line, from another thread."""
    patience: float = PATIENCE
    gave_up: bool = False
    """Whether pulumi was ended."""
    _ended: threading.Event = field(default_factory=threading.Event)
    _told: set[tuple[ObjectId, str]] = field(default_factory=set)
    _seen: dict[ObjectId, tuple[str, float]] = field(default_factory=dict)
    """Since when an object is as it is."""
    _still: tuple[int, float] = (0, 0.0)
    """What was found last, and since when it is so."""

    def __enter__(self) -> Self:
        """Begin to watch."""
        # Whatever comes between pulumi's end and ours is no reason to end before it is said what remains.
        self._before = signal.signal(signal.SIGTERM, self._terminated)
        self._thread = threading.Thread(target=self._watch, name="deletions", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._ended.set()
        self._thread.join()
        signal.signal(signal.SIGTERM, self._before)

    def look(self, now: float) -> bool:
        """Look once, *now* (seconds of any clock), and return whether pulumi is to be ended: nothing moves any more."""
        going = deletions(self.cluster, self.label)
        versions = {identity: str(metadata["resourceVersion"]) for identity, metadata in going.items()}
        self._seen = {
            identity: seen if (seen := self._seen.get(identity, ("", now)))[0] == version else (version, now)
            for identity, version in versions.items()
        }
        quiet = {identity for identity, (_, since) in self._seen.items() if now - since >= self._quiet}
        if not quiet:
            self._still = (0, now)
            return False
        examined = examine(self.cluster, self.label)
        self._tell(one for one in examined.held if one.id in quiet)
        if examined.signature != self._still[0]:
            self._still = (examined.signature, now)
        return not any(one.moves for one in examined.held) and now - self._still[1] >= self.patience - self._quiet

    @property
    def _quiet(self) -> float:
        return min(_QUIET, self.patience / _QUIETLY)

    def _watch(self) -> None:
        while not self._ended.wait(self._quiet / _POLLS):
            try:
                hopeless = self.look(time.monotonic())
            except ClusterError:
                continue  # Pulumi will say so, or the next look succeeds.
            if hopeless and not self._ended.is_set():
                self.gave_up = True
                self.say(f"nothing has moved for {self.patience:.0f} s, and nobody is at work: ending")
                # It reaches pulumi, which ends in order: signals that would end us are passed on to it.
                signal.pthread_kill(_main_thread(), signal.SIGTERM)
                return

    def _terminated(self, number: int, frame: FrameType | None) -> None:
        if not self.gave_up and callable(self._before):
            self._before(number, frame)
        elif not self.gave_up:
            raise SystemExit(128 + number)

    def _tell(self, found: Iterable[Held]) -> None:
        news: dict[str, list[Held]] = {}
        for one in found:
            if (one.id, one.why) not in self._told:
                self._told.add((one.id, one.why))
                news.setdefault(one.why, []).append(one)
        for why, some in news.items():
            self.say(f"held up: {named(some)} {why}")


def named(some: list[Held]) -> str:
    """Return the objects of *some*, whose reason is the same, in a row."""
    if len(some) == 1:
        return str(some[0].id)
    return f"{counted(len(some), 'object')} ({listed([str(one.id) for one in some], 4)}): each"


def _main_thread() -> int:
    identity = threading.main_thread().ident
    assert identity is not None  # noqa: S101 - it runs; mypy can't know
    return identity
