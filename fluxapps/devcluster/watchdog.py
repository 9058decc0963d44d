"""Ends a cluster when whoever started it is gone, however that came about.

It has a pipe as its standard input, whose other end is held by nobody but the one to be watched: the kernel closes it
also for a process that was killed.
"""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def watch(folder: Path) -> subprocess.Popen[bytes]:
    """Start watching this Python process; the watchdog ends when its standard input is closed."""
    return subprocess.Popen(  # noqa: S603  no shell, and our own arguments
        (sys.executable, "-c", f"from {__name__} import main; main()", str(folder)),
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # Ctrl-C goes to everything in the terminal's group; the watchdog has to outlive it.
        start_new_session=True,
    )


def main() -> None:
    """Wait for the end of standard input, then end the cluster in the folder that the first argument names."""
    from fluxapps.devcluster.cluster import Cluster  # noqa: PLC0415  cluster.py starts this module

    sys.stdin.buffer.read()
    Cluster(Path(sys.argv[1])).stop()
