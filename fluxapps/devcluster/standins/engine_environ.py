"""The environment that the calling engine runs in, which its own plugins would have inherited.

A stand-in is started before the engine, and may serve several; what they were given (KUBECONFIG, say) is nowhere in
their calls. Linux tells which process holds the other end of a connection; elsewhere the stand-in's own environment
has to do, so callers start it with the one that they will run pulumi in.
"""

import os
from pathlib import Path

PROC = Path("/proc")

# Columns of /proc/net/tcp (proc(5)).
LOCAL_ADDRESS, INODE = 1, 9


def environ_of(peer: str) -> dict[str, str]:
    """Return the environment of the process at the other end of a connection.

    Args:
        peer: As gRPC names it: `ipv4:127.0.0.1:40000`.

    Returns:
        The environment that it was started with, or our own where that can't be known.
    """
    port = peer.rpartition(":")[2]
    try:
        socket = _socket(int(port))
        for process in PROC.iterdir():
            if process.name.isdigit() and _holds(process, socket):
                pairs = (process / "environ").read_bytes().split(b"\0")
                return dict(os.fsdecode(pair).split("=", 1) for pair in pairs if b"=" in pair)
    except (OSError, ValueError):
        pass
    return dict(os.environ)


def _socket(port: int) -> str:
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text("ascii").splitlines()[1:]:
            columns = line.split()
            if int(columns[LOCAL_ADDRESS].rpartition(":")[2], 16) == port and columns[INODE] != "0":
                return f"socket:[{columns[INODE]}]"
    raise ValueError(f"nobody has port {port}")


def _holds(process: Path, socket: str) -> bool:
    try:
        return any(str(file.readlink()) == socket for file in (process / "fd").iterdir())
    except OSError:
        return False  # Somebody else's, or gone.
