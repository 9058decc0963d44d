"""The environment that the calling engine runs in, which its own plugins would have inherited.

A stand-in is started before the engine, and may serve several; what they were given (KUBECONFIG, say) is nowhere in
their calls. Linux tells which process holds the other end of a connection; elsewhere the stand-in's own environment
has to do, so callers start it with the one that they will run pulumi in.
"""

import contextlib
import os
from pathlib import Path

PROC = Path("/proc")

# Columns of /proc/net/tcp (proc(5)).
LOCAL_ADDRESS, REMOTE_ADDRESS, INODE = 1, 2, 9

UNCONNECTED = "0"

# The tables are read in pieces. While other connections come and go, a line may be given twice, or not at all.
READS = 20


def environ_of(peer: str) -> dict[str, str]:
    """Return the environment of the process at the other end of a connection.

    Args:
        peer: As gRPC names it: `ipv4:127.0.0.1:40000`.

    Returns:
        The environment that it was started with, or our own where that can't be known.
    """
    port = peer.rpartition(":")[2]
    try:
        socket = next(found for _ in range(READS) if (found := _other_end(int(port))))
        for process in PROC.iterdir():
            if process.name.isdigit() and socket in _opened(process):
                pairs = (process / "environ").read_bytes().split(b"\0")
                return dict(os.fsdecode(pair).split("=", 1) for pair in pairs if b"=" in pair)
    except (OSError, ValueError, StopIteration):
        pass
    return dict(os.environ)


def _other_end(port: int) -> str | None:
    """Find the socket at *port* that is connected to one of ours; None if it isn't in the tables, this time.

    The port alone does not tell: the system gives one port to several connections, as long as they lead to
    different ones, and another program's connection may have the same.
    """
    connections = []
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text("ascii").splitlines()[1:]:
            columns = line.split()
            if columns[INODE] != UNCONNECTED:
                local, remote = (int(columns[at].rpartition(":")[2], 16) for at in (LOCAL_ADDRESS, REMOTE_ADDRESS))
                connections.append((local, remote, f"socket:[{columns[INODE]}]"))
    ours = _opened(PROC / "self")
    served = {local for local, remote, socket in connections if remote == port and socket in ours}
    return next((socket for local, remote, socket in connections if local == port and remote in served), None)


def _opened(process: Path) -> set[str]:
    """List what a process has open, as links to it name it; nothing of a process that is somebody else's, or gone."""
    held = set()
    with contextlib.suppress(OSError):
        for file in (process / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                held.add(str(file.readlink()))
    return held
