"""A run that is killed when it has come so far: which request that is, and which of its processes are killed."""

import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.engine.fleet import Running
from tests.reliability.proxy import Fault, Proxy, Request, Step

PATIENCE = 120
"""Seconds until a run must have come so far."""
_SEAMS = (b"standins/program/run.py", b"pulumi-language-python-exec")
"""What stands in the command line of the process that runs `__main__.py`: of the stand-in, of Pulumi's own host."""

Victim = Literal["engine", "program", "everything"]
VICTIMS: tuple[Victim, ...] = ("engine", "program", "everything")


class Standstill(Fault):
    """Lets so many writes through, does one more whose answer is kept back, and holds all further.

    So there is what is made and known to be, what is made and not known to be, and what isn't made.
    """

    def __init__(self, writes: int, method: str, *, lose: bool = True) -> None:
        """Say where it is to stop.

        Args:
            writes: How many are answered.
            method: POST or DELETE: what counts.
            lose: Whether one more is done whose answer gets lost; else it is held with the rest.
        """
        self._lose = lose
        self._writes = writes
        self._method = method
        self._begun = 0
        self._answered = 0
        self._lost = False
        self._lock = threading.Lock()
        self._reached = threading.Event()
        self._over = threading.Event()
        self._after = Step.DROP

    def meets(self, request: Request) -> Step:
        if self._over.is_set() or not request.is_write:
            return Step.PASS
        with self._lock:
            if request.method == self._method:
                self._begun += 1
                if self._begun <= self._writes:
                    return Step.PASS
                if self._begun == self._writes + 1 and self._lose:
                    return Step.LOSE_ANSWER
        self._over.wait(PATIENCE)
        return self._after

    def answered(self, request: Request, step: Step) -> None:
        if request.method != self._method or not request.is_write:
            return
        with self._lock:
            self._lost = self._lost or step is Step.LOSE_ANSWER
            self._answered += step is Step.PASS
            if (self._lost or not self._lose) and self._answered >= self._writes:
                self._reached.set()

    def is_reached(self, running: Running) -> None:
        """Wait until the run stands still.

        Raises:
            AssertionError: It ends before, or takes too long.
        """
        for _ in range(PATIENCE * 20):
            if self._reached.wait(0.05):
                return
            assert running.is_running(), f"it ended before:\n{running.output}"
        raise AssertionError(f"after {PATIENCE} s {self._answered} of {self._writes} writes:\n{running.output}")

    def let_go(self, after: Step) -> None:
        """Let what was held go on, to the server or nowhere."""
        self._after = after
        self._over.set()


@dataclass(frozen=True)
class Interruption:
    """Where a run is killed, and how."""

    writes: int
    """How many objects are made (or asked to go), and known to be, by then."""
    victim: Victim

    def strikes(self, running: Running, proxy: Proxy, root: Path, method: str) -> None:
        """Wait until *running* has come so far, kill it, and wait for the end of what is left of it.

        Call it after `prepared`.

        Args:
            running: The command.
            proxy: Between it and the cluster.
            root: The repository: tells its program from others'.
            method: What counts as a write.
        """
        fault = proxy.fault
        assert isinstance(fault, Standstill)
        try:
            fault.is_reached(running)
            if self.victim == "everything":
                _kill(_programs(root))
                running.kill()
            elif self.victim == "engine":
                _kill(_engines(running.group))
            else:
                programs = _programs(root)
                assert programs or method == "DELETE", "no program runs"
                _kill(programs or _engines(running.group))
        finally:
            # Who runs on when the program is gone, does what it began; of a killed engine nothing goes on.
            fault.let_go(Step.PASS if self.victim == "program" else Step.DROP)
        code = running.ends()
        proxy.fault = Fault()
        assert code != 0, running.output


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _programs(root: Path) -> list[int]:
    """Find the processes that run the repository's `__main__.py`."""
    return [
        pid
        for pid in _pids()
        if any(seam in _command_line(pid) for seam in _SEAMS) and _working_folder(pid) == root.resolve()
    ]


def _engines(group: int) -> list[int]:
    """Find the pulumi of a process group."""
    found = [pid for pid in _pids() if _group(pid) == group and _name(pid) == "pulumi"]
    assert found, "no engine runs"
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _command_line(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _working_folder(pid: int) -> Path | None:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cwd").readlink()
    return None


def _group(pid: int) -> int:
    with suppress(OSError):
        return os.getpgid(pid)
    return -1


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    return ""
