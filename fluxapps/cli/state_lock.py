"""Locks and leavings in a state that lies in files: whose they are, and clearing those of runs that were killed.

Pulumi itself never does: after a kill it refuses every command until `pulumi cancel`, which clears live locks too.
"""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fluxapps.cli.failure import CommandError

_SLACK = timedelta(seconds=5)
"""So much later a process may seem to have begun than it locked: `ps` counts whole seconds, and clocks are set."""
_END = 16
"""Bytes that show whether a state was written to its end."""
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
    found = [(file, _read(file)) for file in sorted(folder.glob("*.json"))]
    locks = [lock for _, lock in found if lock is not None]
    live = [lock for lock in locks if not lock.is_stale]
    if live:
        here = all(lock.is_here for lock in live)
        raise CommandError(
            f"stack {stack} is being worked on by {' and '.join(map(str, live))}. Nothing was changed",
            "wait for its end, then run this again"
            if here
            else f"wait for its end; if it runs no more (only that host knows): pulumi cancel --yes {stack}",
        )
    for file, lock in found:
        # Its name is its holder's alone: whoever else clears or locks at this moment has another file.
        _remove(file)
        say(
            f"the last run on stack {stack} was killed: cleared the lock of {lock}"
            if lock is not None
            # It is written beside and then renamed: only a writer whose write failed leaves it so, and then gives up.
            else f"the last run on stack {stack} had no room for its lock: cleared what there was of it"
        )


def mend_state(state: Path, say: Callable[[str], None]) -> None:
    """Mend what makes pulumi fail to read *state*. To be called when nobody works on the stack.

    - An empty file of attributes, as a kill leaves it: the state is written beside and then renamed, its attributes,
      which say nothing that anybody reads, are not.
    - A state cut off where the disk was full: pulumi's storage then puts what it could write in the place of the whole
      one, of which the copy that pulumi made before is left. What was made since is found by its label.
    """
    attributes = state.with_name(f"{state.name}.attrs")
    if state.exists() and attributes.exists() and not attributes.stat().st_size:
        attributes.unlink(missing_ok=True)
        say(f"a run was killed while it wrote the state: removed the empty {attributes.name}, the state is whole")
    copy = state.with_name(f"{state.name}.bak")
    if state.suffix == ".json" and state.exists() and not _is_whole(state) and copy.exists() and _is_whole(copy):
        staged = state.with_name(f"{state.name}.new")
        try:
            shutil.copyfile(copy, staged)
            staged.replace(state)
        finally:
            staged.unlink(missing_ok=True)
        say(f"the state was cut off, as on a full disk: went back to {copy.name}, the one before it")


def _is_whole(state: Path) -> bool:
    with state.open("rb") as file:
        file.seek(max(0, state.stat().st_size - _END))
        # Pulumi indents it: nothing but its end is a brace that begins a line.
        if file.read().rstrip().endswith(b"\n}"):
            return True
    try:
        return isinstance(json.loads(state.read_bytes()), dict)
    except ValueError:
        return False


def _read(file: Path) -> Lock | None:
    """Return the lock in *file*; None where it is none, or none any more."""
    try:
        said = json.loads(file.read_text("utf-8"))
        # Go writes nanoseconds; what is under a second doesn't count here.
        since = datetime.fromisoformat(_FRACTION.sub("", said["timestamp"]))
        return Lock(file=file, pid=int(said["pid"]), user=said["username"], host=said["hostname"], since=since)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


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
