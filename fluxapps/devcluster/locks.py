"""One process at a time, across processes, by a lock that ends with whoever holds it."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(file: Path, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock *file* for the block; the kernel releases it also when the process is killed.

    Args:
        file: Made when it isn't there, and left behind: removing it would let two processes lock two files of one name.
        waiting: Called once when somebody else holds the lock, before waiting for it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
