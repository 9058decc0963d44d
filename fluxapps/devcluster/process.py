"""Programs as processes that outlive who started them, known again later by more than their number."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.02
_STANDARD_ERROR = 2
_STAT_STATE = 0
_STAT_THREADS = 17
_STAT_START = 19
# Positions in /proc/<pid>/stat after the parenthesised command: fields 3, 20 and 22 of proc(5).


@dataclass(frozen=True, slots=True)
class Process:
    """A process that we started: its number, and when that was, so that a reused number isn't taken for it."""

    pid: int
    born: str
    """The moment of its start, in the kernel's words; only ever compared."""

    @property
    def is_running(self) -> bool:
        """Whether it is there, itself, and not a zombie."""
        if _born(self.pid) == self.born:
            return True
        with suppress(ChildProcessError):
            # When it was our own child nobody else would reap it.
            os.waitpid(self.pid, os.WNOHANG)
        return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process is gone."""
        if self.is_running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def start(command: Iterable[str | Path], *, log: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Start a program in a session of its own, so that neither a closed terminal nor Ctrl-C in ``make`` ends it.

    Args:
        command: The program's path and its arguments.
        log: Where its output goes, from the start of the file; the output before is kept beside it as ``<log>.old``.
        environment: Instead of ours.

    Raises:
        OSError: The program can't be run.
    """
    arguments = [str(word) for word in command]
    with suppress(FileNotFoundError):
        log.replace(log.with_suffix(".log.old"))
    pid = os.posix_spawn(
        arguments[0],
        arguments,
        dict(os.environ if environment is None else environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, number) for number in _inherited()),
        ],
        setsid=True,
    )
    return Process(pid, _born(pid))


def end(processes: Iterable[Process], *, patience: float) -> None:
    """End processes one after the other: asked first, killed after *patience* seconds; returns when all are gone."""
    for process in processes:
        process.signal(signal.SIGTERM)
        deadline = time.monotonic() + patience
        while process.is_running:
            if time.monotonic() > deadline:
                process.signal(signal.SIGKILL)
            time.sleep(_POLL)


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log that say something, indented; empty when there are none."""
    try:
        text = log.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    # After a Go program's panic come the stacks of all its goroutines; the reason stands before them.
    told = text.partition("\ngoroutine ")[0]
    return "\n".join(f"  {line}" for line in told.splitlines()[-lines:])


def _inherited() -> list[int]:
    """List the files that a child would keep open: whoever reads the other end would wait for it for ever."""
    numbers = []
    for number in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
        with suppress(OSError):
            # The listing's own file is closed by now.
            if number > _STANDARD_ERROR and os.get_inheritable(number):
                numbers.append(number)
    return numbers


def _born(pid: int) -> str:
    """Say when the process of this number started; empty when there is none, or only a zombie."""
    if not sys.platform.startswith("linux"):
        answer = subprocess.run(  # noqa: S603  no shell, and our own arguments
            ("/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)), check=False, capture_output=True, text=True
        )
        state, _, started = answer.stdout.strip().partition(" ")
        return "" if state.startswith("Z") else started.strip()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # A first thread that has ended is a zombie already while others still hold the program's files and ports.
    if fields[_STAT_STATE] in {"Z", "X"} and int(fields[_STAT_THREADS]) <= 1:
        return ""
    # Clock ticks since the boot: the boot's id tells them apart from those of another boot.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    return f"{boot}/{fields[_STAT_START]}"
