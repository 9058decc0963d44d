"""Waiting for what another process does, with a deadline."""

import os
import time
from collections.abc import Callable
from contextlib import suppress


def until(is_so: Callable[[], bool], within: float = 60) -> bool:
    """Say whether a condition comes true in time."""
    deadline = time.monotonic() + within
    while not (so := is_so()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return so


def runs(pid: int) -> bool:
    """Say whether there is such a process."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
