"""Child processes, and what each cost: every number of the benchmark comes from one of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
COMMANDS = Path(sys.executable).parent
"""Where this environment's own commands are."""


class FailedError(Exception):
    """A child process ended otherwise than well; says which, and what it printed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    seconds: float
    """From start to end, as whoever waits for it sees it."""
    processor: float
    """Seconds of all its threads."""
    peak_mib: float
    """The most memory it held at once (resident)."""


def run(*command: str | Path, folder: Path = PROJECT, env: Mapping[str, str] | None = None) -> Cost:
    """Run *command* in *folder* to its end, its output thrown away, and return what it took.

    Args:
        command: What is run.
        folder: Where.
        env: Its whole environment; ours, where there is none.

    Raises:
        FailedError: Its exit code isn't 0.
    """
    start = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own arguments, no shell
        [os.fspath(word) for word in command], cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None  # it is a pipe
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise FailedError(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{said.decode()}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measured(module: str, *arguments: str | Path) -> dict[str, Any]:
    """Run ``tests.bench.<module>`` with *arguments* and return what it measured by itself.

    Raises:
        FailedError: Its exit code isn't 0.
    """
    command = [sys.executable, "-m", f"tests.bench.{module}", *(os.fspath(word) for word in arguments)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode != 0:
        raise FailedError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
