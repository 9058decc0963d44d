"""How a wait is ended from another thread."""

import contextlib
import threading
from collections.abc import Callable, Iterator


class Cancellation:
    """Ends what a call waits for: another thread sets it, blocked reads return."""

    def __init__(self) -> None:
        self._set = threading.Event()
        self._lock = threading.Lock()
        self._closers: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """End every wait, now and later."""
        with self._lock:
            self._set.set()
            closers = list(self._closers)
        for close in closers:
            close()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._set.is_set()

    def sleep(self, seconds: float) -> bool:
        """Sleep, and return whether it was cancelled meanwhile."""
        return self._set.wait(seconds)

    @contextlib.contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """Call *close* when cancelled inside the block."""
        with self._lock:
            self._closers.append(close)
            late = self.cancelled
        if late:
            close()
        try:
            yield
        finally:
            with self._lock:
                self._closers.remove(close)
