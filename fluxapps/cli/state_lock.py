"""Locks and leavings in a state that lies in files: whose they are, and clearing those of runs that were killed.

Pulumi itself never does: after a kill it refuses every command until `pulumi cancel`, which clears live locks too.
"""

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fluxapps.cli.failure import CommandError

_SLACK = timedelta(seconds=5)
"""So much later a process may seem to have begun than it locked: `ps` counts whole seconds, and clocks are set."""
_FRACTION = re.compile(r"\.\d+")


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Who works, or worked, on a stack (pkg/backend/diy/lock.go of pulumi)."""

    file: Path
    pid: int
    user: str
    host: str
    since: datetime

    def __str__(self) -> str:
        """Name the holder."""
        return f"{self.user} on {self.host} (pulumi, pid {self.pid}, since {self.since.astimezone():%Y-%m-%d %H:%M:%S})"

    @property
    def is_here(self) -> bool:
        """Whether its holder ran on this host."""
        return self.host == socket.gethostname()

    @property
    def is_stale(self) -> bool:
        """Whether its holder is known to have ended: it ran here, and no process of that number began before it."""
        if not self.is_here:
            return False
        began = _began(self.pid)
        return began is None or began > self.since + _SLACK


def clear_locks(folder: Path, stack: str, say: Callable[[str], None]) -> None:
    """Clear what a killed run left of its locks in *folder*, and say so.

    Args:
        folder: Of the locks of one stack.
        stack: Its name.
        say: Gets what is cleared, a line each.

    Raises:
        CommandError: Somebody works on the stack now, or may do so from another host. Nothing was cleared.
    """
    locks = [lock for file in sorted(folder.glob("*.json")) if (lock := _read(file, stack)) is not None]
    live = [lock for lock in locks if not lock.is_stale]
    if live:
        here = all(lock.is_here for lock in live)
        raise CommandError(
            f"stack {stack} is being worked on by {' and '.join(map(str, live))}. Nothing was changed",
            "wait for its end, then run this again"
            if here
            else f"wait for its end; if it runs no more (only that host knows): pulumi cancel --yes {stack}",
        )
    for lock in locks:
        # Its name is its holder's alone: whoever else clears or locks at this moment has another file.
        _remove(lock.file)
        say(f"the last run on stack {stack} was killed: cleared the lock of {lock}")


def mend_state(state: Path, say: Callable[[str], None]) -> None:
    """Remove what makes pulumi fail to read a whole *state*: an empty file of attributes, as a kill leaves it.

    The state is written beside and then renamed; its attributes, which say nothing that anybody reads, are not. To be
    called when nobody works on the stack.
    """
    attributes = state.with_name(f"{state.name}.attrs")
    if state.exists() and attributes.exists() and not attributes.stat().st_size:
        attributes.unlink(missing_ok=True)
        say(f"a run was killed while it wrote the state: removed the empty {attributes.name}, the state is whole")


def _read(file: Path, stack: str) -> Lock | None:
    """Return the lock in *file*; None where it went meanwhile."""
    try:
        said = json.loads(file.read_text("utf-8"))
        # Go writes nanoseconds; what is under a second doesn't count here.
        since = datetime.fromisoformat(_FRACTION.sub("", said["timestamp"]))
        return Lock(file=file, pid=int(said["pid"]), user=said["username"], host=said["hostname"], since=since)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"{file} is no lock that can be read, so who works on stack {stack} can't be told",
            f"if nobody does: pulumi cancel --yes {stack}, or remove the file",
        ) from error


def _remove(file: Path) -> None:
    for each in (file, file.with_name(f"{file.name}.attrs")):
        each.unlink(missing_ok=True)


def _began(pid: int) -> datetime | None:
    """Return when the process *pid* began; None where it runs no more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except (PermissionError, OverflowError):
        pass
    asked = subprocess.run(  # noqa: S603 - a number
        ("ps", "-o", "stat=,etime=", "-p", str(pid)),  # noqa: S607 - whichever ps there is
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    status, _, elapsed = asked.stdout.strip().partition(" ")
    if asked.returncode or status.startswith("Z"):
        # Ended, and only its parent hasn't taken note.
        return None
    return datetime.now(UTC) - _elapsed(elapsed.strip())


def _elapsed(text: str) -> timedelta:
    """Read ``[[dd-]hh:]mm:ss`` (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/ps.html)."""
    days, _, clock = text.rpartition("-")
    seconds = 0
    for part in clock.split(":"):
        seconds = seconds * 60 + int(part)
    return timedelta(days=int(days or 0), seconds=seconds)
