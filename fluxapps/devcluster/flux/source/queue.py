"""Which objects are to be looked at, and when: each once at a time, however often it is asked for."""

import threading
import time

from fluxapps.devcluster.flux.kubernetes import Key


class Queue:
    """A work queue for several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._worked_on: set[Key] = set()

    def add(self, key: Key, after: float = 0) -> None:
        """Ask for an object in so many seconds; an earlier moment asked for before still counts."""
        due = time.monotonic() + after
        with self._changed:
            if due < self._due.get(key, due + 1):
                self._due[key] = due
                self._changed.notify_all()

    def take(self) -> Key:
        """Wait for the next object; `done` has to be called for it."""
        with self._changed:
            while True:
                free = [(due, key) for key, due in self._due.items() if key not in self._worked_on]
                due, key = min(free, key=lambda pair: pair[0], default=(None, None))
                pause = None if due is None else due - time.monotonic()
                if key is not None and pause is not None and pause <= 0:
                    del self._due[key]
                    self._worked_on.add(key)
                    return key
                self._changed.wait(pause)

    def done(self, key: Key) -> None:
        """Say that an object's turn has ended."""
        with self._changed:
            self._worked_on.discard(key)
            self._changed.notify_all()
